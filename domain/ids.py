"""Global ids: a type prefix and a UUIDv7 in Crockford base 32 (`int_01jd…`).

Inside the program an id is 16 raw bytes on both databases; the text form exists
only at the edges (API, messages, logs). Source: design, section 5.
"""

import uuid
from functools import lru_cache
from typing import Final, NewType

import uuid_utils

Id = NewType("Id", bytes)
"""A UUIDv7 as 16 raw bytes."""

ZERO: Final = Id(bytes(16))
"""Stands for "no source" in unique keys, where NULLs would be distinct."""

PREFIXES: Final[dict[str, str]] = {
    "Project": "prj",
    "ApiToken": "tok",
    "User": "usr",
    "Team": "tem",
    "NotificationRule": "rul",
    "Server": "srv",
    "NetworkMonitor": "mon",
    "Integration": "int",
    "AlertSource": "src",
    "Router": "rtr",
    "Route": "rte",
    "Incident": "inc",
    "IncidentEvent": "evt",
    "Delivery": "dlv",
}
"""GraphQL type (or interface) name to the prefix of its ids."""

NOUNS: Final[dict[str, str]] = {prefix: noun for noun, prefix in PREFIXES.items()}

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_REMEMBERED: Final = 8_192
"""Text forms that are kept: most ids are shown several times within a second."""

_LENGTH: Final = 26  # ceil(128 / 5)


class BadIdError(ValueError):
    """The text is not an id of this system; the message never repeats it."""


def new_id() -> Id:
    """Return a fresh id; ids made by one process sort by the time they were made."""
    return Id(uuid_utils.uuid7().bytes)


def id_at(millis: int) -> Id:
    """Return the least id of a moment, to compare ids by age."""
    return Id(millis.to_bytes(6, "big") + bytes(10))


@lru_cache(maxsize=_REMEMBERED)
def encode(noun: str, value: bytes) -> str:
    """Return the text form of an id of a noun named in PREFIXES."""
    number = int.from_bytes(value, "big")
    # Two letters a time: some ids are made for each delivery.
    letters = [_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)]
    return f"{PREFIXES[noun]}_{''.join(letters)}"


def decode(text: str) -> tuple[str, Id]:
    """Return (noun, id) of a text form; raise BadIdError for anything else."""
    prefix, _, letters = text.partition("_")
    if prefix not in NOUNS or len(letters) != _LENGTH:
        raise BadIdError
    number = 0
    for letter in letters.lower():
        value = _VALUES.get(letter)
        if value is None:
            raise BadIdError
        number = number << 5 | value
    if number >> 128:
        raise BadIdError
    return NOUNS[prefix], Id(number.to_bytes(16, "big"))


def as_uuid(value: bytes) -> uuid.UUID:
    """Return the standard library's form, for libraries that want it."""
    return uuid.UUID(bytes=bytes(value))
