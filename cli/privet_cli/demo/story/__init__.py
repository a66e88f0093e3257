"""The nine chapters, in order. Each takes the stage and prints what its calls returned."""

import shlex
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
    guest = next(
        one for one in guests.people if one.invented["newsletter"] == "yes" and one is not guests.johnson
    )
    who = f"--by email={guest.email}"
    screen.line(f"   The vault stays in {directory}; its passphrase is {PASSPHRASE}. Try next:")
    screen.line()
    screen.line(
        f"     export PRIVET_VAULT={shlex.quote(str(directory.resolve()))} PRIVET_PASSPHRASE={PASSPHRASE}"
    )
    screen.line(f"     privet read --as marketing {who} --purpose marketing.email --field email")
    screen.line(f"     privet consent withdraw {who} marketing.email     # now read again")
    screen.line(f"     privet policy explain --as marketing {who} --purpose marketing.email --field email")
    screen.line(f"     privet audit query {who}")
    screen.line()
