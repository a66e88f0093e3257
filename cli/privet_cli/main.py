"""`privet`: the way in. Loads a command only when it is called, and owns how the process ends (faults.py)."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from privet_cli.faults import EXIT_PIPE, report
from privet_cli.lazy import Place, Sections
from privet_cli.opening import STDIN, Invocation, read_line

COMMANDS: Mapping[str, Mapping[str, Place]] = {
    "Begin": {
        "init": Place("privet_cli.init", "init", "Make a new vault."),
        "demo": Place("privet_cli.demo.command", "demo", "Tell the story of a hotel group, with real calls."),
        "doctor": Place("privet_cli.doctor", "doctor", "Look the vault over and say what to mend."),
        "serve": Place(
            "privet_cli.serve", "serve", "Serve the vault over HTTP, to services, officers and customers."
        ),
    },
    "Data": {
        "read": Place("privet_cli.read", "read", "Read one person's fields as a service, for a purpose."),
        "import": Place(
            "privet_cli.importing", "import_", "Import people or records from CSV or JSON Lines."
        ),
        "subject": Place("privet_cli.subject", "subject", "What is held of a person; requests on paper."),
        "consent": Place("privet_cli.consent", "consent", "Consents of a person: grant, withdraw, status."),
        "rights": Place(
            "privet_cli.rights",
            "rights",
            "What a person may ask for, done on her behalf.",
        ),
    },
    "Rules": {
        "policy": Place("privet_cli.policy", "policy", "Check, test, show and explain the rules."),
        "service": Place(
            "privet_cli.service", "service", "The services of the catalogue, and what each may have."
        ),
    },
    "Log": {
        "audit": Place("privet_cli.audit", "audit", "Query, verify and prove the log."),
        "report": Place("privet_cli.report", "report", "Count reads and refusals over a time."),
    },
    "Keys and copies": {
        "keys": Place("privet_cli.keys", "keys", "The vault's keys: list, rotate, change the passphrase."),
        "backup": Place("privet_cli.copies", "backup", "Copy the vault while it is in use, never its keys."),
        "restore": Place("privet_cli.copies", "restore", "Bring the vault back from a backup."),
        "upgrade": Place("privet_cli.copies", "upgrade", "Move the vault to this version of Privet."),
    },
}

HELP = """An encrypted vault for customer data. Services read it for a purpose and get only what policy and the
customer's own choices allow; the log has it before they do.

The vault is a directory: name it with --vault or PRIVET_VAULT, or stand in it.

Its passphrase comes from PRIVET_PASSPHRASE_FILE, PRIVET_PASSPHRASE, --passphrase-file, or is asked for on a terminal.

\b
Examples:
  $ privet init guests.privet
  $ cd guests.privet
  $ privet read --as front-desk --by email=ada@example.org --purpose service-personalisation --field given_name
  $ privet audit query --since 24h

\b
Exit codes: 0 done; 1 refused, not found or verification failed; 2 usage or bad input;
3 the vault or the disk is unavailable.

\b
Completion, for bash (zsh and fish alike):
  $ eval "$(_PRIVET_COMPLETE=bash_source privet)"
"""


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    del param
    if value and not ctx.resilient_parsing:
        from privet import __version__

        click.echo(f"privet {__version__}")
        ctx.exit()


@click.group(
    cls=Sections,
    places=COMMANDS,
    help=HELP,
    subcommand_metavar="COMMAND …",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
    invoke_without_command=True,
)
@click.option(
    "--vault",
    type=click.Path(path_type=Path),
    envvar="PRIVET_VAULT",
    metavar="DIR",
    help="The vault directory. Else PRIVET_VAULT, else the directory you stand in.",
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    help="Read the passphrase from a file; - reads a line of standard input.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say the version."
)
@click.pass_context
def privet(ctx: click.Context, vault: Path | None, passphrase_file: str | None) -> None:
    # A line of standard input is taken now: `--by email=-` reads the next one.
    given = read_line("the passphrase").encode() if passphrase_file == STDIN else None
    ctx.obj = Invocation(vault=vault, passphrase_file=passphrase_file, passphrase=given)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _check(arguments: Sequence[str]) -> None:
    if any("\0" in word for word in arguments):
        raise click.UsageError("an argument holds a NUL character")


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code. Raises nothing."""
    code = 0
    try:
        instruction = os.environ.get("_PRIVET_COMPLETE")
        if instruction:
            from click.shell_completion import shell_complete

            return shell_complete(privet, {}, "privet", "_PRIVET_COMPLETE", instruction)
        _check(arguments)
        with privet.make_context("privet", list(arguments)) as context:
            privet.invoke(context)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException as error:  # noqa: BLE001  the last line of defence: one sentence, never a traceback
        code = report(error)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = EXIT_PIPE
        _abandon_output()
    except OSError as error:
        code = report(error)
        _abandon_output()
    return code


def _abandon_output() -> None:
    """What cannot be written is let go: the interpreter would try again as it ends, and say so in its own words."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _hold_streams() -> None:
    """Opens what the caller closed of standard input, output and error: else the next file, the vault's, is it.

    What is then written to the output is told as an output that cannot be written.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            os.set_inheritable(number, True)
            if name != "stdin":
                setattr(sys, name, os.fdopen(number, "w", encoding="utf-8"))


def main() -> None:
    """The console script."""
    _hold_streams()
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a real text stream here
    code = run(sys.argv[1:])
    sys.stderr.flush()
    sys.exit(code)
