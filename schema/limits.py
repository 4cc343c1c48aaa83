"""Bounds on what one document may ask for, found in linear time.

Every selection set is walked once: what a fragment weighs is kept, however often it
is spread, so a document whose fragments fan out is refused without being unfolded.
`refuse_shape` needs no schema and comes before validation; `schema.price` after it.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from schema.errors import ApiError, ErrorCode

DOCUMENT_MOST: Final = 64 * 1024
"""Characters of a document."""

TOKENS_MOST: Final = 2_000
DEPTH_MOST: Final = 15
"""Levels of fields; the `edges`, `node` and `nodes` of connections do not count."""

ALIASES_MOST: Final = 30
"""Aliases with all spreads unfolded; those of `__typename` do not count."""

DIRECTIVES_MOST: Final = 4
"""Directives on one field, fragment or operation."""

WIDTH_MOST: Final = 150
"""Fields of one object with all spreads unfolded: validation compares each with
each, repeated ones too."""

NESTING_MOST: Final = 200
"""Levels of anything: how deep a walk may go."""

UNCOUNTED: Final = frozenset({"edges", "node", "nodes"})
INTROSPECTION: Final = frozenset({"__schema", "__type"})
"""Their depth and size are bounded by a rule of graphql-core, and by the schema."""

Fragments = Mapping[str, FragmentDefinitionNode]


class Shape(NamedTuple):
    """A selection set with all spreads unfolded: its levels, the aliases in all of
    them, and the fields of the outermost.
    """

    depth: int = 0
    aliases: int = 0
    width: int = 0


def limit_error(things: str, limit: int) -> ApiError:
    """Return the error for a document with too many of something."""
    message = f"The document has more than {limit} {things}."
    return ApiError(ErrorCode.LIMIT_EXCEEDED, message, limit=limit)


def fragments_of(document: DocumentNode) -> Fragments:
    """Return the fragments by name."""
    return {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }


def operations_of(document: DocumentNode) -> list[OperationDefinitionNode]:
    """Return the operations in their order."""
    return [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]


def refuse_shape(document: DocumentNode) -> int:
    """Raise ApiError for an operation that is too deep or has too many aliases.

    Returns how many selections were visited.
    """
    shapes = Shapes(fragments_of(document))
    for node in [*operations_of(document), *shapes.fragments.values()]:
        if len(node.directives or ()) > DIRECTIVES_MOST:
            raise limit_error("directives in one place", DIRECTIVES_MOST)
        depth, aliases, _ = shapes.of(node.selection_set)
        if depth > DEPTH_MOST:
            raise limit_error("levels of fields", DEPTH_MOST)
        if aliases > ALIASES_MOST:
            raise limit_error("aliases", ALIASES_MOST)
    return shapes.visits


class Shapes:
    """Measures selection sets, each fragment once."""

    def __init__(self, fragments: Fragments) -> None:
        """Start with nothing measured."""
        self.fragments = fragments
        self.visits = 0
        self._known: dict[str, Shape] = {}
        self._nesting = 0

    def of(self, selections: SelectionSetNode | None) -> Shape:
        """Return the shape of a selection set."""
        if selections is None:
            return Shape()
        self._nesting += 1
        if self._nesting > NESTING_MOST:
            raise limit_error("levels", NESTING_MOST)
        shapes = [self._of_one(node) for node in selections.selections]
        self._nesting -= 1
        width = sum(shape.width for shape in shapes)
        if width > WIDTH_MOST:
            raise limit_error("fields in one place", WIDTH_MOST)
        depth = max((shape.depth for shape in shapes), default=0)
        return Shape(depth, sum(shape.aliases for shape in shapes), width)

    def _of_one(self, node: SelectionNode) -> Shape:
        self.visits += 1
        if len(node.directives or ()) > DIRECTIVES_MOST:
            raise limit_error("directives in one place", DIRECTIVES_MOST)
        if isinstance(node, FieldNode):
            return self._of_field(node)
        if isinstance(node, InlineFragmentNode):
            return self.of(node.selection_set)
        return self._of_fragment(cast("FragmentSpreadNode", node).name.value)

    def _of_field(self, node: FieldNode) -> Shape:
        name = node.name.value
        inside = self.of(node.selection_set)
        aliased = node.alias is not None and name != "__typename"
        if name in INTROSPECTION:
            inside = Shape(0, inside.aliases)
        level = 0 if name in UNCOUNTED else 1
        return Shape(inside.depth + level, inside.aliases + aliased, width=1)

    def _of_fragment(self, name: str) -> Shape:
        if name not in self._known and name in self.fragments:
            self._known[name] = Shape()  # a cycle adds nothing; validation names it
            self._known[name] = self.of(self.fragments[name].selection_set)
        return self._known.get(name, Shape())
