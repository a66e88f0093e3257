"""The starter catalogue that `privet init` writes: small, commented, and free of warnings.

Refuses to write over a catalogue or notice that is there.
"""

from importlib.resources import files
from pathlib import Path

from privet.errors import Conflict, Unavailable

_FILES = ("catalogue.yaml", "notices/marketing.md")


def write_starter(directory: Path) -> None:
    """Writes `catalogue.yaml` and `notices/marketing.md` into a directory that exists.

    Raises Conflict when one of them is there already (nothing is written), Unavailable when the disk refuses.
    """
    for name in _FILES:
        if (directory / name).exists():
            raise Conflict(f"{directory / name} is there already; choose another directory, or move it away")
    source = files(__name__)
    try:
        (directory / "notices").mkdir(exist_ok=True)
        for name in _FILES:
            with (directory / name).open("xb") as stream:
                stream.write(source.joinpath(name).read_bytes())
    except OSError as error:
        raise Unavailable(
            f"{directory}: the starter catalogue cannot be written ({error.strerror})"
        ) from None
