"""Looks ahead: whether a field is selected below the one that is resolved now."""

from collections.abc import Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)

from schema.context import Info


def selects(info: Info, name: str) -> bool:
    """Say whether a field may be selected right below the present one.

    @skip and @include are not looked at: "yes" may be too much, "no" never is.
    """
    # Not `selected_fields`: it converts the whole tree below, for each row anew.
    raw = info._raw_info  # noqa: SLF001
    found: set[str] = set()
    spread: set[str] = set()
    for node in raw.field_nodes:
        _collect(node.selection_set, raw.fragments, found, spread)
    return name in found


def _collect(
    selection_set: SelectionSetNode | None,
    fragments: Mapping[str, FragmentDefinitionNode],
    found: set[str],
    spread: set[str],
) -> None:
    """Add the names of the fields; each fragment is gone through once, since spreads
    of spreads can be exponentially many.
    """
    for selection in selection_set.selections if selection_set else ():
        if isinstance(selection, FieldNode):
            found.add(selection.name.value)
        elif isinstance(selection, InlineFragmentNode):
            _collect(selection.selection_set, fragments, found, spread)
        elif isinstance(selection, FragmentSpreadNode):
            fragment = selection.name.value
            if fragment not in spread:
                spread.add(fragment)
                _collect(fragments[fragment].selection_set, fragments, found, spread)
