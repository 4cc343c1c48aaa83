"""What is read of an answer: its head apart from its body, and neither without an end.

The HTTP client bounds each header and their number, but not what may come before an
answer (interim answers, empty lines), nor what frames a body (extensions of chunks,
trailers). And it takes an answer back whose body proves broken in the packet that
brought its head: the same bytes would mean this or that, as the network cuts them.
"""

import functools
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage

from domain.timing import BODY_KEPT

HEAD_MOST: Final = 64 * 1024
"""Bytes of an answer up to its body, with all that comes before it."""

HEADS_MOST: Final = 32
"""Heads of interim answers, the last one, and empty lines between them."""

FRAMED_MOST: Final = 8 * BODY_KEPT
"""Bytes of a body with its framing: six for one where each chunk has one byte."""

_END: Final = b"\r\n\r\n"
_SUCCESS: Final = 200
_SWITCHED: Final = 101


class BoundedHandler(ResponseHandler):
    """The client's end of a connection."""

    _answered = False
    _heads = 0
    _count = 0
    _before = b""

    def set_response_params(self, **params: Any) -> None:  # noqa: ANN401
        """Begin an exchange."""
        self._answered, self._heads, self._count, self._before = False, 0, 0, b""
        super().set_response_params(**params)

    def feed_data(self, data: Any, size: int = 0) -> None:  # noqa: ANN401
        """Take a head that was read; what is not interim decides."""
        code = data[0].code
        if code >= _SUCCESS or code == _SWITCHED:
            self._answered, self._count = True, 0
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """Take what came: heads one by one, then the body."""
        while data and self._heading():
            head, data = self._head(data)
            self._count += len(head)
            if self._count > HEAD_MOST or self._heads > HEADS_MOST:
                self._drop()
                self.set_exception(BadHttpMessage("too much before the answer"))
                return
            super().data_received(head)
        if self._answered:
            self._body(data)

    def _heading(self) -> bool:
        return not self._answered and self.transport is not None

    def _drop(self) -> None:
        self.force_close()
        if self.transport is not None:
            self.transport.abort()

    def _head(self, data: bytes) -> tuple[bytes, bytes]:
        """Split data after the first head that ends in it."""
        seen = len(self._before)
        window = self._before + data
        at = window.find(_END)
        if at < 0:
            self._before = window[-len(_END) + 1 :]
            return data, b""
        self._before = b""
        self._heads += 1
        end = at + len(_END) - seen
        return data[:end], data[end:]

    def _body(self, data: bytes) -> None:
        """Take a piece of the body. If it is broken, the answer ends before it."""
        self._count += len(data)
        payload = self._payload
        if self._count <= FRAMED_MOST:
            super().data_received(data)
        else:
            self._drop()
        broken = self.exception() is not None or self._count > FRAMED_MOST
        if broken and payload is not None and not payload.is_eof():
            payload.feed_eof()


class BoundedConnector(aiohttp.TCPConnector):
    """Makes connections that read no more than they should."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        """Take the options of aiohttp's connector."""
        super().__init__(**options)
        make: Any = functools.partial(BoundedHandler, loop=self._loop)
        self._factory = make
