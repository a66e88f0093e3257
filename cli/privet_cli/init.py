"""`privet init`: a new vault."""

from pathlib import Path

import click

from privet_cli.opening import given_passphrase, new_passphrase
from privet_cli.terminal import counted, note, say


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--catalogue",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Copy catalogue.yaml and notices/ from there rather than write the commented starter.",
)
@click.option(
    "--database", metavar="URL", help="Keep the data elsewhere than in DIR: postgresql+psycopg://HOST/NAME."
)
def init(directory: Path, catalogue: Path | None, database: str | None) -> None:
    """Make a new vault.

    DIR must be new or empty. It gets a keyring under the passphrase, the database, a catalogue to edit, and
    settings.

    \b
    Examples:
      $ privet init guests.privet
      $ privet init guests.privet --catalogue examples/hotel
      $ PRIVET_PASSPHRASE_FILE=/run/secrets/privet privet init guests.privet
    """
    secret = new_passphrase(given_passphrase())
    from privet import Vault

    with Vault.create(directory, passphrase=secret, catalogue=catalogue, database_url=database) as vault:
        parts = vault.parts
        fields, services = len(parts.catalogue.every_field), len(parts.catalogue.services)
        warnings = parts.catalogue.warnings
    say(f"Made the vault {directory}: {counted(fields, 'field')}, {counted(services, 'service')}.")
    for warning in warnings:
        note(f"warning: {warning}")
    note("")
    note("Next:")
    note(f"  cd {directory}")
    if catalogue is None:
        note("  edit catalogue.yaml: what you hold, and what for; then `privet policy check`")
    note("  privet import FILE --map MAP      people, from CSV or JSON Lines")
    note("  privet service list               who may read what")
    note("")
    note(
        "Keep a copy of the keyring apart from every backup. Without it or its passphrase nothing opens again."
    )
