"""Cursors: a place in one project's event log, opaque to clients.

48 characters of base64url: project, epoch of the database, position, checksum. The
checksum tells a damaged cursor from a real one; it protects nothing, and need not:
a cursor gives no right to anything.
"""

import base64
import binascii
import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from domain.ids import Id

_FIELDS: Final = struct.Struct(">16s8sQ")
_SUM: Final = struct.Struct(">I")
_LENGTH: Final = 48  # 36 bytes in base64, which then needs no padding


class CursorInvalidError(Exception):
    """The text is no cursor, or none of this project; the message never repeats it."""

    def __init__(self) -> None:
        """Say so without repeating what came from outside."""
        super().__init__("this is not a cursor of this project's events")


class CursorExpiredError(Exception):
    """What follows the cursor is not kept any more, or belongs to a database that was
    replaced by a backup. `oldest` is the oldest cursor that can be used.
    """

    def __init__(self, oldest: str) -> None:
        """Keep the cursor from which all that is kept can be had."""
        self.oldest = oldest
        super().__init__("events after this cursor are not kept any more")


@dataclass(frozen=True, slots=True)
class Cursor:
    """All events of the project up to and including `position` have been seen."""

    project_id: Id
    epoch: bytes
    position: int


def epoch_mark(epoch: str) -> bytes:
    """Return the 8 bytes by which cursors name an epoch."""
    return hashlib.sha256(epoch.encode()).digest()[:8]


def encode(cursor: Cursor) -> str:
    """Return the text form of a cursor."""
    packed = _FIELDS.pack(cursor.project_id, cursor.epoch, cursor.position)
    return base64.urlsafe_b64encode(packed + _SUM.pack(zlib.crc32(packed))).decode()


def decode(text: str) -> Cursor:
    """Return the cursor of a text; raise CursorInvalidError if there is none in it."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise CursorInvalidError from None
    packed, checksum = raw[: _FIELDS.size], raw[_FIELDS.size :]
    if len(text) != _LENGTH or checksum != _SUM.pack(zlib.crc32(packed)):
        raise CursorInvalidError
    project_id, epoch, position = _FIELDS.unpack(packed)
    return Cursor(Id(project_id), epoch, position)
