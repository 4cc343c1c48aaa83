"""Encryption of what is stored and must not be read: AES-256-GCM with a key ring.

A ciphertext is bound to its place: moved to another row or field it does not open.
"""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.ids import Id

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
"""Random: safe for about 2^32 encryptions with one key (NIST SP 800-38D, 8.3)."""

_VERSION: Final = "v1"
_FOR_MACS: Final = b"tocsin keyed hash v1"
"""Derives the key of a hash from that of a cipher: one key has one use."""
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


class BadKeyRingError(ValueError):
    """The text is not a key ring; the message repeats no part of a key."""


class UnknownKeyError(Exception):
    """Something was encrypted with a key that the ring does not hold."""

    def __init__(self, key_id: str) -> None:
        """Name the key, which is no secret."""
        super().__init__(f"No key {key_id!r} among the secret keys: add it again.")


class CannotOpenError(Exception):
    """A stored secret is damaged, moved from its place, or under another key."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("A stored secret does not open: not from here, or damaged.")


class KeyRing:
    """Keys by id. The first encrypts; each opens what it encrypted."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """Take at least one key of KEY_BYTES; see `parse` for the usual way."""
        self._keys = dict(keys)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._first = next(iter(keys))
        self._macs = [hmac.digest(it, _FOR_MACS, "sha256") for it in keys.values()]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `k2:<base64 of 32 bytes>,k1:…`; raise BadKeyRingError."""
        keys: dict[str, bytes] = {}
        for entry in text.strip().split(","):
            key_id, colon, encoded = entry.strip().partition(":")
            # Without a colon it may be the key itself.
            if not colon or not _KEY_ID.fullmatch(key_id) or key_id in keys:
                message = "Each secret key needs an id of its own: id:base64,id:base64."
                raise BadKeyRingError(message)
            keys[key_id] = _decoded(key_id, encoded)
        return cls(keys)

    @classmethod
    def generate(cls) -> Self:
        """Return a ring with one new key; its `text` is to be kept."""
        return cls({"k1": secrets.token_bytes(KEY_BYTES)})

    def text(self) -> str:
        """Return what `parse` reads. This is the secret itself."""
        encoded = {key: base64.b64encode(it).decode() for key, it in self._keys.items()}
        return ",".join(f"{key_id}:{key}" for key_id, key in encoded.items())

    def seal(self, plain: str, bound_to: str) -> str:
        """Encrypt a text for one place: `v1.<key id>.<nonce>.<ciphertext>`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = self._ciphers[self._first]
        sealed = cipher.encrypt(nonce, plain.encode(), bound_to.encode())
        return ".".join((_VERSION, self._first, _text(nonce), _text(sealed)))

    def open(self, sealed: str, bound_to: str) -> str:
        """Decrypt a text in its place; raise UnknownKeyError or CannotOpenError."""
        match sealed.split("."):
            case [version, key_id, nonce, ciphertext] if version == _VERSION:
                pass
            case _:
                raise CannotOpenError
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKeyError(key_id)
        try:
            plain = cipher.decrypt(_bytes(nonce), _bytes(ciphertext), bound_to.encode())
        except (InvalidTag, ValueError):
            raise CannotOpenError from None
        return plain.decode()

    def digests(self, plain: str, bound_to: str) -> list[bytes]:
        """Return the keyed hashes of a text for one place, by each key: HMAC-SHA256.

        The first is to be stored; a stored one may be any of them. For texts that can
        be guessed, or looked up, and need not be read again.
        """
        text = f"{bound_to}|{plain}".encode()
        return [hmac.digest(key, text, "sha256") for key in self._macs]

    def __repr__(self) -> str:
        """Show the ids only."""
        return f"KeyRing({', '.join(self._ciphers)})"


def key_id_of(sealed: str) -> str:
    """Return the id of the key that something was encrypted with."""
    return sealed.split(".", 2)[1]


def secret_binding(project_id: Id, table: str, row_id: Id, path: str) -> str:
    """Return the place of a secret, to bind its ciphertext to."""
    return f"{project_id.hex()}|{table}|{row_id.hex()}|{path}|{_VERSION}"


def _decoded(key_id: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        message = f"The secret key {key_id} is not the base64 of {KEY_BYTES} bytes."
        # Not even as the cause: binascii's text may repeat what it was given.
        raise BadKeyRingError(message) from None
    return key


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(f"{text}{'=' * (-len(text) % 4)}", b"-_", validate=True)
