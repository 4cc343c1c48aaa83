"""API tokens: `toc_`, 30 random letters and digits, and a checksum of 6.

The checksum lets scanners of leaked secrets, and us, tell a real token offline. The
form is GitHub's: https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
"""

import hashlib
import secrets
import string
import zlib
from typing import Final

PREFIX: Final = "toc_"
RANDOM: Final = 30
"""Letters and digits: about 178 bits."""

CHECKSUM: Final = 6
LENGTH: Final = len(PREFIX) + RANDOM + CHECKSUM

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


def new_token() -> str:
    """Return a fresh token. It is shown once and never stored."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM))
    return f"{PREFIX}{letters}{_checksum(letters)}"


def looks_right(text: str) -> bool:
    """Tell whether a text can be a token, before the database is asked."""
    if len(text) != LENGTH or not text.startswith(PREFIX) or not text.isascii():
        return False
    letters = text[len(PREFIX) : -CHECKSUM]
    return text.endswith(_checksum(letters))


def hash_of(text: str) -> bytes:
    """Return what is stored: SHA-256 does, where guessing means 178 bits."""
    return hashlib.sha256(text.encode()).digest()


def hint_of(text: str) -> str:
    """Return what may be shown of a token: its first 8 and last 4 characters."""
    return f"{text[:8]}…{text[-4:]}"


def _checksum(letters: str) -> str:
    number = zlib.crc32(letters.encode())
    digits = ""
    for _ in range(CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
