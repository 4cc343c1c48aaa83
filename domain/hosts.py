"""Host names and addresses that users give us."""

import re
from ipaddress import ip_address
from typing import Final

HOST_LENGTH: Final = 253
"""Characters. Source: RFC 1035, section 2.3.4."""

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE | re.ASCII)


def is_host(value: str) -> bool:
    """Say whether a text is an IP address or a host name (RFC 1123, or IDNA)."""
    try:
        ip_address(value)
    except ValueError:
        return _is_host_name(value)
    return True


def _is_host_name(value: str) -> bool:
    try:
        ascii_form = value.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    labels = ascii_form.removesuffix(".").split(".")
    # A last label of digits only is a mistyped address (RFC 3696, section 2).
    return all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()
