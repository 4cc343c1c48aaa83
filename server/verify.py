"""The page that the link of a verification mail opens.

Opening it changes nothing, because mail scanners follow links: the address is confirmed
by the button. The token stands in the path, which is neither logged nor referred to.
"""

import base64
import hashlib
import html
import re
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from delivery.verification_check import Link, LinkState, follow, look_up
from domain.clock import Clock
from domain.faults import StorageUnavailableError
from models.crypto import KeyRing
from models.store import Store

PATH: Final = "/verify/{token}"

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:15vh auto;"
    "padding:0 1em;color:#222;background:#fff}"
    "h1{font-size:1.4em}button{font:inherit;padding:.5em 1.5em;border:0;"
    "border-radius:4px;background:#1a5fb4;color:#fff;cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#1c1c1c}}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_SHOWN: Final = {
    LinkState.DONE: (
        HTTPStatus.OK,
        "The address is confirmed",
        "Alerts can be sent to {address} now. You can close this page.",
    ),
    LinkState.OVER: (
        HTTPStatus.GONE,
        "This link has expired",
        (
            "It was valid for a few minutes, or a newer mail has taken its place. "
            "Have another one sent."
        ),
    ),
    LinkState.UNKNOWN: (
        HTTPStatus.NOT_FOUND,
        "This link is not valid",
        "Copy the whole link from the mail, or have another one sent.",
    ),
    LinkState.OPEN: (
        HTTPStatus.OK,
        "Confirm your e-mail address",
        (
            "Alerts are to be sent to {address}. If you do not know what this is about, "
            "close this page: nothing will be sent."
        ),
    ),
}
_BUTTON: Final = '<form method="post"><button type="submit">Confirm</button></form>'


class VerifyPage:
    """Shows the page, and confirms."""

    def __init__(self, store: Store, keys: KeyRing, clock: Clock) -> None:
        """Take where verifications are stored, and the time."""
        self._store = store
        self._keys = keys
        self._clock = clock

    def add_to(self, app: web.Application) -> None:
        """Serve it."""
        app.router.add_get(PATH, self.show)
        app.router.add_post(PATH, self.confirm)

    async def show(self, request: web.Request) -> web.Response:
        """Show how a link stands; nothing changes by that."""
        token = request.match_info["token"]
        if not _TOKEN.fullmatch(token):
            return _page(Link(LinkState.UNKNOWN))
        try:
            link = await look_up(self._store, self._keys, token, self._clock())
        except StorageUnavailableError:
            return _unavailable()
        return _page(link)

    async def confirm(self, request: web.Request) -> web.Response:
        """Verify the address that a link is about; doing it again changes nothing."""
        token = request.match_info["token"]
        if not _TOKEN.fullmatch(token):
            return _page(Link(LinkState.UNKNOWN))
        try:
            link = await self._store.turn(follow, self._keys, token, self._clock())
        except StorageUnavailableError:
            return _unavailable()
        return _page(link)


def _page(link: Link) -> web.Response:
    status, title, text = _SHOWN[link.state]
    address = f"<strong>{html.escape(link.address or '')}</strong>"
    button = _BUTTON if link.state is LinkState.OPEN else ""
    return _answer(status, title, text.format(address=address), button)


def _unavailable() -> web.Response:
    text = "The server cannot do that now. Try again in a minute."
    return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "Not now", text)


def _answer(status: HTTPStatus, title: str, text: str, form: str = "") -> web.Response:
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1><p>{text}</p>{form}</body></html>\n"
    )
    return web.Response(
        status=status,
        text=body,
        content_type="text/html",
        headers={"Content-Security-Policy": _POLICY, hdrs.CACHE_CONTROL: "no-store"},
    )
