"""The acceptance documents, as they are run: one operation with its fragments.

What the schema does not have yet is left out: inline fragments on its types, enum
values in list variables, and input fields. Everything else must be there.
"""

from pathlib import Path
from typing import Any

from graphql import (
    REMOVE,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    Visitor,
    parse,
    print_ast,
    type_from_ast,
    visit,
)

DOCUMENTS = Path(__file__).parent / "acceptance" / "documents"


def operations(file: str) -> list[str]:
    """Name the operations of a document, given by its file's name without ending."""
    return [
        node.name.value
        for node in _read(file).definitions
        if isinstance(node, OperationDefinitionNode) and node.name
    ]


def document(schema: GraphQLSchema, file: str, operation: str) -> str:
    """Return the text of an operation and of the fragments that it uses."""
    tree = _read(file)
    fragments = {
        node.name.value: node
        for node in tree.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    wanted = next(
        node
        for node in tree.definitions
        if isinstance(node, OperationDefinitionNode)
        and node.name
        and node.name.value == operation
    )
    used = _spreads(wanted, fragments)
    definitions = (wanted, *(fragments[name] for name in used))
    kept = visit(DocumentNode(definitions=definitions), _LeavesOut(schema))
    return print_ast(kept)


def variables(
    schema: GraphQLSchema,
    document: str,
    values: dict[str, Any],
) -> dict[str, Any]:
    """Return the variables without what the schema does not know."""
    operation = parse(document).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    types = {
        definition.variable.name.value: type_from_ast(schema, definition.type)
        for definition in operation.variable_definitions or ()
    }
    return {name: _known(types[name], value) for name, value in values.items()}


def _read(file: str) -> DocumentNode:
    return parse((DOCUMENTS / f"{file}.graphql").read_text())


def _spreads(
    node: OperationDefinitionNode | FragmentDefinitionNode,
    fragments: dict[str, FragmentDefinitionNode],
) -> list[str]:
    found = _Spreads()
    visit(node, found)
    deeper = [n for name in found.names for n in _spreads(fragments[name], fragments)]
    return list(dict.fromkeys([*found.names, *deeper]))


class _Spreads(Visitor):
    """Collects the names of fragments that are spread."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self.names.append(node.name.value)


class _LeavesOut(Visitor):
    """Leaves out inline fragments on types that the schema does not have."""

    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self.schema = schema

    def enter_inline_fragment(self, node: InlineFragmentNode, *_: object) -> object:
        on = node.type_condition
        known = on is None or on.name.value in self.schema.type_map
        return None if known else REMOVE


def _known(type_: object, value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(type_, GraphQLNonNull):
        return _known(type_.of_type, value)
    if isinstance(type_, GraphQLList) and isinstance(value, list):
        known = (_known(type_.of_type, item) for item in value)
        return [item for item in known if item is not REMOVE]
    if isinstance(type_, GraphQLList):
        return _known(type_.of_type, value)
    if isinstance(type_, GraphQLEnumType):
        return value if value in type_.values else REMOVE
    if isinstance(type_, GraphQLInputObjectType) and isinstance(value, dict):
        return {
            name: _known(type_.fields[name].type, item)
            for name, item in value.items()
            if name in type_.fields
        }
    return value
