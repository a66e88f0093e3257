"""What `privet doctor` says of credentials that nobody could show, and of nothing else."""

from pathlib import Path

from privet.bootstrap.doctoring import examine
from privet.testing import PASSPHRASE, make_vault
from tests.contract.http.doors import SPIFFE, bound, catalogue
from tests.services.vault_server import set_settings

STAFF = "https://staff.example"


def warned(directory: Path) -> list[str]:
    found = examine(directory, passphrase=PASSPHRASE.encode(), prompt=None)
    words = ("issuer", "certificate", "tokens")
    return [
        one.sentence for one in found if one.level == "warn" and any(word in one.sentence for word in words)
    ]


def test_bindings_without_their_settings_are_named(tmp_path: Path) -> None:
    """An issuer that is not listed, or for another role; certificates that are not asked for; and then, none."""
    directory = tmp_path / "vault"
    rules = catalogue(
        desk=bound("https://login.example", "desk"),
        kitchen=f'spiffe: ["{SPIFFE}"]',
        officer=bound(STAFF, "ana"),
    )
    make_vault(directory, rules).close()
    issuer = {"issuer": STAFF, "audience": "privet", "role": "services"}
    set_settings(directory, issuers=[issuer])
    found = warned(directory)
    assert len(found) == 4
    assert found[0].startswith("services.desk")
    assert found[1].startswith("officers.ana")
    assert "lets nobody in" in found[2]
    assert found[3].startswith("services.kitchen")
    listed = [{**issuer, "role": "officers"}, {**issuer, "issuer": "https://login.example"}]
    set_settings(directory, issuers=listed, serve={"behind_proxy": True, "proxy_key_file": "proxy.key"})
    assert warned(directory) == []
