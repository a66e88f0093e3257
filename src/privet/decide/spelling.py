"""Which of the names that there are was meant, it may be: letters and digits count, and one of them may be wrong.

By a look-up rather than a search: callers choose the names that are not known, and how many. Refuses names too long to
be a slip of anything.
"""

from collections.abc import Iterable, Sequence

_LONGEST = 60
_SHORTEST_SLIP = 4
"""Of fewer letters, one that is wrong makes another word."""


class Spellings:
    """The names of a catalogue, or those of it that one service has."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact: dict[str, list[str]] = {}
        self._slips: dict[str, list[str]] = {}
        for name in names:
            for spelling in {_bare(name), _bare(name.rpartition(".")[2])}:
                _add(self._exact, spelling, name)
                for slip in _slips(spelling):
                    _add(self._slips, slip, name)

    def near(self, name: str) -> Sequence[str]:
        """Those that differ in case or punctuation, or by their group; else those that differ by one letter."""
        if len(name) > _LONGEST:
            return ()
        bare = _bare(name)
        found = self._exact.get(bare)
        if found is not None:
            return found
        return list(dict.fromkeys(near for slip in _slips(bare) for near in self._slips.get(slip, ())))


def _add(index: dict[str, list[str]], spelling: str, name: str) -> None:
    known = index.setdefault(spelling, [])
    if name not in known:
        known.append(name)


def _bare(name: str) -> str:
    """Letters and digits, in lower case."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _slips(bare: str) -> set[str]:
    """It, and it without one of its letters: two names that differ by one letter have one of these in common."""
    if len(bare) < _SHORTEST_SLIP:
        return set()
    return {bare, *(bare[:at] + bare[at + 1 :] for at in range(len(bare)))}
