"""How `privet` ends: every error becomes one sentence on standard error and an exit code (terminal.py, rules 4 and 5).

Refuses to print what an unexpected exception says, since it may quote a value; PRIVET_DEBUG=1 shows the traceback.
"""

import errno
import hashlib
import os
import sys
from types import TracebackType

import click

from privet.errors import EXIT_UNAVAILABLE, EXIT_USAGE, CatalogueError, PrivetError
from privet_cli.terminal import complain, counted, note

EXIT_INTERRUPTED = 130
EXIT_PIPE = 141
_NO_WRITING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EBADF})
_NO_LOOKING = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE, errno.ESTALE}
)


def report(error: BaseException) -> int:
    """Says what went wrong and returns the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        return EXIT_PIPE
    if os.environ.get("PRIVET_DEBUG") == "1" and not isinstance(error, click.ClickException):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        complain("stopped")
        return EXIT_INTERRUPTED
    if isinstance(error, CatalogueError) and error.problems:
        complain(f"the catalogue has {counted(len(error.problems), 'fault')}")
        note("\n".join(error.problems))
        return error.exit_code
    if isinstance(error, PrivetError):
        complain(error.message)
        return error.exit_code
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, EOFError):
        complain("standard input ended before an answer came")
        return EXIT_USAGE
    if isinstance(error, MemoryError):
        complain("this machine has not enough free memory for that")
        return EXIT_UNAVAILABLE
    if isinstance(error, OSError) and error.errno in _NO_WRITING:
        complain(f"the output cannot be written ({error.strerror})")
        return EXIT_UNAVAILABLE
    if isinstance(error, OSError) and error.errno in _NO_LOOKING:
        complain(f"a file cannot be looked at ({error.strerror}): look at paths and permissions")
        return EXIT_UNAVAILABLE
    if isinstance(error, UnicodeEncodeError):
        complain("an argument is not valid text in this terminal's encoding (UTF-8 is the safe choice)")
        return EXIT_USAGE
    _unexpected(error)
    return EXIT_UNAVAILABLE


def _usage(error: click.ClickException) -> int:
    text = error.format_message()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        note(text)
        return EXIT_USAGE
    if isinstance(error, click.NoSuchOption):
        text = _no_option(error)
    elif text.startswith("Got unexpected extra argument"):
        text = "there are more words than this command takes; put quotes around a value with spaces"
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx is not None else "privet"
        complain(text[:1].lower() + text[1:] if text[1:2].islower() else text)
        note(f"See `{command} --help`.")
        return EXIT_USAGE
    complain(text)
    return EXIT_USAGE


def _no_option(error: click.NoSuchOption) -> str:
    name = error.option_name.split("=")[0][:40]
    if name in ("--vault", "--passphrase-file"):
        return f"{name} stands before the command: privet {name} … {error.ctx.info_name if error.ctx else ''}".rstrip()
    if name in ("--passphrase", "--password"):
        return "a passphrase is never given on the command line; see `privet --help`"
    near = f"; did you mean {error.possibilities[0]}?" if error.possibilities else ""
    return f"there is no option {name}{near}"


def _unexpected(error: BaseException) -> None:
    """The kind and place of the fault, which say nothing about anybody. The same fault has the same reference."""
    place = _place(error.__traceback__)
    kind = type(error).__name__
    reference = hashlib.sha256(f"{kind} {place}".encode()).hexdigest()[:8]
    complain(
        f"this is a fault in Privet itself (reference {reference}: {kind} at {place}); nothing was printed of it"
    )
    note(
        "Please report it with the reference (SECURITY.md says where). PRIVET_DEBUG=1 shows more, for your eyes only."
    )


def _place(trace: TracebackType | None) -> str:
    """Where it happened: the innermost frame of ours, as package path and line."""
    found = "unknown"
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename.replace(os.sep, "/")
        for package in ("/privet/", "/privet_cli/"):
            if package in path:
                found = f"{package[1:]}{path.rpartition(package)[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
