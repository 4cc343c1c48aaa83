"""Rules for values that inputs have in common: all broken ones are collected."""

from typing import Final, TypeVar

from domain.faults import Code, Refusal, RefusedError
from domain.hosts import HOST_LENGTH, is_host
from domain.urls import url_fault

T = TypeVar("T")

NAME_MOST: Final = 255

_LAST_CONTROL: Final = "\x1f"


class Checks:
    """Collects broken rules; `done` refuses the call if there is one."""

    def __init__(self) -> None:
        """Start with none."""
        self.refusals: list[Refusal] = []

    def refuse(
        self,
        message: str,
        *path: str,
        code: Code = Code.VALIDATION_ERROR,
        **data: object,
    ) -> None:
        """Add a broken rule; the path starts with `input`."""
        self.refusals.append(Refusal(code, message, path, data))

    def unchanged(self, updated_at: int, expected: int | None) -> None:
        """Check `ifUpdatedAt`, where it is given, against the stored value."""
        if expected is not None and expected != updated_at:
            message = "It has been changed meanwhile."
            path = ("input", "ifUpdatedAt")
            self.refuse(message, *path, code=Code.CONFLICT, updated_at=updated_at)

    def done(self) -> None:
        """Raise RefusedError with all that was found."""
        if self.refusals:
            raise RefusedError(self.refusals)

    def need(self, value: T | None) -> T:
        """Return a value whose absence was noted; raise RefusedError as `done`."""
        if value is None or self.refusals:
            raise RefusedError(self.refusals)
        return value

    def text(self, value: str, *path: str, most: int = NAME_MOST) -> None:
        """Check that a text is not blank, not too long, and one line."""
        self._check(text_fault(value, most), path)

    def lines(self, value: str, *path: str, most: int) -> None:
        """Check that a text is not blank and not too long; it may have lines."""
        self._check(text_fault(value, most, allowed="\n\r\t"), path)

    def host(self, value: str, *path: str) -> None:
        """Check that a text is a host name or an IP address."""
        fault = text_fault(value, HOST_LENGTH)
        if fault is None and not is_host(value):
            fault = "Must be a host name or an IP address, without scheme or port."
        self._check(fault, path)

    def url(self, value: str, *path: str) -> None:
        """Check that a text is an absolute http(s) URL without credentials."""
        self._check(url_fault(value), path)

    def _check(self, fault: str | None, path: tuple[str, ...]) -> None:
        if fault is not None:
            self.refuse(fault, *path)


def text_fault(value: str, most: int, allowed: str = "") -> str | None:
    """Say what is wrong with a text; None if nothing is."""
    if not value.strip():
        return "Must not be empty."
    if len(value) > most:
        return f"Must have at most {most} characters."
    if not storable(value):
        return "Must be valid Unicode without NUL."
    if any(c <= _LAST_CONTROL and c not in allowed for c in value):
        return "Must not hold control characters."
    return None


def storable(value: str) -> bool:
    """Say whether both databases can hold a text: no NUL, no lone surrogate."""
    return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
