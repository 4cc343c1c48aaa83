"""Rules for addresses that users give us and that we dial."""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from yarl import URL

URL_LENGTH: Final = 2048
"""Code points. No standard sets a limit; what is longer meets ones of servers."""

_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"{}|^`]")
_BAD_HOST: Final = "Must be a URL with a valid host and port."
_BAD_NUMBER: Final = (
    "Must write an IPv4 address as four plain decimal numbers: http://192.0.2.1/."
)
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_NAME_LENGTH: Final = 253
"""Octets of a host name without its last dot. Source: RFC 1035, section 2.3.4."""
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)
"""What many read as an IPv4 address, each in another way (0177.1, 0x7f000001), and
what no name can be. Source: URL Standard, "ends in a number checker"."""


def url_fault(text: str) -> str | None:
    """Return what keeps a text from being an address that we dial, as a sentence.

    The sentence never repeats the address. None: nothing is wrong.
    """
    if len(text) > URL_LENGTH:
        return f"Must be at most {URL_LENGTH} characters long."
    if _FORBIDDEN.search(text):
        return "Must be a URL without spaces, control or other forbidden characters."
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return _BAD_HOST
    return _BAD_HOST if port == 0 else _parts_fault(parts)


def _parts_fault(parts: SplitResult) -> str | None:
    if parts.scheme not in {"http", "https"}:
        return "Must be a URL that starts with http:// or https://."
    if "@" in parts.netloc:
        return "Must hold no user name or password: put credentials in a header."
    if parts.fragment:
        return "Must hold no fragment (#…): it is never sent."
    try:
        # As the HTTP client reads it, which dials it.
        host = URL(parts.geturl()).raw_host or ""
    except ValueError:
        return _BAD_HOST
    if parts.netloc.startswith("["):
        return None if _is_address(host) else _BAD_HOST
    return _name_fault(host, as_given=parts.hostname or "")


def _name_fault(host: str, as_given: str) -> str | None:
    if _NUMBER.fullmatch(host):
        return None if _is_address(as_given) else _BAD_NUMBER
    named = len(host.rstrip(".")) <= _NAME_LENGTH and _NAME.fullmatch(host)
    return None if named else _BAD_HOST


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host
