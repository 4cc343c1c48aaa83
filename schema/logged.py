"""Rows out of the event log: the fields that were logged as they were then, so that
replay and live are equal; all others as they are now, while their row is kept.
"""

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any

from domain.ids import Id
from schema.errors import ApiError, ErrorCode
from schema.loaders import Loaders
from schema.node import find_row

Read = Callable[[], Awaitable[object]]


class LoggedRow:
    """Stands where a row stands; `typename` names its object type.

    `loaders` and `key` are what resolvers with arguments need. The values of all
    fields that were not logged are awaitable, which the execution waits for.
    """

    __slots__ = ("_logged", "_read", "key", "loaders", "typename")

    def __init__(
        self,
        loaders: Loaders,
        typename: str,
        key: Id,
        logged: Mapping[str, Any],
        read: Read,
    ) -> None:
        """Keep what was logged, by the names of the row's attributes."""
        self.loaders = loaders
        self.typename = typename
        self.key = key
        self._logged = logged
        self._read = read

    def __getattr__(self, name: str) -> object:
        """Return what was logged, or else something to wait for."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._logged:
            return self._logged[name]
        return self._present(name)

    async def _present(self, name: str) -> object:
        row = await self._read()
        if row is None:
            message = "What is not in the event itself has been removed since."
            raise ApiError(ErrorCode.HISTORY_REMOVED, message)
        value = getattr(row, name, None)
        return await value if isawaitable(value) else value


def reader(loaders: Loaders, noun: str, key: Id) -> Read:
    """Return what reads the present row of a noun, deleted or not."""

    async def read() -> object:
        found: object = await find_row(loaders, noun, key, deleted_too=True)
        return found

    return read
