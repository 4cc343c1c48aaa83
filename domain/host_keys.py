"""Host keys as settings hold them: by the fingerprint, and whether it is confirmed.

A channel that has them has these two settings: `host_key_fingerprint` is what a host is
known by, `host_key` what is shown of that, or of the key that it has shown unasked.
"""

import re
from typing import Any, Final

PIN: Final = "host_key_fingerprint"
SHOWN: Final = "host_key"

FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
"""As ssh-keygen prints it, without the padding. Source: RFC 4648; OpenSSH."""

RULE: Final = "Must be SHA256: and 43 characters, as ssh-keygen prints it."


def normal_fingerprint(text: str) -> str:
    """Return a fingerprint in the form that is compared; ValueError where it is none."""
    if not FINGERPRINT.fullmatch(text):
        raise ValueError(RULE)
    return text.removesuffix("=")


def confirmed(fingerprint: str) -> dict[str, Any]:
    """Return the settings of a host that is known by a key."""
    return {PIN: fingerprint, SHOWN: {"fingerprint": fingerprint, "confirmed": True}}


def unconfirmed(fingerprint: str) -> dict[str, Any]:
    """Return the settings of a host that has shown a key, and is known by none."""
    return {SHOWN: {"fingerprint": fingerprint, "confirmed": False}}
