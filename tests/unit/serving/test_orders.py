"""What a worker is told: all of it arrives, and none of it shows."""

from dataclasses import fields
from pathlib import Path

from privet.config.settings.serving import ServeSettings
from privet.serving.orders import Orders, decode_orders, encode_orders

SETTINGS = ServeSettings(
    host="::1",
    port=1,
    workers=3,
    public_url="https://a.example",
    tls_certificate=Path("/c.pem"),
    tls_key=Path("/k.pem"),
    tls_client_ca=Path("/ca.pem"),
    behind_proxy=True,
    proxy_key_file=Path("/p"),
    metrics_token_file=Path("/m"),
    max_body_bytes=12_345,
    drain_s=0.0,
)
ORDERS = Orders(
    directory=Path("/vaults/é b"), passphrase="pässword\0\n".encode(), settings=SETTINGS, show_codes=True
)


def test_orders_arrive_as_they_were() -> None:
    """Every setting with its type: a path is a path again."""
    assert decode_orders(encode_orders(ORDERS, 2)) == (ORDERS, 2)
    for one in fields(SETTINGS):
        assert type(getattr(decode_orders(encode_orders(ORDERS, 0))[0].settings, one.name)) is type(
            getattr(SETTINGS, one.name)
        )


def test_orders_are_one_line() -> None:
    """Whatever stands in a passphrase or a path."""
    assert encode_orders(ORDERS, 0).count(b"\n") == 1


def test_orders_do_not_show_the_passphrase() -> None:
    """In no repr."""
    assert "ssword" not in repr(ORDERS)
    assert ORDERS.passphrase.hex() not in repr(ORDERS)
