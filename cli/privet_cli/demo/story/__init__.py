"""The nine chapters, in order. Each takes the stage and prints what its calls returned."""

from pathlib import Path

from privet_cli.demo.guests import Guests
from privet_cli.demo.screen import Screen
from privet_cli.demo.stage import PASSPHRASE, Stage
from privet_cli.demo.story import arrival, figures, forgotten, herself, proof, reads


def tell_all(stage: Stage) -> None:
    """From the first import to the last erasure."""
    arrival.tell(stage)
    reads.front_desk(stage)
    reads.kitchen(stage)
    reads.marketing(stage)
    reads.data_broker(stage)
    herself.tell(stage)
    proof.tell(stage)
    forgotten.tell(stage)
    figures.tell(stage)


def say_what_next(screen: Screen, directory: Path, guests: Guests) -> None:
    """Commands that work on the vault that was kept."""
    guest = next(one for one in guests.people if one.invented["newsletter"] == "yes")
    screen.line(f"   The vault stays in {directory}. Try next:")
    screen.line()
    for command in (
        f"export PRIVET_VAULT={directory} PRIVET_PASSPHRASE={PASSPHRASE}",
        f"privet read --as city-front-desk --by email={guest.email} --purpose service-personalisation"
        " --field given_name --field room.bed",
        f"privet consent withdraw --by email={guest.email} marketing.email",
        f"privet audit query --as ana --by email={guest.email}",
        "privet audit verify",
    ):
        screen.line(f"     {command}")
    screen.line()
