"""The way to a human: the catalogue's contact, with its addresses as links. Refuses to make a link of anything else."""

import re
from typing import NamedTuple

from privet.portal.words.values import safe_text

_LINKED = re.compile(r"(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)|(?P<tel>\+\d[\d ]{6,16}\d)")


class Piece(NamedTuple):
    """Text, and where it leads when it is an address."""

    text: str
    link: str | None = None


def contact_pieces(contact: str, organisation: str) -> tuple[Piece, ...]:
    """The contact in pieces; when the catalogue names none, the organisation itself."""
    text = safe_text(contact) or safe_text(organisation) or "the organisation that holds your data"
    pieces, at = list[Piece](), 0
    for found in _LINKED.finditer(text):
        if found.start() > at:
            pieces.append(Piece(text[at : found.start()]))
        word = found.group()
        link = f"mailto:{word}" if found["mail"] else f"tel:{word.replace(' ', '')}"
        pieces.append(Piece(word, link))
        at = found.end()
    if at < len(text):
        pieces.append(Piece(text[at:]))
    return tuple(pieces)
