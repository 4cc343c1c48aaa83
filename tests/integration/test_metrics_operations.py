"""How operations are counted: by kind, and by what they came to."""

import asyncio

import pytest
from graphql import ExecutionResult, GraphQLError, OperationType

from schema.errors import ApiError, ErrorCode
from schema.masking import request_error
from server.graphql.answers import HttpRefusedError
from server.graphql.socket import GoneError
from server.graphql.watch import Watch
from server.variables import listen_on
from tests.samples import families, sample, samples

OPERATIONS = "tocsin_graphql_operations_total"
DURATIONS = "tocsin_graphql_operation_duration_seconds_count"


def coded(code: ErrorCode) -> GraphQLError:
    return GraphQLError("x", extensions={"code": code.value})


def refused(code: ErrorCode) -> Exception:
    return request_error(ApiError(code, "x"))


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        (None, "ok"),
        ([coded(ErrorCode.FORBIDDEN)], "error"),
        ([GraphQLError("x")], "error"),
        ([coded(ErrorCode.FORBIDDEN), coded(ErrorCode.INTERNAL)], "internal"),
        ([coded(ErrorCode.STORAGE_UNAVAILABLE)], "unavailable"),
    ],
)
async def test_what_ran_is_counted_by_its_errors(
    errors: list[GraphQLError] | None, outcome: str
) -> None:
    watch = Watch()
    with watch.operation() as operation:
        operation.begin(OperationType.MUTATION)
        operation.ran(ExecutionResult(None, errors))
    found = await families(watch.metrics)
    assert samples(found, OPERATIONS) == {("mutation", outcome): 1}
    assert samples(found, DURATIONS) == {("mutation",): 1}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (refused(ErrorCode.LIMIT_EXCEEDED), "refused"),
        (refused(ErrorCode.STORAGE_UNAVAILABLE), "unavailable"),
        (refused(ErrorCode.INTERNAL), "internal"),
        (HttpRefusedError(405, ApiError(ErrorCode.FORBIDDEN, "x")), "refused"),
        (asyncio.CancelledError(), "cancelled"),
        (GoneError(), "cancelled"),
        (RuntimeError(), "internal"),
    ],
)
async def test_what_did_not_run_to_its_end_is_counted_by_what_ended_it(
    error: BaseException, outcome: str
) -> None:
    """And is not timed: it says nothing of how long operations take."""
    watch = Watch()

    async def run() -> None:
        with watch.operation() as operation:
            operation.begin(OperationType.SUBSCRIPTION)
            found = await families(watch.metrics)
            assert sample(found, "tocsin_subscriptions_open") == 1
            raise error

    with pytest.raises(type(error)):
        await run()
    found = await families(watch.metrics)
    assert samples(found, OPERATIONS) == {("subscription", outcome): 1}
    assert not samples(found, DURATIONS)
    assert sample(found, "tocsin_subscriptions_open") == 0


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("[::1]:0", ("::1", 0)),
        ("metrics.internal:80", ("metrics.internal", 80)),
    ],
)
def test_where_metrics_are_listened_for(text: str, meant: tuple[str, int]) -> None:
    assert listen_on(text) == meant


@pytest.mark.parametrize(
    "text",
    ["9464", ":9464", "127.0.0.1", "127.0.0.1:", "h:65536", "h:-1", "::1:80", "h:²"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an address and a port"):
        listen_on(text)
