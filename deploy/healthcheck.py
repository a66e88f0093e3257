"""Asks the vault in this container whether it is there: `healthcheck.py URL`. Exits 0 on 200, else 1.

Refuses to ask anybody but loopback: it verifies no certificate, since that is made out for another name.
"""

import http.client
import ssl
import sys
from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def main(url: str) -> int:
    """The exit code."""
    where = urlsplit(url)
    if where.hostname not in LOOPBACK:
        print("healthcheck: only loopback is asked", file=sys.stderr)
        return 1
    connection: http.client.HTTPConnection
    if where.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(where.hostname, where.port, timeout=4, context=context)
    else:
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=4)
    try:
        connection.request("GET", where.path or "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"healthcheck: {type(error).__name__}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    return int(status != 200)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
