"""The one guard of outgoing connections: it judges the address actually dialled.

It stands where the socket is made, so that it sees literals and names alike, after
the last look-up: a name that changes its address between check and use gains nothing.
"""

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from delivery.addresses import Address, Verdict, judge, parse_allowed
from delivery.names import Resolve, look_up

LOOK_UP_DEADLINE: Final = 2.0
"""Seconds that all look-ups for warnings may take together."""

_SENTENCE: Final = (
    "The address is not public. The operator can allow it with TOCSIN_EGRESS_ALLOW."
)
_PORTS: Final = {"http": 80, "https": 443}


class BlockedError(OSError):
    """The address may not be dialled; the message does not say which it is.

    An OSError, so that the other addresses of a name are still tried.
    """

    def __init__(self) -> None:
        """Make the one error: all are alike, and tell a tenant nothing more."""
        super().__init__(errno.EACCES, _SENTENCE)

    def __str__(self) -> str:
        """Return the sentence alone, without the number of the error."""
        return _SENTENCE


class Guard:
    """Lets connections go to public addresses and to what the operator allows."""

    def __init__(
        self,
        allow: Iterable[str] = (),
        *,
        dev: bool = False,
        resolve: Resolve = look_up,
    ) -> None:
        """Take the entries of TOCSIN_EGRESS_ALLOW; ValueError names a wrong one.

        With `dev`, loopback and private ranges are open, metadata never.
        """
        self._allowed = tuple(parse_allowed(entry) for entry in allow)
        self._dev = dev
        self.resolve: Final[Resolve] = resolve

    def judge(self, address: Address, port: int) -> Verdict:
        """Say whether an address may be dialled on a port."""
        return judge(address, port, self._allowed, dev=self._dev)

    def socket_factory(self, info: tuple[Any, ...]) -> socket.socket:
        """Make the socket for an answer of getaddrinfo, or raise BlockedError.

        For the parameter of that name of aiohttp's TCPConnector.
        """
        family, kind, protocol, _, (host, port, *_) = info
        if not self.judge(ipaddress.ip_address(host), port).allowed:
            raise BlockedError
        return socket.socket(family, kind, protocol)

    async def warnings(self, urls: Iterable[str]) -> list[str]:
        """Return a sentence for each address that would be refused if dialled now.

        A name that cannot be looked up in time gives none: it may be new.
        """
        found: dict[str, None] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_UP_DEADLINE):
                for url in urls:
                    if not await self._open(url):
                        found[_warning(url)] = None
        return list(found)

    async def _open(self, url: str) -> bool:
        """Tell whether at least one of a URL's addresses may be dialled."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
            texts = await self.resolve(parts.hostname, port) if parts.hostname else []
        except (OSError, ValueError):
            return True
        addresses = [ipaddress.ip_address(text) for text in texts]
        return any(self.judge(it, port).allowed for it in addresses) or not addresses


def _warning(url: str) -> str:
    host = urlsplit(url).hostname
    return (
        f"{host} is not a public address: nothing can be delivered there unless the "
        "operator allows it with TOCSIN_EGRESS_ALLOW."
    )
