"""How many fields an operation may read at the most, found in linear time.

A list counts as many times as its page is long: `first` or `last` where given, even
as a variable, else the length that a page has. Of fragments on different object
types only the dearest counts, because a row is of one type.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, cast

from graphql import (
    ArgumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from schema.errors import ApiError, ErrorCode
from schema.limits import INTROSPECTION, Fragments
from schema.pagination import PAGE, PAGE_MOST

PRICE_MOST: Final = 50_000
"""Fields that one operation may read."""

LIST: Final = 10
"""Rows that are assumed of a list without pages."""

Composite = GraphQLObjectType | GraphQLInterfaceType


def refuse_price(price: int) -> None:
    """Raise ApiError for an operation that may read too much."""
    if price > PRICE_MOST:
        message = f"This may read more than {PRICE_MOST} fields: ask for shorter pages."
        raise ApiError(ErrorCode.LIMIT_EXCEEDED, message, limit=PRICE_MOST)


class Prices:
    """Prices selection sets of a valid document, each fragment once."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Fragments,
        variables: Mapping[str, Any],
    ) -> None:
        """Start with nothing priced. `variables` are as they were sent; `varies`
        becomes true where the price of the operation depends on them.
        """
        self.visits = 0
        self.varies = False
        self._schema = schema
        self._fragments = fragments
        self._variables = dict(variables)
        self._known: dict[str, int] = {}

    def of(self, operation: OperationDefinitionNode) -> int:
        """Return the price of an operation."""
        for node in operation.variable_definitions or ():
            if isinstance(node.default_value, IntValueNode):
                number = int(node.default_value.value)
                self._variables.setdefault(node.variable.name.value, number)
        root = self._schema.get_root_type(operation.operation)
        return self._of_set(operation.selection_set, root)

    def _of_set(
        self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None
    ) -> int:
        if selections is None:
            return 0
        common, special = 0, defaultdict[str, int](int)
        for node in selections.selections:
            self.visits += 1
            price, condition = self._of_one(node, parent)
            if condition is None or condition is parent:
                common += price
            elif isinstance(condition, GraphQLObjectType):
                special[condition.name] += price
            else:
                common += price
        return common + max(special.values(), default=0)

    def _of_one(
        self, node: SelectionNode, parent: GraphQLNamedType | None
    ) -> tuple[int, GraphQLNamedType | None]:
        if isinstance(node, FieldNode):
            return self._of_field(node, parent), None
        if isinstance(node, FragmentSpreadNode):
            return self._of_fragment(node.name.value)
        on = cast("InlineFragmentNode", node).type_condition
        condition = self._schema.get_type(on.name.value) if on else parent
        inside = cast("InlineFragmentNode", node).selection_set
        return self._of_set(inside, condition), condition

    def _of_fragment(self, name: str) -> tuple[int, GraphQLNamedType | None]:
        fragment = self._fragments[name]
        condition = self._schema.get_type(fragment.type_condition.name.value)
        if name not in self._known:
            self._known[name] = self._of_set(fragment.selection_set, condition)
        return self._known[name], condition

    def _of_field(self, node: FieldNode, parent: GraphQLNamedType | None) -> int:
        name = node.name.value
        field = parent.fields.get(name) if isinstance(parent, Composite) else None
        if field is None or name in INTROSPECTION:
            return 1
        inside = self._of_set(node.selection_set, get_named_type(field.type))
        return 1 + self._rows(node, field, parent) * inside

    def _rows(
        self, node: FieldNode, field: GraphQLField, parent: GraphQLNamedType | None
    ) -> int:
        if "first" in field.args:
            return self._page(node)
        if not _is_list(field.type) or _is_connection(parent):
            return 1
        return PAGE_MOST if "ids" in field.args else LIST

    def _page(self, node: FieldNode) -> int:
        given = [
            self._number(argument)
            for argument in node.arguments or ()
            if argument.name.value in {"first", "last"}
        ]
        sizes = [number for number in given if number is not None]
        return min(max(sizes, default=PAGE), PAGE_MOST)

    def _number(self, argument: ArgumentNode) -> int | None:
        value = argument.value
        if isinstance(value, IntValueNode):
            return max(int(value.value), 0)
        if isinstance(value, VariableNode):
            self.varies = True
            given = self._variables.get(value.name.value)
            return given if isinstance(given, int) and given >= 0 else None
        return None


def _is_list(of: GraphQLOutputType) -> bool:
    return is_list_type(of.of_type if is_non_null_type(of) else of)


def _is_connection(parent: GraphQLNamedType | None) -> bool:
    """Whether the lists of a type are as long as the page that was asked for."""
    return isinstance(parent, Composite) and "pageInfo" in parent.fields
