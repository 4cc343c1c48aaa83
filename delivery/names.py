"""How names become addresses: the system's resolver, in threads of its own."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Name and port to addresses as text; raises OSError where there is none."""

Ask = Callable[[str, int], Sequence[tuple[Any, ...]]]
"""The same, blocking, with answers as `socket.getaddrinfo` gives them."""

MOST: Final = 512
"""Names that are looked up at once: as many as there are sends."""


def _getaddrinfo(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    kind, flags = socket.SOCK_STREAM, socket.AI_ADDRCONFIG
    return socket.getaddrinfo(host, port, type=kind, flags=flags)


class SystemResolver:
    """Asks the system's resolver.

    It has no deadline and cannot be interrupted: each look-up has a thread, so that a
    name whose servers hang holds up no other name, nor the end of the program.
    """

    def __init__(self, most: int = MOST, ask: Ask = _getaddrinfo) -> None:
        """Run at most so many look-ups at once; those given up count while they last."""
        self._room = threading.Semaphore(most)
        self._ask = ask

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return each address of a name once, in the system's order."""
        if not self._room.acquire(blocking=False):
            raise _busy()
        answer: Future[list[str]] = Future()
        arguments = (answer, host, port)
        thread = threading.Thread(target=self._look_up, args=arguments, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads: the system's limit is lower
            self._room.release()
            raise _busy() from None
        return await asyncio.wrap_future(answer)

    def _look_up(self, answer: Future[list[str]], host: str, port: int) -> None:
        answer.set_running_or_notify_cancel()
        try:
            found = self._ask(host, port)
        except ValueError:  # what cannot be written in a question to a name server
            answer.set_exception(socket.gaierror(socket.EAI_NONAME, "no valid name"))
        except Exception as error:  # noqa: BLE001 - its place is where it is awaited
            answer.set_exception(error)
        else:
            texts = (str(address[0]) for *_, address in found)
            answer.set_result(list(dict.fromkeys(texts)))
        finally:
            self._room.release()


def _busy() -> socket.gaierror:
    return socket.gaierror(socket.EAI_AGAIN, "too many names are being looked up")


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
        return [_result(host, text, port) for text in await self._resolve(host, port)]

    async def close(self) -> None:
        """Do nothing: the threads end by themselves."""


def _result(host: str, text: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=text,
        port=port,
        family=family(text),
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )


def family(text: str) -> socket.AddressFamily:
    """Return the family of an address."""
    four = ipaddress.ip_address(text).version == 4  # noqa: PLR2004
    return socket.AF_INET if four else socket.AF_INET6
