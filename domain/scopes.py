"""What an API token may do. Scopes nest: ADMIN holds WRITE, WRITE holds READ."""

from collections.abc import Iterable
from enum import StrEnum, unique


@unique
class Scope(StrEnum):
    """A scope of an API token."""

    READ = "READ"
    WRITE = "WRITE"
    ADMIN = "ADMIN"
    INGEST = "INGEST"
    DEVICES = "DEVICES"


_HOLDS: dict[Scope, frozenset[Scope]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.WRITE: frozenset({Scope.WRITE, Scope.READ, Scope.INGEST}),
    Scope.ADMIN: frozenset(Scope),
    Scope.INGEST: frozenset({Scope.INGEST}),
    Scope.DEVICES: frozenset({Scope.DEVICES}),
}


def closure(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return the scopes with all that they hold."""
    return frozenset().union(*(_HOLDS[scope] for scope in scopes))
