"""Wrong values are told all at once, each by its path, and never repeated."""

import io
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from strawberry.types import ExecutionResult

from tests.captured_log import captured
from tests.example_schema import CANARY, make_schema

SCHEMA = make_schema()
CREATE = "mutation($input: CreateInput!){create(input: $input){name headerCount}}"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Give all that is logged meanwhile."""
    with captured() as stream:
        yield stream


def answer(result: ExecutionResult) -> dict[str, Any]:
    """Return the only error, as clients see it."""
    assert result.data is None
    [error] = result.errors or []
    shown: dict[str, Any] = orjson.loads(orjson.dumps(error.formatted))
    assert shown["extensions"]["code"] == "BAD_USER_INPUT"
    return shown


def problems(result: ExecutionResult) -> dict[str, str]:
    listed = answer(result)["extensions"]["problems"]
    return {".".join(problem["path"]): problem["message"] for problem in listed}


def literal(value: object) -> str:
    """Return a value as GraphQL writes it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}: {literal(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return orjson.dumps(value).decode()


WRONG: dict[str, Any] = {
    "name": 3,
    "channel": {
        "webhook": {
            "secret": CANARY,
            "port": CANARY,
            "headers": [{"key": CANARY}, CANARY, {"key": "k", "value": None}],
            "extra": CANARY,
        },
    },
    "moods": [CANARY, 1],
    "other": {"deep": CANARY},
}
EXPECTED = {
    "input.name": "Expected a string.",
    "input.channel.webhook.url": "A value is required.",
    "input.channel.webhook.port": "Expected a whole number of at most 32 bits.",
    "input.channel.webhook.headers.0.value": "A value is required.",
    "input.channel.webhook.headers.1": "Expected an object.",
    "input.channel.webhook.headers.2.value": "A value is required.",
    "input.channel.webhook.extra": "Unknown field.",
    "input.moods.0": "Expected one of GOOD, BAD.",
    "input.moods.1": "Expected one of GOOD, BAD.",
    "input.other": "Unknown field.",
}


async def test_all_faults_of_a_variable_are_told_by_their_paths() -> None:
    assert problems(await SCHEMA.execute(CREATE, {"input": WRONG})) == EXPECTED


async def test_all_faults_of_a_literal_are_told_by_the_same_paths() -> None:
    text = f"mutation{{create(input: {literal(WRONG)}){{name}}}}"
    assert problems(await SCHEMA.execute(text)) == EXPECTED


async def test_faults_of_a_one_of_are_told_with_the_others() -> None:
    several = {"channel": {"pager": {"token": "t"}, "webhook": None}}
    for channel in (several["channel"], {}, {"pager": None}):
        found = problems(await SCHEMA.execute(CREATE, {"input": {"channel": channel}}))
        assert found == {
            "input.name": "A value is required.",
            "input.channel": "Exactly one key must be given, "
            "and its value must not be null.",
        }


async def test_a_one_of_in_a_literal_is_judged_alike() -> None:
    text = 'mutation{create(input:{name:"x",channel:{pager:null}}){name}}'
    assert list(problems(await SCHEMA.execute(text))) == ["input.channel"]


async def test_a_missing_variable_is_named() -> None:
    assert problems(await SCHEMA.execute(CREATE)) == {"input": "A value is required."}
    assert problems(await SCHEMA.execute(CREATE, {"input": None})) == {
        "input": "A value is required.",
    }


async def test_a_single_value_stands_for_a_list_of_one() -> None:
    given = {
        "name": "x",
        "moods": "GOOD",
        "channel": {
            "webhook": {
                "url": "u",
                "secret": "s",
                "headers": {"key": "k", "value": "v"},
            },
        },
    }
    result = await SCHEMA.execute(CREATE, {"input": given})
    assert result.errors is None
    assert result.data == {"create": {"name": "x", "headerCount": 1}}
    given["moods"] = CANARY
    found = problems(await SCHEMA.execute(CREATE, {"input": given}))
    assert list(found) == ["input.moods"]


async def test_a_variable_inside_a_literal_is_no_fault_of_the_literal() -> None:
    text = (
        "mutation($token: String!)"
        '{create(input:{name:"x",channel:{pager:{token:$token}}}){name}}'
    )
    assert (await SCHEMA.execute(text, {"token": "t"})).errors is None


async def test_a_null_where_the_schema_has_a_default_is_told_by_its_argument() -> None:
    text = "query($n: Int = 3){hello(times: $n)}"
    assert problems(await SCHEMA.execute(text, {"n": None})) == {
        "times": "The value does not fit.",
    }


async def test_the_faults_of_one_answer_are_bounded() -> None:
    moods = ["x"] * 5000
    given = {"name": "x", "channel": {"pager": {"token": "t"}}, "moods": moods}
    assert len(problems(await SCHEMA.execute(CREATE, {"input": given}))) == 100


async def test_a_very_deep_value_is_a_fault() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    given = {"name": deep, "channel": {"pager": {"token": deep}}}
    assert set(problems(await SCHEMA.execute(CREATE, {"input": given}))) == {
        "input.name",
        "input.channel.pager.token",
    }


async def test_a_key_that_is_no_name_is_not_repeated() -> None:
    given = {"name": "x", "channel": {"pager": {"token": "t"}}, f"{CANARY} ": 1}
    assert list(problems(await SCHEMA.execute(CREATE, {"input": given}))) == [
        "input.(not a name)",
    ]


BAD_DOCUMENTS = [
    f'{{hello(name: "{CANARY}" "x")}}',
    f'{{hello(name: "{CANARY})}}',
    f'{{hello "{CANARY}"}}',
    f"{{hello(name: {CANARY.replace('-', '')}0-)}}",
    f'query($n: Int = "{CANARY}"){{hello(times: $n)}}',
    f'{{hello @include(if: "{CANARY}")}}',
    f'{{mood(of: "{CANARY}")}}',
    f'mutation{{create(input: "{CANARY}"){{name}}}}',
    f'mutation{{create(input: {{name: "{CANARY}"}}){{name}}}}',
    f'{{mood(of: GOOD, of: "{CANARY}")}}',
    f'{{hello(nme: "{CANARY}")}}',
    f'query{{hello(name: "{CANARY}")}} query{{hello}}',
    f'{{hello(name: "{CANARY}") hello(name: "x")}}',
    f"# {CANARY}\n{{fails nothingThere}}",
]
BAD_VARIABLES: list[Any] = [
    WRONG,
    CANARY,
    [CANARY],
    {"name": CANARY},
    {"name": {"a": CANARY}, "channel": CANARY},
    {"name": CANARY, "channel": {"pager": {"token": [CANARY]}}},
    {"name": CANARY, "channel": {"pager": {"token": CANARY, "x": CANARY}}},
    {"name": CANARY, "channel": {"webhook": {"secret": CANARY, "url": CANARY}, "a": 1}},
]


@pytest.mark.parametrize("text", BAD_DOCUMENTS)
async def test_no_bad_document_is_repeated_in_answer_or_log(
    text: str, log: io.StringIO
) -> None:
    result = await SCHEMA.execute(text)
    shown = orjson.dumps([error.formatted for error in result.errors or []]).decode()
    assert shown != "[]"
    assert CANARY not in shown
    assert CANARY.replace("-", "") not in shown
    assert CANARY not in log.getvalue()


@pytest.mark.parametrize("given", BAD_VARIABLES)
async def test_no_bad_variable_is_repeated_in_answer_or_log(
    given: object, log: io.StringIO
) -> None:
    result = await SCHEMA.execute(CREATE, {"input": given})
    assert CANARY not in orjson.dumps(answer(result)).decode()
    assert CANARY not in log.getvalue()


async def test_a_bug_is_masked_and_found_in_the_log_by_its_id(log: io.StringIO) -> None:
    result = await SCHEMA.execute("{fails}")
    [error] = result.errors or []
    extensions = error.extensions or {}
    assert result.data == {"fails": None}
    assert extensions["code"] == "INTERNAL"
    assert str(extensions["errorId"]) in error.message
    [line] = log.getvalue().splitlines()
    logged = orjson.loads(line)
    assert logged["error_id"] == extensions["errorId"]
    assert logged["path"] == ["fails"]
    assert logged["exception"] == "builtins.ValueError"
    assert CANARY not in error.message + line


async def test_errors_of_ours_are_shown_as_they_are() -> None:
    result = await SCHEMA.execute("{refuses}")
    [error] = result.errors or []
    assert error.message == "Not for you."
    assert error.extensions == {"code": "FORBIDDEN", "scope": "ADMIN"}


async def test_a_subscription_that_fails_ends_with_a_masked_error() -> None:
    results = [r async for r in await SCHEMA.subscribe("subscription{count(failAt:1)}")]
    assert results[0].data == {"count": 0}
    [error] = results[1].errors or []
    assert (error.extensions or {})["code"] == "INTERNAL"
    assert CANARY not in error.message


async def test_a_subscription_refused_at_its_start_has_the_code_of_its_error() -> None:
    [result] = [r async for r in await SCHEMA.subscribe("subscription{expired}")]
    [error] = result.errors or []
    assert error.extensions == {"code": "CURSOR_EXPIRED", "oldestCursor": "c1"}
