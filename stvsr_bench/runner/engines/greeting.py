"""Whether a dask scheduler listens at an address, asked before dask's own client reads whatever is sent there.

That client takes the first eight bytes for a length: those of a web server's answer ask for 3 EiB of memory, and one
that waits to be spoken to lets it wait for a quarter of an hour. A scheduler speaks first, and briefly.
"""

import socket
import ssl
import struct
from typing import Any
from urllib.parse import urlsplit

from stvsr_bench.errors import NotRunnableError

LONGEST = 1 << 16  # bytes; a scheduler's first words are some 150


def check(address: str, security: Any, patience_s: float) -> None:
    """Come back if the first words at `tcp://HOST:PORT` or `tls://HOST:PORT` are those of a scheduler.

    Raises:
        NotRunnableError: they are not, or none came in time.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls"):
        return  # of dask's other transports it knows itself
    try:
        port = parts.port
        if parts.hostname is None or port is None:
            raise ValueError("an address is tcp://HOST:PORT")
        with socket.create_connection((parts.hostname, port), timeout=patience_s) as plain:
            heard = _first(plain, parts.hostname, security if parts.scheme == "tls" else None)
    except (OSError, ValueError) as error:
        raise NotRunnableError(f"no dask scheduler answers at {address}: {str(error).splitlines()[0]}") from None
    if len(heard) < 8 or not 0 < struct.unpack("<Q", heard)[0] <= LONGEST:
        what = f"something else does, which begins with {heard!r}" if heard else "the connection was closed"
        raise NotRunnableError(f"no dask scheduler answers at {address}: {what}")


def _first(plain: socket.socket, host: str, security: Any) -> bytes:
    """The first eight bytes, or fewer where the connection ends."""
    talk = plain
    if security is not None:
        context: ssl.SSLContext = security.get_connection_args("client")["ssl_context"]
        talk = context.wrap_socket(plain, server_hostname=host)
    heard = b""
    while len(heard) < 8 and (block := talk.recv(8 - len(heard))):
        heard += block
    return heard
