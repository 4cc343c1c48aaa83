"""What is sent back over HTTP: bodies, status codes, headers."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from aiohttp import web
from graphql import ExecutionResult, GraphQLError

from schema.errors import ApiError, ErrorCode
from schema.masking import RequestError
from server.graphql.negotiation import JSON, Wanted

RETRY_AFTER_S: Final = 1
"""What clients are told to wait while the database is unavailable."""

_STATUS: Final[dict[str, int]] = {
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.STORAGE_UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}
"""Status of an answer without data, by the first error that has one here."""

_CHALLENGE: Final = 'Bearer realm="tocsin"'


class HttpRefusedError(Exception):
    """The request is answered without running anything."""

    def __init__(
        self, status: int, error: ApiError, headers: Mapping[str, str] | None = None
    ) -> None:
        """Keep what the answer is made of."""
        self.status = status
        self.error = error
        self.headers = dict(headers or {})
        super().__init__(error.message)


def refusal(refused: HttpRefusedError, media_type: str = JSON) -> web.Response:
    """Return the answer to a request that is not run."""
    headers = {**_headers([refused.error.code]), **refused.headers}
    errors = [
        {"message": refused.error.message, "extensions": refused.error.extensions}
    ]
    return _response({"errors": errors}, refused.status, media_type, headers)


def broken(error: RequestError) -> web.Response:
    """Return the answer where something failed outside of any operation."""
    codes = _codes(error.errors)
    body = {"errors": _formatted(error.errors)}
    return _response(body, _status(codes, 500), JSON, _headers(codes))


def plain(error: web.HTTPException) -> web.Response:
    """Return an error of the web framework (no such route …) as JSON."""
    allow = error.headers.get("Allow")
    headers = {"Allow": allow} if allow else {}
    return _response(
        {"errors": [{"message": error.reason}]}, error.status, JSON, headers
    )


def unauthorized(error: ApiError, given: str | None) -> HttpRefusedError:
    """Return the refusal of a missing or wrong credential.

    Source of the header: RFC 6750, section 3.
    """
    invalid = ', error="invalid_token"' if given else ""
    challenge = {"WWW-Authenticate": f"{_CHALLENGE}{invalid}"}
    return HttpRefusedError(401, error, challenge)


def not_run(error: RequestError, wanted: Wanted) -> web.Response:
    """Return the answer to a document that cannot run."""
    codes = _codes(error.errors)
    status = _status(codes, 200 if wanted.legacy else 400)
    body = {"errors": _formatted(error.errors)}
    return _response(body, status, wanted.media_type, _headers(codes))


def ran(result: ExecutionResult, wanted: Wanted) -> web.Response:
    """Return the answer to an operation that ran."""
    body: dict[str, Any] = {"data": result.data}
    codes: list[str] = []
    if result.errors:
        codes = _codes(result.errors)
        body["errors"] = _formatted(result.errors)
    status = _status(codes, 200) if result.data is None else 200
    return _response(body, status, wanted.media_type, _headers(codes))


def _response(
    body: object, status: int, media_type: str, headers: Mapping[str, str]
) -> web.Response:
    return web.Response(
        body=orjson.dumps(body),
        status=status,
        headers={"Content-Type": f"{media_type}; charset=utf-8", **headers},
    )


def _status(codes: Iterable[str], otherwise: int) -> int:
    return next((_STATUS[code] for code in codes if code in _STATUS), otherwise)


def _headers(codes: Iterable[str]) -> dict[str, str]:
    headers = {"Vary": "Accept"}
    if ErrorCode.STORAGE_UNAVAILABLE in codes:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if ErrorCode.UNAUTHORIZED in codes:
        headers["WWW-Authenticate"] = _CHALLENGE
    return headers


def _codes(errors: Iterable[GraphQLError]) -> list[str]:
    return [str((error.extensions or {}).get("code")) for error in errors]


def _formatted(errors: Iterable[GraphQLError]) -> list[Any]:
    return [error.formatted for error in errors]
