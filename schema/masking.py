"""What clients see of an error: ours as they are, everything else an id to ask by.

The log gets code, path, id and the places that the exception passed; messages of
other people's exceptions repeat values, so neither clients nor the log see them.
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Final

import structlog
from graphql import GraphQLError

from domain.traces import summary
from schema.coercion import Problem, shown
from schema.errors import ApiError, ErrorCode, as_api_error, bad_input
from schema.literals import LiteralError

ERRORS_MOST: Final = 10
"""Errors of one answer."""

_ARGUMENT: Final = re.compile(r"Argument '(\w+)' ")

_log = structlog.get_logger("tocsin.graphql")


class RequestError(Exception):
    """The operation was not run, or its stream has ended: only `errors` to show."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        """Keep errors that may be shown."""
        self.errors = list(errors)
        super().__init__()


def request_error(error: ApiError, at: GraphQLError | None = None) -> RequestError:
    """Return an error of ours as the only one of an operation that does not run."""
    return RequestError([_as_graphql(error, at)])


def masked(errors: Iterable[GraphQLError]) -> list[GraphQLError]:
    """Return what clients see of the errors of an operation that ran."""
    return [_masked(error) for error in list(errors)[:ERRORS_MOST]]


def masked_exception(error: Exception) -> RequestError:
    """Return what clients see of an exception that ended a stream."""
    if isinstance(error, RequestError):
        return error
    return RequestError([_masked(error)])


def invalid(errors: Sequence[GraphQLError]) -> RequestError:
    """Return what clients see of a document that is not valid: rules of the schema
    one by one, and literals of the wrong type together.
    """
    literals = [error for error in errors if isinstance(error, LiteralError)]
    others = [error for error in errors if not isinstance(error, LiteralError)]
    listed = []
    if literals:
        problems = [problem for error in literals for problem in error.problems]
        listed.append(_as_graphql(wrong_values(problems), literals[0]))
    for error in others[: ERRORS_MOST - len(listed)]:
        told = ApiError(ErrorCode.GRAPHQL_VALIDATION_FAILED, error.message)
        listed.append(_as_graphql(told, error))
    return RequestError(listed)


def wrong_values(problems: Iterable[Problem]) -> ApiError:
    """Return the one error for all values of the wrong type."""
    error = bad_input()
    error.extensions["problems"] = shown(problems)
    return error


def _masked(error: Exception) -> GraphQLError:
    located = error if isinstance(error, GraphQLError) else None
    cause = (located and located.original_error) or error
    ours = as_api_error(cause) or _refused_argument(cause)
    if ours is None:
        ours = _internal(cause, located)
    return _as_graphql(ours, located)


def _refused_argument(cause: Exception) -> ApiError | None:
    """Return the fault of an argument that graphql-core found while running a field,
    for example a variable that is null where the schema has a default.
    """
    is_core = isinstance(cause, GraphQLError) and cause.original_error is None
    refused = _ARGUMENT.match(str(cause)) if is_core else None
    if refused is None:
        return None
    return wrong_values([Problem((refused[1],), "The value does not fit.")])


def _internal(cause: BaseException, located: GraphQLError | None) -> ApiError:
    error_id = secrets.token_hex(8)
    _log.error(
        "internal error",
        code=ErrorCode.INTERNAL.value,
        error_id=error_id,
        path=located.path if located else None,
        **summary(cause),
    )
    message = f"Something went wrong here; the log has it as {error_id}."
    return ApiError(ErrorCode.INTERNAL, message, errorId=error_id)


def _as_graphql(error: ApiError, at: GraphQLError | None) -> GraphQLError:
    return GraphQLError(
        error.message,
        nodes=at.nodes if at else None,
        source=at.source if at else None,
        positions=at.positions if at else None,
        path=at.path if at else None,
        extensions=error.extensions,
    )
