"""Which web pages may talk to us: CORS, and the origin of a WebSocket handshake.

Credentials are never ambient (no cookies), so `Access-Control-Allow-Credentials` is
not needed, and a page that was not named can do nothing with what it sends.
"""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

PREFLIGHT_KEPT: Final = 600
"""Seconds that browsers may keep the answer to a preflight."""

METHODS: Final = "GET, POST, OPTIONS"

CSRF_HEADERS: Final = (
    "GraphQL-Require-Preflight",
    "Apollo-Require-Preflight",
    "X-Apollo-Operation-Name",
)
"""A browser sends none of these to another site without asking first."""

_ASKED: Final = ", ".join(["Authorization", "Content-Type", *CSRF_HEADERS])


class Origins:
    """The origins that the operator named."""

    def __init__(self, allowed: Collection[str], own: str | None = None) -> None:
        """Take origins in lower case, and the public address of this server."""
        self._allowed = frozenset(allowed)
        self._own = _origin_of(own) if own else None

    def headers(self, origin: str | None) -> dict[str, str]:
        """Return the headers that let a page of this origin read the answer."""
        if origin is None or origin.lower() not in self._allowed:
            return {"Vary": "Origin"} if self._allowed else {}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate",
        }

    def preflight(self, request: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of the answer to OPTIONS."""
        answer = {"Allow": METHODS}
        origin = self.headers(request.get("Origin"))
        if "Access-Control-Allow-Origin" in origin:
            answer["Access-Control-Allow-Methods"] = METHODS
            answer["Access-Control-Allow-Headers"] = _ASKED
            answer["Access-Control-Max-Age"] = str(PREFLIGHT_KEPT)
        return answer

    def may_open_socket(self, origin: str | None, host: str) -> bool:
        """Whether a page may open a WebSocket: one of this host, or one named.

        Programs that are not browsers send no origin.
        """
        if origin is None:
            return True
        lower = origin.lower()
        _, _, origin_host = lower.partition("://")
        same_host = origin_host == host.lower()
        return same_host or lower == self._own or lower in self._allowed


def passes_csrf(headers: Mapping[str, str]) -> bool:
    """Whether a request without a JSON body cannot come from a foreign page: it has
    a header that browsers do not send there unasked.
    """
    return any(headers.get(name) for name in ("Authorization", *CSRF_HEADERS))


def _origin_of(url: str) -> str:
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}"
