"""A notice's Markdown as blocks for a template: headings, lists, paragraphs, strong words. No HTML is made here.

Anything else of Markdown stays as it is written: what she agrees to is the text, to the letter. Refuses nothing.
"""

import re
from typing import NamedTuple

from privet.portal.words.values import safe_text

_STRONG = re.compile(r"\*\*(.+?)\*\*")


class Run(NamedTuple):
    text: str
    strong: bool = False


class Block(NamedTuple):
    """`kind`: "heading", "list" or "text". One line of runs each, several for a list."""

    kind: str
    lines: tuple[tuple[Run, ...], ...]


def parse_notice(text: str) -> tuple[Block, ...]:
    """The blocks of a notice, in order."""
    blocks: list[Block] = []
    kind, lines = "", list[str]()

    def close() -> None:
        nonlocal kind, lines
        if lines:
            blocks.append(Block(kind, tuple(_runs(line) for line in lines)))
        kind, lines = "", []

    for raw in text.splitlines():
        line = raw.strip()
        if not line:
            close()
        elif line.startswith("#"):
            close()
            blocks.append(Block("heading", (_runs(line.lstrip("#").strip()),)))
        elif line[:2] in ("- ", "* "):
            if kind != "list":
                close()
                kind = "list"
            lines.append(line[2:].strip())
        elif lines:
            lines[-1] += " " + line
        else:
            kind, lines = "text", [line]
    close()
    return tuple(blocks)


def _runs(line: str) -> tuple[Run, ...]:
    pieces = _STRONG.split(safe_text(line))
    return tuple(Run(piece, bool(at % 2)) for at, piece in enumerate(pieces) if piece)
