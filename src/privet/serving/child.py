"""A worker's own process: `python -m privet.serving.child CHANNEL LISTENER`, numbers of inherited sockets.

Refuses to be started by hand: who is not handed a channel gets no orders.
"""

import json
import os
import socket
import sys

from privet.errors import EXIT_UNAVAILABLE, PrivetError
from privet.serving.logs import get_log, told
from privet.serving.orders import decode_orders
from privet.serving.worker import serve_vault


def main(channel_number: int, listener_number: int) -> int:
    """The process's exit code."""
    channel = socket.socket(fileno=channel_number)
    listener = socket.socket(fileno=listener_number)
    listener.setblocking(False)
    orders, place = decode_orders(_read_line(channel))
    ready = False

    def on_ready(_: str) -> None:
        nonlocal ready
        ready = True
        _tell(channel, {"ready": True})

    try:
        serve_vault(orders, listener, place=place, on_ready=on_ready, until=channel)
    except BaseException as error:  # noqa: BLE001  told to the parent, or logged
        code = error.exit_code if isinstance(error, PrivetError) else EXIT_UNAVAILABLE
        if ready:
            get_log().error("the worker failed", **told(error))
        else:
            found = told(error)
            said = found.get("message") or f"a worker failed ({found['kind']} at {found['place']})"
            _tell(channel, {"failed": said, "exit_code": code})
        return code
    return 0


def _read_line(channel: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n"):
        data = channel.recv(65_536)
        if not data:
            os._exit(EXIT_UNAVAILABLE)
        found += data
    return found


def _tell(channel: socket.socket, said: dict[str, object]) -> None:
    try:
        channel.setblocking(True)
        channel.sendall(json.dumps(said).encode() + b"\n")
        channel.setblocking(False)
    except OSError:  # the parent is gone: `until` ends us
        return


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
