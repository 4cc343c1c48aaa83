"""Documents that select all that there is, made from the schema itself."""

from typing import cast

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)


def everything(schema: GraphQLSchema, root: GraphQLObjectType) -> dict[str, str]:
    """Return for each root field a document that selects every field below it.

    Arguments that are needed become variables, pages have one row; a type that is
    being selected already is not selected again. Of a noun below two others only the
    id is: it has a root field of its own, and documents have a limit.
    """
    return {name: _operation(schema, root, name) for name in root.fields}


def _operation(schema: GraphQLSchema, root: GraphQLObjectType, name: str) -> str:
    field = root.fields[name]
    needed = {n: a.type for n, a in field.args.items() if is_required_argument(a)}
    declared = ", ".join(f"${n}: {type_}" for n, type_ in needed.items())
    given = ", ".join([*(f"{n}: ${n}" for n in needed), *_one_row(field)])
    head = f"{root.name.lower()} {name}" + (f"({declared})" if declared else "")
    call = name + (f"({given})" if given else "")
    return f"{head} {{ {call} {_below(schema, field, (root.name,))} }}"


def _below(schema: GraphQLSchema, field: GraphQLField, above: tuple[str, ...]) -> str:
    of = get_named_type(field.type)
    if is_leaf_type(of):
        return ""
    # The nouns share no more than that.
    if of.name == "Node" or _deep(schema, of, above):
        return "{ __typename id }"
    if isinstance(of, GraphQLInterfaceType):
        kinds = schema.get_implementations(of).objects
        shown = " ".join(f"... on {k.name} {_select(schema, k, above)}" for k in kinds)
        return f"{{ __typename {shown} }}"
    return _select(schema, of, above)


def _select(schema: GraphQLSchema, of: GraphQLNamedType, above: tuple[str, ...]) -> str:
    assert isinstance(of, GraphQLObjectType)
    here = (*above, of.name)
    shown = [
        f"{name} {_arguments(field)} {_below(schema, field, here)}"
        for name, field in of.fields.items()
        if not _again(schema, field, here) and not _any_required(field)
    ]
    return f"{{ __typename {' '.join(shown)} }}"


def _deep(schema: GraphQLSchema, of: GraphQLNamedType, above: tuple[str, ...]) -> bool:
    nouns = schema.get_implementations(
        cast("GraphQLInterfaceType", schema.type_map["Node"])
    )
    names = {it.name for it in (*nouns.objects, *nouns.interfaces)}
    return of.name in names and len(names.intersection(above)) > 1


def _one_row(field: GraphQLField) -> list[str]:
    return ["first: 1"] if "first" in field.args else []


def _arguments(field: GraphQLField) -> str:
    return f"({', '.join(_one_row(field))})" if _one_row(field) else ""


def _again(schema: GraphQLSchema, field: GraphQLField, above: tuple[str, ...]) -> bool:
    of = get_named_type(field.type)
    kinds = (
        schema.get_implementations(of).objects
        if isinstance(of, GraphQLInterfaceType)
        else [of]
    )
    return any(kind.name in above for kind in kinds)


def _any_required(field: GraphQLField) -> bool:
    return any(is_required_argument(argument) for argument in field.args.values())
