"""Private keys as people paste them: what can be told of one without opening it.

Whoever sets a key also sets how long it takes to open it, so formats without a bound
are refused. Sources: RFC 7468; OpenSSH, PROTOCOL.key.
"""

import base64
import binascii
import re
import struct
from typing import Final

LONGEST: Final = 16 * 1024
"""Characters. An RSA key of 16,384 bits has about 12,500."""

MOST_ROUNDS: Final = 256
"""Rounds of bcrypt: some seconds. OpenSSH's own are 16 or 24."""

_PEM: Final = re.compile(
    r"\s*-----BEGIN ([A-Z ]{3,40})-----\s+(.*?)-----END \1-----\s*", re.DOTALL
)
_HEADERS: Final = re.compile(r"(?:[A-Za-z-]+: [^\n]*\n)+\s*")
_MAGIC: Final = b"openssh-key-v1\0"
_OPENSSH: Final = "OPENSSH PRIVATE KEY"
_OTHERS: Final = frozenset({"RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"})

_NO_KEY: Final = "Must be a private key in the format of OpenSSH or in PEM."
_PUBLIC: Final = "This is a public key: the private one is needed."
_CONVERT: Final = (
    "Encrypted keys must be in the format of OpenSSH: convert it with "
    "ssh-keygen -p -f FILE."
)
_SLOW: Final = f"Must take at most {MOST_ROUNDS} rounds to decrypt (ssh-keygen -p -a)."


def private_key_fault(text: str) -> str | None:
    """Say what keeps a text from being a private key; None if nothing is found.

    The sentence never repeats the text.
    """
    if text.lstrip().startswith(("ssh-", "ecdsa-", "---- BEGIN SSH2 PUBLIC")):
        return _PUBLIC
    found = _PEM.fullmatch(text)
    if found is None:
        return _NO_KEY
    if found[1] == "ENCRYPTED PRIVATE KEY":
        return _CONVERT
    if found[1] not in _OTHERS | {_OPENSSH}:
        return _NO_KEY
    body = _body(found[2])
    if body is None or (found[1] == _OPENSSH and not body.startswith(_MAGIC)):
        return _NO_KEY
    return _openssh_fault(body) if found[1] == _OPENSSH else None


def is_encrypted(text: str) -> bool:
    """Tell whether a key without a fault takes a passphrase."""
    found = _PEM.fullmatch(text)
    if found is None:
        return False
    if found[1] != _OPENSSH:
        return "ENCRYPTED" in found[2]
    body = _body(found[2]) or b""
    return _fields(body, 1)[:1] != [b"none"]


def _body(text: str) -> bytes | None:
    """Return what the base64 between the lines stands for."""
    try:
        return base64.b64decode("".join(_HEADERS.sub("", text).split()), validate=True)
    except binascii.Error:
        return None


def _openssh_fault(body: bytes) -> str | None:
    fields = _fields(body, 3)
    if len(fields) < 3:  # noqa: PLR2004 - cipher, function, its options
        return _NO_KEY
    _, function, options = fields
    if function == b"none":
        return None
    if function != b"bcrypt" or len(options) < 4:  # noqa: PLR2004 - of a number
        return _NO_KEY
    rounds = struct.unpack(">I", options[-4:])[0]
    return _SLOW if rounds > MOST_ROUNDS else None


def _fields(body: bytes, count: int) -> list[bytes]:
    """Return the first fields behind the magic, each with its length before it."""
    at = len(_MAGIC)
    fields: list[bytes] = []
    while len(fields) < count and at + 4 <= len(body):
        length = struct.unpack(">I", body[at : at + 4])[0]
        fields.append(body[at + 4 : at + 4 + length])
        at += 4 + length
    return fields
