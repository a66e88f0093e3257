"""`privet serve`: the vault as a service.

Refuses more than one worker or service on SQLite, a directory that cannot be written, plain HTTP beyond loopback, and a
passphrase from a flag.
"""

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from privet.errors import InvalidInput, Unavailable
from privet_cli.opening import ask_passphrase, get_directory, given_passphrase
from privet_cli.terminal import is_terminal, note

if TYPE_CHECKING:
    from privet.config.settings import Settings
    from privet.config.settings.serving import ServeSettings

_NO_CODES = "nowhere: set [smtp], or use --show-codes to try it out"


@click.command()
@click.option("--host", metavar="ADDRESS", help="Listen there instead of serve.host.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help="Instead of serve.port; 0: any that is free.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes, instead of serve.workers. More than one needs PostgreSQL.",
)
@click.option(
    "--show-codes",
    is_flag=True,
    help="Without [smtp]: show customers' sign-in codes here, though this is no terminal.",
)
def serve(host: str | None, port: int | None, workers: int | None, show_codes: bool) -> None:
    """Serve the vault over HTTP, to services, officers and customers.

    Where it listens, TLS and limits stand in the [serve] section of privet.toml (docs/settings.md). SIGTERM or
    Ctrl-C stops it: what is under way is answered first; a second one ends it at once. Logs go to standard error.

    \b
    Examples:
      $ privet serve
      $ privet serve --host 127.0.0.1 --port 8080
      $ privet serve --workers 4
    """
    directory = get_directory()
    from privet.config.settings import load_settings

    settings = load_settings(directory)
    chosen = _chosen(settings.serving.serve, host, port, workers)
    if chosen.workers > 1 and settings.is_sqlite:
        raise InvalidInput(
            f"{chosen.workers} workers need PostgreSQL: SQLite has one writer; use --workers 1, or move the vault "
            "to PostgreSQL (docs/backup.md)",
            field="workers",
        )
    try:
        import privet.serving.worker  # noqa: F401
    except ImportError as error:
        raise Unavailable(
            f"serving needs more packages ({error.name} is missing): pip install 'privet[server]'"
        ) from None
    _serve(directory, settings, chosen, show_codes)


def _chosen(
    given: "ServeSettings", host: str | None, port: int | None, workers: int | None
) -> "ServeSettings":
    return replace(
        given,
        host=given.host if host is None else host,
        port=given.port if port is None else port,
        workers=given.workers if workers is None else workers,
    )


def _serve(directory: Path, settings: "Settings", chosen: "ServeSettings", show_codes: bool) -> None:
    from privet.bootstrap.passphrase import get_passphrase
    from privet.serving.listener import address_of, bind, make_tls
    from privet.serving.logs import configure_logs
    from privet.serving.orders import Orders
    from privet.serving.premises import alone, verify_writable
    from privet.serving.supervisor import Supervisor
    from privet.serving.worker import serve_vault

    make_tls(chosen)
    verify_writable(settings)
    with bind(chosen) as listener, alone(settings.directory) if settings.is_sqlite else nullcontext():
        address = address_of(listener, chosen)
        codes = show_codes or is_terminal(sys.stderr)

        def on_ready(what: str) -> None:
            note(f"privet: serving {directory} at {address} ({what})")
            if settings.serving.portal.enabled:
                how = "by mail" if settings.serving.smtp else "shown here" if codes else _NO_CODES
                note(f"privet: customers' pages at {chosen.public_url or address}/my, sign-in codes {how}")
            sys.stderr.flush()

        orders = Orders(
            directory=directory,
            passphrase=get_passphrase(given_passphrase(), prompt=ask_passphrase()),
            settings=replace(chosen, port=listener.getsockname()[1]),
            show_codes=codes,
        )
        if chosen.workers == 1:
            serve_vault(orders, listener, on_ready=lambda what: on_ready(f"{what}, 1 worker"))
            return
        configure_logs(settings.serving.telemetry, worker=-1)
        what = f"postgresql, policy {settings.policy.engine}, {chosen.workers} workers"
        Supervisor(orders, listener, lambda: on_ready(what)).run()
