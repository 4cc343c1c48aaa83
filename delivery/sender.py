"""The one sender of HTTP requests: every notification over HTTP leaves through it.

Everything a far end can do to us is bounded: by the total deadline, which covers the
body of the answer too, and by BODY_KEPT.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from delivery.faults import FAILURES, no_answer
from delivery.guard import Guard
from delivery.request_body import Observe, RequestBody, nothing
from delivery.session import open_session
from domain.steps import Answer, ReadyRequest, Reply
from domain.timing import BODY_KEPT, SECOND, TOTAL_DEADLINE

_TYPE: Final = "Content-Type"

_OURS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say how a request is framed: no channel or tenant sets these."""


class Sender:
    """Sends requests and gives their replies; make and close it in the event loop."""

    def __init__(
        self,
        guard: Guard,
        *,
        deadline_ms: int = TOTAL_DEADLINE,
        observe: Observe = nothing,
        ca_file: Path | None = None,
        connections: int = 0,
    ) -> None:
        """Open the session. `ca_file` (PEM) is trusted besides the system's store.

        `connections` bounds those in use at once, 0 does not. A request that waits for
        one uses up its deadline: the caller should not have more in flight.
        """
        self._deadline = deadline_ms / SECOND
        self._observe = observe
        self._session = open_session(guard, ca_file=ca_file, connections=connections)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, request: ReadyRequest) -> Reply:
        """Send a request once and return what came back; raise for no far end's fault.

        The status line decides: whatever happens after it, the reply is an Answer with
        as much of the body as had come.
        """
        body = RequestBody(request.body, self._observe)
        response: aiohttp.ClientResponse | None = None
        kept = bytearray()
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._start(request, body)
                await _read(response.content, kept)
        except FAILURES as failure:
            if response is None:
                told = no_answer(failure, connected=body.connected, sent=body.sent)
                return replace(told, led=body.led)
        finally:
            if response is not None:
                response.close()
            body.let_go()
        self._observe("answer_read")
        return Answer(
            status=response.status,
            headers=_headers(response.headers),
            body=bytes(kept[:BODY_KEPT]),
            led=body.led,
        )

    async def _start(
        self, request: ReadyRequest, body: RequestBody
    ) -> aiohttp.ClientResponse:
        """Send the request and read the answer up to its body.

        A kept connection may prove to be closed. If that was so before anything was
        written, the request goes out on another: nobody has seen it yet.
        """
        try:
            return await self._request(request, body)
        except aiohttp.ClientConnectionError:
            if body.begun or not body.connected:
                raise
        body.connected = False
        return await self._request(request, body)

    async def _request(
        self, request: ReadyRequest, body: RequestBody
    ) -> aiohttp.ClientResponse:
        headers = CIMultiDict(request.headers)
        for name in _OURS & headers.keys():
            del headers[name]
        return await self._session.request(
            request.method,
            _url(request.url),
            data=body,
            headers=headers,
            skip_auto_headers=None if _TYPE in headers else (_TYPE,),
            allow_redirects=False,
        )


def _url(text: str) -> URL:
    """Keep path and query as they were written where that is possible in HTTP."""
    return URL(text, encoded=text.isascii() and text.isprintable() and " " not in text)


async def _read(content: aiohttp.StreamReader, kept: bytearray) -> None:
    """Read until the end or until BODY_KEPT; an answer cut there is not read on."""
    while len(kept) < BODY_KEPT and (piece := await content.readany()):
        kept += piece


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers by lower-case name; the last of several counts."""
    return {name.lower(): _text(value) for name, value in headers.items()}


def _text(value: str) -> str:
    """Replace bytes that are no UTF-8 by "�"."""
    if value.isascii():
        return value
    return value.encode(errors="surrogateescape").decode(errors="replace")
