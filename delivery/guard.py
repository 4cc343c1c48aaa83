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

from aiohappyeyeballs import start_connection
from yarl import URL

from delivery.addresses import Address, Verdict, judge, parse_allowed
from delivery.names import Resolve, SystemResolver, family

MOST_ADDRESSES: Final = 16
"""Addresses of one name that are tried: names with hundreds exist to keep us busy."""

MOST_ANSWERS: Final = 256
"""Addresses of one name that are looked at; an answer of the DNS may hold 4,000."""

NEXT_ADDRESS_AFTER: Final = 0.25
"""Seconds after which the next address is tried too. Source: RFC 8305, section 8."""

LOOK_UP_DEADLINE: Final = 2.0
"""Seconds that all look-ups for warnings may take together."""

LOOK_UPS_FOR_WARNINGS: Final = 64
"""At once: whoever creates integrations must not use up the look-ups of deliveries."""

_SENTENCE: Final = (
    "The address is not public. The operator can allow it with TOCSIN_EGRESS_ALLOW."
)


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
        resolve: Resolve | None = None,
    ) -> None:
        """Take the entries of TOCSIN_EGRESS_ALLOW; ValueError names a wrong one.

        With `dev`, loopback and private ranges are open, metadata never. `resolve`
        stands in for the system's resolver.
        """
        self._allowed = tuple(parse_allowed(entry) for entry in allow)
        self._dev = dev
        self.resolve: Final[Resolve] = resolve or SystemResolver()
        self._resolve_for_warnings: Final = resolve or SystemResolver(
            LOOK_UPS_FOR_WARNINGS
        )

    def judge(self, address: Address, port: int) -> Verdict:
        """Say whether an address may be dialled on a port."""
        return judge(address, port, self._allowed, dev=self._dev)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return what may be dialled of a host's addresses, in the resolver's order.

        Raise BlockedError where it has only others, socket.gaierror where it has none.
        """
        return self._open(await _look_up(self.resolve, host, port), port)

    async def dial(self, host: str, port: int) -> socket.socket:
        """Connect over TCP; return the socket, which is the caller's to close.

        It does not block: for clients that take a `sock` (asyncssh, aiosmtplib,
        asyncio). Who dials sets the deadline. Raises as `addresses` does, else OSError
        where nobody answers.
        """
        kind, protocol = socket.SOCK_STREAM, socket.IPPROTO_TCP
        infos = [
            (family(text), kind, protocol, "", (text, port))
            for text in await self.addresses(host, port)
        ]
        return await start_connection(
            infos,
            happy_eyeballs_delay=NEXT_ADDRESS_AFTER,
            socket_factory=self.socket_factory,
        )

    def socket_factory(self, info: tuple[Any, ...]) -> socket.socket:
        """Make the socket for an answer of getaddrinfo, or raise BlockedError.

        For the parameter of that name of aiohttp's TCPConnector.
        """
        family_, kind, protocol, _, (host, port, *_) = info
        if not self.judge(ipaddress.ip_address(host), port).allowed:
            raise BlockedError
        return socket.socket(family_, kind, protocol)

    async def warnings(self, urls: Iterable[str]) -> list[str]:
        """Return a sentence for each address that would be refused if dialled now.

        A name that cannot be looked up in time gives none: it may be new.
        """
        found: dict[str, None] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_UP_DEADLINE):
                for url in urls:
                    if await self._refuses(url):
                        found[_warning(url)] = None
        return list(found)

    async def _refuses(self, url: str) -> bool:
        """Tell whether none of a URL's addresses may be dialled."""
        try:
            target = URL(url)
            host, port = target.raw_host or "", target.port or 0
            self._open(await _look_up(self._resolve_for_warnings, host, port), port)
        except BlockedError:
            return True
        except (OSError, ValueError):
            return False
        return False

    def _open(self, texts: list[str], port: int) -> list[str]:
        if not texts:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        parsed = [(it, ipaddress.ip_address(it)) for it in texts[:MOST_ANSWERS]]
        found = [text for text, it in parsed if self.judge(it, port).allowed]
        if not found:
            raise BlockedError
        return found[:MOST_ADDRESSES]


async def _look_up(resolve: Resolve, host: str, port: int) -> list[str]:
    """Return the addresses of a name; an address is its own, whatever the system's
    resolver thinks of its family.
    """
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    return await resolve(host, port)


def _warning(url: str) -> str:
    host = urlsplit(url).hostname
    return (
        f"{host} is not a public address: nothing can be delivered there unless the "
        "operator allows it with TOCSIN_EGRESS_ALLOW."
    )
