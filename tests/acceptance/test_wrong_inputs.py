"""Whatever a client sends, nothing is a 5xx, a hang or a masked bug: every root field is
called with hundreds of wrong and strange values, made from the schema itself.
"""

import json
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_leaf_type,
)

from domain.ids import PREFIXES, encode, new_id
from schema.build import SCHEMA
from tests.live_server import LiveServer

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
ROUNDS = 40
STRANGE: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 2**31, -(2**63), 10**30, "", " ", "a", "x" * 70_000),
    *(
        "\0",
        "a\0b",
        "\u202e",
        "\ud800",
        "a\udfffb",
        "😀" * 300,
        "%00",
        "'; DROP TABLE server; --",
        "\n",
        "{",
    ),
    *("../../etc/passwd", "toc_x", "int_0", [], {}, [None], [[]], {"": ""}, {"a": 1}),
    *("int_" + "z" * 26, "2026-13-45T99:99:99Z", "2026-01-01T00:00:00.000Z", "NaN"),
    *("http://[::1", "http://a..b", "https://ü.example/ä?ö#ß", "http://x:99999/"),
)


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[LiveServer]:
    """A running server on either database."""
    made = LiveServer(tmp_path / "data", database_url)
    await made.start()
    yield made
    await made.stop()


def value(chance: random.Random, of: GraphQLInputType, wild: float) -> Any:  # noqa: ANN401 - JSON
    """Return a value of the type, and as often as `wild` says one that is not."""
    if chance.random() < wild:
        return chance.choice(STRANGE)
    if isinstance(of, GraphQLNonNull):
        return value(chance, of.of_type, wild)
    if isinstance(of, GraphQLList):
        count = chance.choice((0, 1, 2, 40))
        return [value(chance, of.of_type, wild) for _ in range(count)]
    if isinstance(of, GraphQLInputObjectType):
        return fields(chance, of, wild)
    if isinstance(of, GraphQLEnumType):
        return chance.choice([*of.values])
    return leaf(chance, of.name)


def fields(
    chance: random.Random, of: GraphQLInputObjectType, wild: float
) -> dict[str, Any]:
    """Return some of the fields, the required ones always unless it is wild."""
    kept = [
        name
        for name, it in of.fields.items()
        if chance.random() < 0.5 or (not wild and isinstance(it.type, GraphQLNonNull))
    ]
    if of.is_one_of and not wild:
        kept = [chance.choice([*of.fields])]
    made = {name: value(chance, of.fields[name].type, wild) for name in kept}
    return {**made, "unknown": 1} if chance.random() < wild / 4 else made


def leaf(chance: random.Random, name: str) -> Any:  # noqa: ANN401 - JSON
    """Return a scalar of the right kind, strange or not."""
    if name == "ID":
        return encode(chance.choice([*PREFIXES]), new_id())
    if name == "Int":
        return chance.choice((0, 1, 2, 100, 101, -5))
    if name == "Boolean":
        return chance.random() < 0.5
    return chance.choice((*(s for s in STRANGE if isinstance(s, str)), "name", "b.io"))


def requests(chance: random.Random, kind: str) -> Iterator[dict[str, Any]]:
    """Yield requests for every root field, with arguments as variables."""
    root = CORE.query_type if kind == "query" else CORE.mutation_type
    assert root is not None
    for name, field in root.fields.items():
        for number in range(ROUNDS if field.args else 1):
            # Half of them are of the right types, to get past the first gate.
            yield request(chance, kind, (name, field), wild=0.2 * (number % 2))


def request(
    chance: random.Random, kind: str, called: tuple[str, GraphQLField], wild: float
) -> dict[str, Any]:
    """Return one call of a root field."""
    name, field = called
    used = [*field.args]
    declared = ", ".join(f"${a}: {field.args[a].type}" for a in used)
    passed = ", ".join(f"{a}: ${a}" for a in used)
    head = f"{kind}({declared})" if used else kind
    call = f"{name}({passed})" if used else name
    selected = "" if is_leaf_type(get_named_type(field.type)) else "{ __typename }"
    given = [a for a in used if kind == "mutation" or chance.random() < 0.5]
    variables = {a: value(chance, field.args[a].type, wild) for a in given}
    return {"query": f"{head} {{ {call} {selected} }}", "variables": variables}


@pytest.mark.parametrize("kind", ["query", "mutation"])
async def test_no_value_is_answered_with_a_5xx(server: LiveServer, kind: str) -> None:
    """Each answer has a status below 500 and no error of ours that is a bug."""
    chance = random.Random(20261124)  # noqa: S311 - to be repeatable
    headers = {
        "Authorization": f"Bearer {server.token}",
        "Content-Type": "application/json",
    }
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        for sent in requests(chance, kind):
            body = json.dumps(sent)
            answer = await client.post(server.url, content=body, timeout=10)
            assert answer.status_code < 500, (sent, answer.text)
            errors = answer.json().get("errors", [])
            codes = {error["extensions"]["code"] for error in errors}
            assert "INTERNAL" not in codes, (sent, errors)
        assert (await client.get(f"{server.url[:-8]}/readyz")).status_code == 200
