"""How names become addresses: the system's resolver, in threads of its own."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Name and port to addresses as text; raises OSError where there is none."""

# The resolver of the system has no deadline: with threads of their own, names whose
# servers hang keep nothing waiting but other names.
_THREADS: Final = ThreadPoolExecutor(64, thread_name_prefix="look-up")


async def look_up(host: str, port: int) -> list[str]:
    """Return each address of a name once, in the system's order."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_THREADS, _getaddrinfo, host, port)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _getaddrinfo(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    kind, flags = socket.SOCK_STREAM, socket.AI_ADDRCONFIG
    return socket.getaddrinfo(host, port, type=kind, flags=flags)


class Resolver(AbstractResolver):
    """Puts a Resolve where aiohttp's connector takes one."""

    def __init__(self, resolve: Resolve) -> None:
        """Take the function that is asked."""
        self._resolve = resolve

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002
    ) -> list[ResolveResult]:
        """Return the addresses of a name; of all families, whatever is asked."""
        texts = await self._resolve(host, port)
        if not texts:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return [_result(host, text, port) for text in texts]

    async def close(self) -> None:
        """Do nothing: the threads are the program's."""


def _result(host: str, text: str, port: int) -> ResolveResult:
    four = ipaddress.ip_address(text).version == 4  # noqa: PLR2004
    return ResolveResult(
        hostname=host,
        host=text,
        port=port,
        family=socket.AF_INET if four else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )
