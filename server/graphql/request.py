"""The parameters of a GraphQL request, however it was sent.

Source: GraphQL over HTTP, https://graphql.github.io/graphql-over-http/draft/, "Request
Parameters"; and the payload of `subscribe` in graphql-transport-ws.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from schema.errors import ApiError, ErrorCode

PARAMETERS: Final = ("query", "operationName", "variables", "extensions")


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation to run. Nothing of it is shown by `repr`: it may hold secrets."""

    query: str = field(repr=False)
    operation_name: str | None = field(default=None, repr=False)
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)


def malformed(message: str) -> ApiError:
    """Return the error for a request that is not well-formed."""
    return ApiError(ErrorCode.BAD_USER_INPUT, message)


def from_parameters(given: object) -> GraphQLRequest:
    """Return the request that a JSON value describes; ApiError if it does not."""
    if isinstance(given, list):
        raise malformed("Batches are not supported: send one operation at a time.")
    if not isinstance(given, dict):
        raise malformed("The request must be a JSON object.")
    query, name = given.get("query"), given.get("operationName")
    if not isinstance(query, str) or not query:
        raise malformed("`query` must be a string that holds a GraphQL document.")
    if name is not None and not isinstance(name, str):
        raise malformed("`operationName` must be a string.")
    for parameter in ("variables", "extensions"):
        if not isinstance(given.get(parameter), dict | None):
            raise malformed(f"`{parameter}` must be a JSON object.")
    return GraphQLRequest(query, name, given.get("variables") or {})


def from_body(body: bytes) -> GraphQLRequest:
    """Return the request in the body of a POST; ApiError if there is none."""
    return from_parameters(_json(body, "The body"))


def from_query(query: Mapping[str, list[str]]) -> GraphQLRequest:
    """Return the request in the query of a GET; ApiError if there is none.

    What is empty counts as not given.
    """
    given: dict[str, object] = {}
    for name in PARAMETERS:
        values = query.get(name, [])
        if len(values) > 1:
            raise malformed(f"`{name}` is given more than once.")
        if values and values[0]:
            given[name] = values[0]
    for name in ("variables", "extensions"):
        text = given.get(name)
        if isinstance(text, str):
            given[name] = _json(text.encode(errors="replace"), f"`{name}`")
    return from_parameters(given)


def _json(text: bytes, what: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        # Its own message repeats nothing either, but names a place of no use.
        raise malformed(f"{what} is not JSON in UTF-8.") from None
