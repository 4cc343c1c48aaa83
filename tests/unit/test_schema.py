"""The schema as a whole: its text, its names, and that all of it can be selected."""

import subprocess
import sys

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    parse,
    validate,
    validate_schema,
)

from domain.faults import Code
from domain.ids import PREFIXES
from schema.build import SCHEMA, SDL, print_schema
from schema.limits import refuse_shape
from tests.acceptance_documents import document, operations
from tests.everything import everything

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
OURS = [t for name, t in CORE.type_map.items() if not name.startswith("__")]
OBJECTS = [t for t in OURS if isinstance(t, GraphQLObjectType | GraphQLInterfaceType)]
MUTATIONS = CORE.mutation_type.fields if CORE.mutation_type else {}
ROOTS = [CORE.query_type, CORE.mutation_type, CORE.subscription_type]


def test_the_committed_text_is_what_the_code_says() -> None:
    """`make sdl` writes it."""
    assert SDL.read_text("utf-8") == print_schema()


def test_the_text_is_the_same_whatever_the_hash_seed() -> None:
    program = "from schema.build import print_schema; print(print_schema(), end='')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "12345"},
        cwd=SDL.parent.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    assert done.stdout == print_schema()


def test_the_schema_is_valid() -> None:
    assert validate_schema(CORE) == []


@pytest.mark.parametrize("root", ROOTS, ids=str)
def test_everything_can_be_selected_at_once(root: GraphQLObjectType) -> None:
    """Also the settings of all channels: names that they share have one type."""
    for name, text in everything(CORE, root).items():
        assert validate(CORE, parse(text)) == [], name


@pytest.mark.parametrize(
    "file",
    ["01-create", "02-attach", "03-subscribe", "04-report", "05-resolve", "06-list"],
)
def test_the_acceptance_documents_are_valid(file: str) -> None:
    for operation in operations(file):
        node = parse(document(CORE, file, operation))
        assert validate(CORE, node) == [], operation
        refuse_shape(node)


@pytest.mark.parametrize("operation", ["Deliveries", "Redeliver"])
def test_the_history_document_is_valid(operation: str) -> None:
    """Its third operation, redelivery of many, comes later."""
    text = document(CORE, "10-deliveries", operation)
    assert validate(CORE, parse(text)) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_takes_one_input_and_answers_with_errors(name: str) -> None:
    field = MUTATIONS[name]
    title = name[0].upper() + name[1:]
    assert [str(a.type) for a in field.args.values()] == [f"{title}Input!"]
    assert isinstance(field.type, GraphQLNonNull)
    payload = get_named_type(field.type)
    assert isinstance(payload, GraphQLObjectType)
    assert payload.name == f"{title}Payload"
    types = {n: str(f.type) for n, f in payload.fields.items()}
    assert types.pop("errors") == "[UserError!]!"
    assert types.pop("warnings") == "[Warning!]!"
    assert types
    assert not any(type_.endswith("!") for type_ in types.values())


def test_connections_have_the_relay_arguments() -> None:
    for of in OBJECTS:
        for name, field in of.fields.items():
            if get_named_type(field.type).name.endswith("Connection"):
                arguments = {n: str(a.type) for n, a in field.args.items()}
                relay = {k: arguments[k] for k in ("first", "after", "last", "before")}
                expected = ("Int", "String", "Int", "String")
                assert tuple(relay.values()) == expected, (of.name, name)


def test_nodes_have_prefixed_ids() -> None:
    """From the prefix `node` knows the noun."""
    node = CORE.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    implementing = CORE.get_implementations(node)
    nouns = {t.name for t in (*implementing.objects, *implementing.interfaces)}
    channels = {name for name in nouns if name.endswith("Integration")}
    assert nouns - channels - {"Resource"} <= set(PREFIXES)


def test_null_is_never_a_default() -> None:
    """What is absent and what is null are two things, and are told apart."""
    assert "= null" not in print_schema()


def test_every_type_of_ours_is_described() -> None:
    """But for the inputs and payloads of mutations, whose field says it."""
    roots = {root.name for root in ROOTS if root}
    missing = [
        t.name
        for t in OURS
        if not t.description
        and not t.name.endswith(("Input", "Payload", "Settings"))
        and t.name not in roots
    ]
    assert missing == []


def test_the_codes_of_refusals_are_an_enum() -> None:
    codes = CORE.type_map["UserErrorCode"]
    assert isinstance(codes, GraphQLEnumType)
    assert list(codes.values) == [code.name for code in Code]


def test_every_sending_and_creating_input_takes_an_idempotency_key() -> None:
    for name in ("Create", "Report", "Redeliver", "Send"):
        found = [
            t for t in OURS if t.name.startswith(name) and t.name.endswith("Input")
        ]
        assert found
        for of in found:
            assert isinstance(of, GraphQLInputObjectType)
            assert str(of.fields["idempotencyKey"].type) == "String", of.name
