"""Unit tests reach nobody."""

import socket

import pytest


def test_a_unit_test_that_reaches_out_fails() -> None:
    """Even loopback is refused: a unit test that needs a server is not one."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as reach,
        pytest.raises(pytest.fail.Exception, match="tried to reach"),
    ):
        reach.connect(("127.0.0.1", 9))
