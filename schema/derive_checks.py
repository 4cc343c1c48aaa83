"""What must hold of all channels together; tests and imports check it."""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLSchema, get_named_type, is_leaf_type
from pydantic import BaseModel

from domain.settings import Kind, Setting, settings_of


def check_bounds(model: type[BaseModel]) -> None:
    """Raise TypeError where a secret is bound to a setting that does not exist."""
    names = {s.name for s in settings_of(model)}
    for setting in _all_settings(model):
        if unknown := set(setting.bound) - names:
            raise TypeError(f"{model.__name__}: bound to unknown {sorted(unknown)}")


def _all_settings(model: type[BaseModel]) -> Iterator[Setting]:
    for setting in settings_of(model):
        yield setting
        if setting.kind is Kind.OBJECT:
            yield from _all_settings(setting.of)


def everything(schema: GraphQLSchema) -> str:
    """Return a document that selects all settings of all channels at once.

    It must be valid: fields that share a name share their type.
    """
    interface: Any = schema.type_map["Integration"]
    kinds = schema.get_implementations(interface).objects
    parts = [
        f"... on {kind.name} {{ settings {_select(kind.fields['settings'].type)} }}"
        for kind in kinds
    ]
    return "{ integrations { nodes { " + " ".join(parts) + " } } }"


def _select(of: Any) -> str:  # noqa: ANN401 - any output type
    named: Any = get_named_type(of)
    if is_leaf_type(named):
        return ""
    parts = (f"{name} {_select(field.type)}" for name, field in named.fields.items())
    return "{ " + " ".join(parts) + " }"
