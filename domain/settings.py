"""The vocabulary of settings: what a channel may ask of whoever sets it up.

A channel declares a pydantic model; `settings_of` turns it into rows of a closed
vocabulary. SDL, inputs, metadata, storage of secrets and conformance tests read the
rows, never the model. What the vocabulary lacks is refused at import.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum, StrEnum, unique
from functools import cache
from typing import Any, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from domain.annotations import Shape

T = TypeVar("T")


class ChannelSettings(BaseModel):
    """What the settings of a channel, and the objects in them, are made of.

    Values are frozen; neither errors nor `repr` show them.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show no value: also a plain URL may hold a credential."""
        return ()

    def __str__(self) -> str:
        """Show no value, as above."""
        return repr(self)

    @field_validator("*", mode="after")
    @classmethod
    def _keys_differ(cls, value: T, info: ValidationInfo) -> T:
        """Refuse entries with one key: their secrets could not be told apart."""
        row = next(row for row in settings_of(cls) if row.name == info.field_name)
        if row.many and row.kind is Kind.OBJECT and (key := key_of(row.of)):
            keys = [entry_key(getattr(entry, key.name)) for entry in _entries(value)]
            if len(set(keys)) < len(keys):
                raise PydanticCustomError(
                    "duplicate_key",
                    "Each {key} may stand in the list once, ignoring case.",
                    {"key": key.alias},
                )
        return value


@unique
class Mark(StrEnum):
    """What a type does not say; stands in `Annotated[..., Mark.X]`."""

    ID = "ID"
    """An id of somebody else's system; also numbers beyond 32 bits."""
    INPUT_ONLY = "INPUT_ONLY"
    OUTPUT_ONLY = "OUTPUT_ONLY"
    """Set by us, never by the user."""
    WIRE = "WIRE"
    """An enum that is shown as its value, so that channels can share the field."""
    URL = "URL"
    """An address that may itself be a credential: shown masked, stored plain."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Marks a secret that must be sent again when one of these settings changes.

    The names are those of fields of the channel's settings (`webhook_url`).
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        """Bind to one or several settings."""
        object.__setattr__(self, "names", names)


@dataclass(frozen=True, slots=True)
class Key:
    """Marks the field by which entries of a list are told apart, ignoring case."""


@unique
class Kind(StrEnum):
    """What a setting is; lists are told by `Setting.many`."""

    STRING = "STRING"
    INTEGER = "INTEGER"
    BOOLEAN = "BOOLEAN"
    ENUM = "ENUM"
    SECRET = "SECRET"  # noqa: S105 - the name of a kind
    ID = "ID"
    OBJECT = "OBJECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Limits that a form can check before it sends. Lengths are code points."""

    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    min_items: int | None = None
    max_items: int | None = None

    @classmethod
    def read(cls, *schemas: Mapping[str, Any]) -> Self:
        """Collect the limits that JSON schemas of one value state."""
        names = [field.name for field in fields(cls)]
        found = [
            {n: s[to_camel(n)] for n in names if to_camel(n) in s} for s in schemas
        ]
        return cls(
            **{name: limit for limits in found for name, limit in limits.items()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a channel.

    `name` is its Python name, `alias` the API's. `of` is the class of an ENUM or an
    OBJECT. `optional` says that null is a value, `required` that there is no default.
    `bound` are the settings whose change asks for this secret again.
    """

    name: str
    alias: str
    kind: Kind
    of: Any = None
    many: bool = False
    optional: bool = False
    required: bool = True
    default: Any = None
    marks: frozenset[Mark] = frozenset()
    bound: tuple[str, ...] = ()
    key: bool = False
    description: str | None = None
    examples: tuple[Any, ...] = ()
    constraints: Constraints = Constraints()


_PLAIN: Final[dict[Any, Kind]] = {
    str: Kind.STRING,
    int: Kind.INTEGER,
    bool: Kind.BOOLEAN,
    SecretStr: Kind.SECRET,
}
_UNKNOWN_LIMITS: Final = {"exclusiveMinimum", "exclusiveMaximum", "multipleOf"}


@cache
def settings_of(model: type[BaseModel]) -> tuple[Setting, ...]:
    """Return the rows of a settings model, in the order of its fields.

    Raise TypeError where the model leaves the vocabulary.
    """
    schemas = model.model_json_schema(by_alias=False).get("properties", {})
    rows = tuple(
        _row(model, name, info, schemas[name])
        for name, info in model.model_fields.items()
    )
    if sum(row.key for row in rows) > 1:
        raise TypeError(f"{model.__name__}: an entry has one key")
    return rows


def _row(
    model: type[BaseModel],
    name: str,
    info: FieldInfo,
    schema: Mapping[str, Any],
) -> Setting:
    where = f"{model.__name__}.{name}"
    shape = Shape.read(info.annotation, where)
    metadata = (*info.metadata, *shape.metadata)
    marks = frozenset(m for m in metadata if isinstance(m, Mark))
    default = (
        None if info.is_required() else info.get_default(call_default_factory=True)
    )
    return Setting(
        name=name,
        alias=info.alias or name,
        kind=_kind(shape, marks, where),
        of=shape.of if isinstance(shape.of, type) and shape.of not in _PLAIN else None,
        many=shape.many,
        optional=shape.optional,
        required=info.is_required(),
        default=default,
        marks=marks,
        bound=tuple(n for m in metadata if isinstance(m, Bound) for n in m.names),
        key=any(isinstance(m, Key) for m in metadata),
        description=info.description,
        examples=tuple(info.examples or ()),
        constraints=_constraints(schema, where),
    )


def _kind(shape: Shape, marks: frozenset[Mark], where: str) -> Kind:
    if shape.of in _PLAIN:
        kind = _PLAIN[shape.of]
        if Mark.ID in marks and kind in {Kind.STRING, Kind.INTEGER}:
            return Kind.ID
        if kind is Kind.SECRET and shape.many:
            raise TypeError(f"{where}: secrets of a list need entries with a key")
        return kind
    if isinstance(shape.of, type) and issubclass(shape.of, Enum):
        return Kind.ENUM
    if isinstance(shape.of, type) and issubclass(shape.of, ChannelSettings):
        if shape.many:
            _check_entries(shape.of, where)
        return Kind.OBJECT
    raise TypeError(f"{where}: {shape.of!r} is not in the vocabulary of settings")


def _check_entries(model: type[ChannelSettings], where: str) -> None:
    """Secrets of an entry are found again by its key, one level deep."""
    rows = settings_of(model)
    secret = any(row.kind is Kind.SECRET for row in rows)
    if secret and not any(row.key for row in rows):
        raise TypeError(f"{where}: entries with a secret need a Key")
    if any(row.kind is Kind.OBJECT for row in rows):
        raise TypeError(f"{where}: entries of a list hold no objects")


def _constraints(schema: Mapping[str, Any], where: str) -> Constraints:
    branches = [b for b in schema.get("anyOf", ()) if b.get("type") != "null"]
    stated = [schema, *branches]
    stated += [s["items"] for s in stated if "items" in s]
    for unknown in _UNKNOWN_LIMITS.intersection(*[set().union(*stated)]):
        raise TypeError(f"{where}: {unknown} is not in the vocabulary of settings")
    return Constraints.read(*stated)


def key_of(model: type[BaseModel]) -> Setting | None:
    """Return the setting that tells entries of this model apart, if there is one."""
    return next((row for row in settings_of(model) if row.key), None)


def entry_key(text: object) -> str:
    """Return the form of a key that is compared and stored in paths."""
    return str(text).lower()


def _entries(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()
