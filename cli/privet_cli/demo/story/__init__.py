"""The nine chapters, in order. Each takes the stage and prints what its calls returned."""

import shlex
from pathlib import Path

from privet_cli.demo.guests import Guests
from privet_cli.demo.screen import Screen
from privet_cli.demo.stage import PASSPHRASE, Stage
from privet_cli.demo.story import arrival, figures, forgotten, herself, pages, proof, reads


def tell_all(stage: Stage) -> None:
    """From the first import to the last erasure."""
    arrival.tell(stage)
    reads.front_desk(stage)
    reads.kitchen(stage)
    reads.marketing(stage)
    reads.data_broker(stage)
    herself.tell(stage)
    pages.tell(stage)
    proof.tell(stage)
    forgotten.tell(stage)
    figures.tell(stage)


def say_what_next(screen: Screen, directory: Path, guests: Guests) -> None:
    """Commands that work on the vault that was kept."""
    guest = next(
        one for one in guests.people if one.invented["newsletter"] == "yes" and one is not guests.johnson
    )
    place = shlex.quote(str(directory.resolve()))
    ask = "--as marketing --by $GUEST --purpose marketing.email --field email"
    screen.line(f"   The vault stays in {directory}; its passphrase is {PASSPHRASE}. Try next:")
    screen.line()
    screen.line(f"     export PRIVET_VAULT={place}")
    screen.line(f"     export PRIVET_PASSPHRASE={PASSPHRASE} GUEST=email={guest.email}")
    screen.line(f"     privet read {ask}")
    screen.line(f"     privet policy explain {ask}")
    screen.line("     privet consent withdraw --by $GUEST marketing.email    # and read again")
    screen.line("     privet audit query --by $GUEST --limit 10")
    screen.line()
