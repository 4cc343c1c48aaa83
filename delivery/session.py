"""The HTTP client's session, set up so that far ends cannot lead it astray.

No redirects, no cookies, no proxies of the environment, nothing unpacked, headers
bounded, and every connection judged by the guard.
"""

import ssl
from pathlib import Path
from typing import Final

import aiohttp

from delivery.answer_bounds import BoundedConnector
from delivery.guard import Guard
from delivery.names import Resolver
from domain.product import USER_AGENT
from domain.timing import BODY_KEPT

KEEP_ALIVE: Final = 4.0
"""Seconds that an idle connection is kept: less than the 5 after which common servers
close it, so that a request seldom meets one that is just being closed."""

LONGEST_LINE: Final = 8 * 1024
MOST_HEADERS: Final = 100
"""An answer with more headers or longer ones is no answer."""


def open_session(
    guard: Guard, *, ca_file: Path | None, connections: int
) -> aiohttp.ClientSession:
    """Open a session in the running event loop. It has no deadline of its own."""
    connector = BoundedConnector(
        socket_factory=guard.socket_factory,
        resolver=Resolver(guard.addresses),
        ssl=_tls(ca_file),
        limit=connections,
        keepalive_timeout=KEEP_ALIVE,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        read_bufsize=BODY_KEPT,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
        max_headers=MOST_HEADERS,
    )


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the system's authorities, and those of the file besides."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
