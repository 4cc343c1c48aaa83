"""What may be shown of an address, and how secrets are taken out of a text."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, urlsplit

MASK: Final = "…"
REPLACEMENT: Final = "[secret]"
SHORTEST: Final = 4
"""Shorter secrets are left alone: they would hit half of any text."""

_WORD: Final = r"(?:[A-Z]{1,6}|[A-Z]?[a-z]{1,15}(?:[A-Z][a-z]{2,15}){0,2})"
_ORDINARY: Final = re.compile(rf"(?:{_WORD}\d{{0,3}}|\d{{1,3}})(?:[-_.]|$)")
_LONGEST: Final = 32
_ESCAPE: Final = re.compile("%[0-9A-F]{2}")


def masked_url(url: str) -> str:
    """Return an address without what may be a credential.

    Scheme, host, port and ordinary path segments stay; user info and fragment go;
    query values and segments that look drawn at random become "…". What is no
    address becomes "…" as a whole.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return MASK
    if not parts.scheme or not host:
        return MASK
    shown = f"[{host}]" if ":" in host else host
    shown += "" if port is None else f":{port}"
    path = "/".join(_masked(segment) for segment in parts.path.split("/"))
    if parts.query:
        path += "?" + "&".join(_masked_pair(pair) for pair in parts.query.split("&"))
    return f"{parts.scheme}://{shown}{path}"


def _masked(segment: str) -> str:
    return segment if _is_ordinary(segment) else MASK


def _masked_pair(pair: str) -> str:
    """Mask the value; a value may also stand where the key should."""
    key, equals, _ = pair.partition("=")
    return f"{_masked(key)}={MASK}" if equals else MASK


def _is_ordinary(segment: str) -> bool:
    """Tell whether a segment is made of words and small numbers, as people write."""
    if len(segment) > _LONGEST:
        return False
    at = 0
    while at < len(segment):
        word = _ORDINARY.match(segment, at)
        if word is None:
            return False
        at = word.end()
    return True


class Scrubber:
    """Takes secrets out of texts, also where they come back encoded."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take the secrets; those shorter than SHORTEST are not looked for."""
        self._secrets = frozenset(s for s in secrets if len(s) >= SHORTEST)
        self._forms: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        """Say nothing of the secrets."""
        return "Scrubber()"

    def scrub(self, text: str) -> str:
        """Return the text with each secret replaced by "[secret]".

        A secret that the text's end cuts in two is recognised by its beginning.
        """
        if self._forms is None:
            forms = {form for secret in self._secrets for form in _forms(secret)}
            self._forms = tuple(sorted(forms, key=len, reverse=True))
        if not any(form[:SHORTEST] in text for form in self._forms):
            return text  # neither whole nor cut in two
        found = [re.escape(form) for form in self._forms if form in text]
        if found:
            text = re.sub("|".join(found), REPLACEMENT, text)
        cut = max((_overlap(text, form) for form in self._forms), default=0)
        return text[:-cut] + REPLACEMENT if cut else text


def _overlap(text: str, form: str) -> int:
    """Count the characters at the text's end that are the beginning of a form."""
    longest = min(len(text), len(form) - 1)
    lengths = range(longest, SHORTEST - 1, -1)
    return next((n for n in lengths if text.endswith(form[:n])), 0)


def _forms(secret: str) -> Iterator[str]:
    """Yield what a secret looks like in addresses, HTML, JSON and base64."""
    yield secret
    yield html.escape(secret)
    for ascii_only in (True, False):
        escaped = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield from (escaped, escaped.replace("/", r"\/"))
    raw = secret.encode(errors="replace")
    for quoted in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        yield quoted
        yield _ESCAPE.sub(lambda hit: hit[0].lower(), quoted)
    for before in range(3):
        piece = _inner_base64(raw, before)
        yield from (piece, piece.replace("+", "-").replace("/", "_"))


def _inner_base64(raw: bytes, before: int) -> str:
    """Encode bytes as they come out with `before` (mod 3) unknown bytes in front.

    Only the characters that depend on nothing but `raw`.
    """
    text = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
    partial = (before + len(raw)) % 3 != 0
    return text[(0, 2, 3)[before] : len(text) - partial]
