"""Closing a listening socket so that nobody who has connected hears a reset.

Between the last accept and close the kernel would still complete handshakes, and reset those connections at once. On
Linux a socket filter stops that: new clients are not answered (they try again, and find the next process or nobody),
handshakes under way complete and are accepted. Refuses nothing elsewhere: there the gap stays, some microseconds long.
"""

import contextlib
import ctypes
import socket
import struct
import sys
from typing import Final

SETTLE_S: Final = 0.1
"""Handshakes that had begun are complete after that."""

_SO_ATTACH_FILTER: Final = 26
# Classic BPF over the TCP header: SYN without ACK is dropped, all else passes.
_PROGRAM: Final = (
    (0x30, 0, 0, 13),  # load the byte of flags
    (0x54, 0, 0, 0x12),  # and with SYN | ACK
    (0x15, 0, 1, 0x02),  # if it is SYN alone …
    (0x06, 0, 0, 0),  # … drop,
    (0x06, 0, 0, 0xFFFFFFFF),  # else take all of it
)


def refuse_newcomers(listener: socket.socket) -> None:
    """From now on nobody new connects, through any process that shares this socket."""
    if sys.platform != "linux":
        return
    code = b"".join(struct.pack("HBBI", *line) for line in _PROGRAM)
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HP", len(_PROGRAM), ctypes.addressof(held))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
