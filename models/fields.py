"""Field types that are stored alike on SQLite and PostgreSQL.

Tortoise's own UUID is text on SQLite, its JSON is JSONB on PostgreSQL, and its text
and bytes cannot be unique. Indexes over several columns are not declared on models:
migrations hold them.
"""

# ruff: noqa: ANN401 - the signatures are Tortoise's

from typing import Any, Literal, overload

import orjson
from tortoise.fields import BigIntField, BinaryField
from tortoise.fields.base import Field
from tortoise.fields.data import T_BINARY, T_STR


class BytesField(BinaryField[T_BINARY]):
    """Raw bytes that may be unique and looked for."""

    indexable = True


class IdField(BytesField[T_BINARY]):
    """A `domain.ids.Id`: 16 bytes in Python, a uuid or a BLOB in the database."""

    class _db_postgres:  # noqa: N801 - the name that Tortoise looks for
        SQL_TYPE = "UUID"


class TextField(Field[T_STR], str):  # type: ignore[misc]  # noqa: SLOT000
    """Text of any length that may be unique and looked for."""

    SQL_TYPE = "TEXT"

    @overload
    def __init__(
        self: "TextField[str]", *, null: Literal[False] = False, **kwargs: Any
    ) -> None: ...

    @overload
    def __init__(
        self: "TextField[str | None]", *, null: Literal[True], **kwargs: Any
    ) -> None: ...

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class JsonField(Field[dict[str, Any]], dict[str, Any]):
    """A JSON object, stored as text; nothing looks into it by SQL."""

    SQL_TYPE = "TEXT"
    indexable = False
    field_type = dict

    def to_db_value(self, value: Any, instance: Any) -> str | None:
        """Return the text to store."""
        del instance
        self.validate(value)
        return None if value is None else orjson.dumps(value).decode()

    def to_python_value(self, value: Any) -> Any:
        """Return the object that a stored text stands for."""
        return orjson.loads(value) if isinstance(value, str) else value


class MillisField(BigIntField):
    """A moment: whole milliseconds since the epoch, UTC."""
