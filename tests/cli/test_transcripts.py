"""The transcripts are run to the letter."""

import difflib
from pathlib import Path

import pytest

from tests.cli.transcript import FOLDER, rewrite


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.txt")))
def test_transcript_is_what_the_commands_print(name: str, tmp_path: Path) -> None:
    """Every line of the transcript is what `privet` prints, on the stream and with the exit code that it says."""
    text = (FOLDER / f"{name}.txt").read_text()
    now = rewrite(text, tmp_path)
    diff = "\n".join(
        difflib.unified_diff(text.split("\n"), now.split("\n"), "transcript", "printed", lineterm="")
    )
    assert now == text, diff
