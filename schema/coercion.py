"""Which values of an input have the wrong type: all of them, each by its path.

graphql-core's own messages repeat the values, whole objects with their secrets
included, so what clients see is written here. The same walk reads variables (JSON)
and literals (syntax nodes).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, cast

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLLeafType,
    GraphQLSchema,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableNode,
    coerce_input_literal,
    coerce_input_value,
    is_list_type,
    is_non_null_type,
    type_from_ast,
)
from graphql.type import is_enum_type, is_input_object_type, is_required_input_field

PROBLEMS_MOST: Final = 100
"""Problems that one answer lists."""

_NESTED_MOST: Final = 50
_NAME_MOST: Final = 64
_CHOICES_MOST: Final = 20

_EXPECTED: Final = {
    "Int": "Expected a whole number of at most 32 bits.",
    "Float": "Expected a number.",
    "String": "Expected a string.",
    "Boolean": "Expected true or false.",
    "ID": "Expected an id: a string or a whole number.",
}
_REQUIRED: Final = "A value is required."
_ONE_KEY: Final = "Exactly one key must be given, and its value must not be null."

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """A wrong value: where it is, and what is expected there. Never the value."""

    path: Path
    message: str

    def shown(self) -> dict[str, object]:
        """Return the problem as `extensions.problems` has it."""
        return {"path": [str(part) for part in self.path], "message": self.message}


def variable_problems(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    values: Mapping[str, Any],
) -> list[Problem]:
    """Return what is wrong with the variables of a valid operation."""
    return list(islice(_of_variables(schema, operation, values), PROBLEMS_MOST))


def literal_problems(
    node: ValueNode, expected: GraphQLInputType, name: str
) -> list[Problem]:
    """Return what is wrong with the literal of an argument, or of a default."""
    return list(islice(_walk(node, expected, (name,)), PROBLEMS_MOST))


def _of_variables(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    values: Mapping[str, Any],
) -> Iterator[Problem]:
    for node in operation.variable_definitions or ():
        name = node.variable.name.value
        expected: Any = type_from_ast(schema, node.type)
        value = values.get(name, Undefined)
        if value is not Undefined:
            yield from _walk(value, expected, (name,))
        elif is_non_null_type(expected) and node.default_value is None:
            yield Problem((name,), _REQUIRED)


def _walk(value: object, expected: GraphQLInputType, path: Path) -> Iterator[Problem]:
    if len(path) > _NESTED_MOST:
        yield Problem(path, "Nested too deeply.")
    elif isinstance(value, VariableNode):
        return  # judged by other rules and with its value
    elif not _is_null(value):
        some = expected.of_type if is_non_null_type(expected) else expected
        yield from _walk_some(value, some, path)
    elif is_non_null_type(expected):
        yield Problem(path, _REQUIRED)


def _walk_some(
    value: object, expected: GraphQLInputType, path: Path
) -> Iterator[Problem]:
    """Walk a value that is not null."""
    if is_list_type(expected):
        items = _items(value)
        if items is None:  # a single value stands for a list of one
            yield from _walk(value, expected.of_type, path)
        for index, item in enumerate(items or ()):
            yield from _walk(item, expected.of_type, (*path, index))
    elif is_input_object_type(expected):
        yield from _walk_object(value, expected, path)
    elif not _is_leaf(value, leaf := cast("GraphQLLeafType", expected)):
        yield Problem(path, _expectation(leaf))


def _walk_object(
    value: object, expected: GraphQLInputObjectType, path: Path
) -> Iterator[Problem]:
    given = _fields(value)
    if given is None:
        yield Problem(path, "Expected an object.")
        return
    known = expected.fields
    if expected.is_one_of and not _has_one_key(given):
        yield Problem(path, _ONE_KEY)
    for name, field in known.items():
        if name in given:
            yield from _walk(given[name], field.type, (*path, name))
        elif is_required_input_field(field):
            yield Problem((*path, name), _REQUIRED)
    for name in given:
        if name not in known:
            yield Problem((*path, _as_name(name)), "Unknown field.")


def _has_one_key(given: Mapping[str, Any]) -> bool:
    return len(given) == 1 and not any(map(_is_null, given.values()))


def _is_null(value: object) -> bool:
    return value is None or isinstance(value, NullValueNode)


def _items(value: object) -> Sequence[object] | None:
    if isinstance(value, ListValueNode):
        return value.values
    return value if isinstance(value, list) else None


def _fields(value: object) -> Mapping[str, object] | None:
    if isinstance(value, ObjectValueNode):
        return {field.name.value: field.value for field in value.fields}
    return value if isinstance(value, dict) else None


def _is_leaf(value: object, expected: GraphQLLeafType) -> bool:
    try:
        if isinstance(value, ValueNode):
            coerced = coerce_input_literal(value, expected)
        else:
            coerced = coerce_input_value(value, expected)
    except Exception:  # noqa: BLE001 - scalars raise whatever they like
        return False
    return coerced is not Undefined


def _expectation(expected: GraphQLLeafType) -> str:
    if is_enum_type(expected) and len(expected.values) <= _CHOICES_MOST:
        return f"Expected one of {', '.join(expected.values)}."
    return _EXPECTED.get(expected.name, f"Expected a value of type {expected.name}.")


def _as_name(key: str) -> str:
    """Return a key as clients sent it, if it is a name; else it may be anything."""
    is_name = key.isascii() and key.isidentifier() and len(key) <= _NAME_MOST
    return key if is_name else "(not a name)"


def shown(problems: Iterable[Problem]) -> list[dict[str, object]]:
    """Return problems as `extensions.problems` has them."""
    return [problem.shown() for problem in islice(problems, PROBLEMS_MOST)]
