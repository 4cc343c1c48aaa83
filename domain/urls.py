"""Rules for addresses that users give us and that we dial."""

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

URL_LENGTH: Final = 2048
"""Code points. No standard sets a limit; what is longer meets ones of servers."""

_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"{}|^`]")
_BAD_HOST: Final = "Must be a URL with a valid host and port."
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_NAME_LENGTH: Final = 253
"""Octets of a host name without its last dot. Source: RFC 1035, section 2.3.4."""


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
    return None if _host_is_valid(parts) else _BAD_HOST


def _host_is_valid(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        return _is_ipv6(host)
    try:
        name = host.encode("idna").decode()
    except UnicodeError:
        return False
    return len(name.rstrip(".")) <= _NAME_LENGTH and bool(_NAME.fullmatch(name))


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return "%" not in host
