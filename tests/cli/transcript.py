"""Transcripts: sessions with `privet` that read like a manual, and are run to the letter.

    # Prose.
    $ privet read --as front-desk …       a command; `$ echo x | privet …` gives it standard input
    given_name   Ada                      what it prints
    ! privet: refused: …                  what it says on standard error
    [exit 1]                              its exit code, when not 0
    (on a terminal)                       the next command sees terminals
    $ cat > FILE <<END … END              a file

Ids, digests, times and sizes are written <id>, <hash>, <time>, <n>; <id> in a command is the last audit id printed.
`python -m tests.cli.transcript --write` rewrites what the commands print; read the diff.
"""

import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.cli.running import Ran, arguments_of, run, seal_cheaply

FOLDER = Path(__file__).parent / "transcripts"
_RULES = [
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)(?=  )"), f"{'<time>':20}"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"(?m)^opa test: .*"), "opa test: <opa>"),
    (re.compile(r"restored-\d+"), "restored-<n>"),
    (re.compile(r"before-restore-[0-9T]+-\d+"), "before-restore-<n>"),
    (re.compile(r"[\d,]+ (bytes|GiB|checkpoints|anchors)"), r"<n> \1"),
    (re.compile(r"SQLite [\d.]+"), "SQLite <n>"),
    (re.compile(r'"subject": "(?!<id>)[^"]+"'), '"subject": "<pairwise>"'),
    (re.compile(r'"revision": "(?!<hash>)[^"]+"'), '"revision": "<revision>"'),
    (re.compile(r"(waits for the code )\S+"), r"\1<code>"),
    (re.compile(r"\r[^\n]*\x1b\[K"), ""),
]


class Step(NamedTuple):
    """One command and what follows it. `file`: (name, text) for a here-document."""

    line: str
    terminal: bool
    expected: list[str]
    file: tuple[str, str] | None


def parse(text: str) -> Iterator[str | Step]:
    """Prose lines as text, commands as steps, in order."""
    lines = text.split("\n")
    terminal = False
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line == "(on a terminal)":
            terminal = True
        elif line.startswith("$ "):
            while line.endswith("\\"):
                line = f"{line}\n{lines[at]}"
                at += 1
            found = re.fullmatch(r"\$ cat > (\S+) <<END", line)
            if found:
                end = lines.index("END", at)
                yield Step(line, False, [], (found[1], "\n".join(lines[at:end]) + "\n"))
                at = end + 1
                continue
            expected = []
            while at < len(lines) and lines[at] and not lines[at].startswith(("$ ", "# ")):
                expected.append(lines[at])
                at += 1
            yield Step(line, terminal, expected, None)
            terminal = False
        else:
            yield line


class Session:
    """Runs the steps of one transcript in one directory."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._last_id = ""

    def run(self, step: Step) -> list[str]:
        """What the step prints, in the form of a transcript."""
        if step.file is not None:
            (self._home / step.file[0]).parent.mkdir(exist_ok=True)
            (self._home / step.file[0]).write_text(step.file[1])
            return []
        line = step.line[2:].replace("\\\n", " ").replace("<id>", self._last_id)
        stdin = ""
        piped = re.fullmatch(r"(?:echo|printf) (.+?) \| (privet .*)", line, re.DOTALL)
        if piped:
            stdin, line = "\n".join(shlex.split(piped[1])) + "\n", piped[2]
        words = shlex.split(line)
        if words[0] in ("cat", "rm"):
            file = self._home / words[-1]
            if words[0] == "rm":
                file.unlink()
                return []
            return file.read_text().rstrip("\n").split("\n")
        ran = run(*arguments_of(words), cwd=self._home, stdin=stdin, terminal=step.terminal)
        for found in re.finditer(r'"audit_id": "([0-9a-f]{32})"|\t([0-9a-f]{32})$', ran.out, re.MULTILINE):
            self._last_id = found[1] or found[2]
        if "init" in words[:4] and ran.code == 0:
            seal_cheaply(self._home / words[words.index("init") + 1])
        return self._shown(ran)

    def _shown(self, ran: Ran) -> list[str]:
        lines = self._lines(ran.out)
        lines += [f"! {line}".rstrip() for line in self._lines(ran.err)]
        return [*lines, *([f"[exit {ran.code}]"] if ran.code else [])]

    def _lines(self, text: str) -> list[str]:
        text = text.replace(str(self._home), "<dir>")
        for pattern, name in _RULES:
            text = pattern.sub(name, text)
        text = text.replace("\t", "   ")
        return [line.rstrip() for line in text.removesuffix("\n").split("\n")] if text else []


def rewrite(text: str, home: Path) -> str:
    """The transcript with what its commands print now."""
    session, out = Session(home), []
    for part in parse(text):
        if isinstance(part, str):
            out.append(part)
            continue
        if part.terminal:
            out.append("(on a terminal)")
        out.append(part.line)
        if part.file is not None:
            out += [*part.file[1].removesuffix("\n").split("\n"), "END"]
        out += session.run(part)
    return "\n".join(out)


def main() -> None:
    for path in sorted(FOLDER.glob("*.txt")):
        with tempfile.TemporaryDirectory() as folder:
            new = rewrite(path.read_text(), Path(folder))
        if "--write" in sys.argv:
            path.write_text(new)
        elif new != path.read_text():
            sys.exit(f"{path.name} is out of date")


if __name__ == "__main__":
    main()
