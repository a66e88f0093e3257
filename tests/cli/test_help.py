"""Help: complete, quick, and the same in docs/cli.md."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from privet import __version__
from privet_cli.lazy import Sections
from tests.cli.reference import PAGE, every_command, page
from tests.cli.running import run, run_process

COMMANDS = every_command()
HEAVY = ("sqlalchemy", "cryptography", "pydantic", "yaml", "orjson", "regorus", "phonenumbers", "alembic")


def test_the_page_in_docs_is_what_help_says() -> None:
    """docs/cli.md is generated: `python -m tests.cli.reference --write`."""
    assert PAGE.read_text() == page()


@pytest.mark.parametrize("context", COMMANDS, ids=[c.command_path for c in COMMANDS])
def test_every_command_has_help_with_an_example(context: click.Context) -> None:
    """A sentence, and a line to copy, for each command and group."""
    text = context.command.help or ""
    assert len(text) > 30
    assert "$ " in text, "no example"
    for option in context.command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{option.name} has no help"


@pytest.mark.parametrize("context", COMMANDS, ids=[c.command_path for c in COMMANDS])
def test_the_list_of_commands_says_what_the_command_says(context: click.Context) -> None:
    """A lazily loaded command's line in the list is the first line of its own help."""
    group = context.parent.command if context.parent else None
    if not isinstance(group, Sections) or context.command.help is None:
        return
    first = context.command.help.strip().split("\n")[0].split("\x08")[0].strip()
    assert group.summary(context.info_name or "") == first


def test_version_and_help_load_nothing_heavy(tmp_path: Path) -> None:
    """`privet --version` and `--help` import no database, crypto or policy engine."""
    script = (
        "import sys; from privet_cli.main import run\n"
        "assert run(['--version']) == run(['--help']) == run(['audit', 'query', '--help']) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done


def test_version(tmp_path: Path) -> None:
    """One line with the version."""
    assert run("--version", cwd=tmp_path) == (f"privet {__version__}\n", "", 0)


def test_alone_it_says_its_help(tmp_path: Path) -> None:
    """`privet` without anything is no error."""
    ran = run(cwd=tmp_path)
    assert ran.code == 0
    assert "Usage: privet" in ran.out


def test_a_group_alone_says_its_help_and_is_an_error(tmp_path: Path) -> None:
    """`privet audit` asks for a command: help on standard error, exit code 2."""
    ran = run("audit", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "check-proof" in ran.err


def test_completion_completes(tmp_path: Path) -> None:
    """The shell's question gets the names of commands."""
    asked = {"_PRIVET_COMPLETE": "bash_complete", "COMP_WORDS": "privet audit ver", "COMP_CWORD": "2"}
    ran = run_process(cwd=tmp_path, env=asked)
    assert ran.out.strip() == "plain,verify"


def test_completion_knows_the_catalogue(vault: Path) -> None:
    """Names of services, purposes and fields are completed, with no passphrase."""
    for words, found in [
        ("privet read --as fr", "plain,front-desk"),
        ("privet --vault . read --purpose mark", "plain,marketing.email"),
        ("privet read --field room.b", "plain,room.bed"),
    ]:
        asked = {
            "_PRIVET_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        ran = run_process(cwd=vault, env=asked)
        assert ran.out.strip() == found, words


def test_completion_outside_a_vault_is_silent(tmp_path: Path) -> None:
    """No catalogue, no names, no noise."""
    words = "privet read --as fr"
    asked = {"_PRIVET_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "3"}
    ran = run_process(cwd=tmp_path, env=asked)
    assert (ran.out.strip(), ran.err, ran.code) == ("", "", 0)
