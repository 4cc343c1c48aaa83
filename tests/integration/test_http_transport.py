"""GraphQL over HTTP, request by request."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import orjson
import pytest

from domain.clock import system_clock
from models.tokens import new_token
from server.graphql.http import BODY_MOST
from tests.captured_log import captured
from tests.databases import copy_sqlite
from tests.example_schema import CANARY
from tests.transport import APP, GRAPHQL_JSON, Api, running

JSON = "application/json"
TYPE_QUERY = "query Type($name: String!) { __type(name: $name) { name } }"
NO_FIELD = "{ 8f31403dfe404bccbb0e835f2629c6a7 }"
COERCION = {"query": "query Q($id: ID!){ __typename }", "variables": {"id": None}}
MUTATION = 'mutation{create(input:{name:"x",channel:{pager:{token:"t"}}}){name}}'


@pytest.fixture(scope="module")
async def api(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    """Give a server that all tests here share: they leave nothing behind."""
    file = tmp_path_factory.mktemp("http") / "tocsin.db"
    copy_sqlite(migrated_sqlite, file)
    async with running(f"sqlite://{file}") as made:
        yield made


@pytest.fixture
async def own_api(database_url: str) -> AsyncIterator[Api]:
    """Give a server of the test's own, on each database."""
    async with running(database_url) as made:
        yield made


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Give all that is logged meanwhile."""
    with captured() as stream:
        yield stream


def problem(answer: httpx.Response) -> str:
    """Return the code of the only error of an answer without data."""
    body: dict[str, Any] = answer.json()
    assert set(body) == {"errors"}, body
    [error] = body["errors"]
    assert error["message"]
    code: str = error["extensions"]["code"]
    return code


class Case(NamedTuple):
    """What is posted, with which Accept, and the status and media type of the answer.

    `audit` are the ids of the same cases in the audit of graphql-http.
    """

    audit: str
    body: Any
    accept: str | None = GRAPHQL_JSON
    status: int = 200
    media_type: str | None = None


OK = {"query": "{ __typename }"}


def with_(name: str, value: object) -> dict[str, object]:
    return {**OK, name: value}


WRONG: list[Any] = [{"obj": "ect"}, 0, False, ["array"]]
WRONG_MAPS: list[Any] = ["string", 0, False, ["array"]]
CASES = [
    Case("22EB", OK),
    Case("4655 13EE 03D4 2C94", OK, JSON, media_type=JSON),
    Case("47DE", OK, "*/*", media_type=JSON),
    Case("80D8 82A3 78D5", OK, None, media_type=JSON),
    Case("34A2", OK, f"{GRAPHQL_JSON}, {JSON};q=0.9", media_type=GRAPHQL_JSON),
    Case("-", OK, f"{JSON}, {GRAPHQL_JSON};q=0.9", media_type=JSON),
    Case("-", OK, "application/*", media_type=JSON),
    Case("423L 8764 3E3A", {"qeury": "{ __typename }"}, JSON, 400, JSON),
    Case("423L", {"notquery": "{ __typename }"}, status=400),
    *(Case(f"LKJ{n}", {"query": bad}, status=400) for n, bad in enumerate(WRONG)),
    Case("-", {"query": ""}, status=400),
    *(
        Case(f"6C0{n}", with_("operationName", bad), status=400)
        for n, bad in enumerate(WRONG)
    ),
    Case("8161", {"query": "query Q { __typename }", "operationName": "Q"}),
    Case("B8B3", {"query": "query Q { __typename }", "operationName": "Q"}, JSON),
    *(
        Case(audit, with_(name, None), accept)
        for name in ("variables", "operationName", "extensions")
        for audit, accept in (("94B0-2", GRAPHQL_JSON), ("0220-2", JSON))
    ),
    *(
        Case(f"476{n} 58B{n}", with_(name, bad), status=400)
        for name in ("variables", "extensions")
        for n, bad in enumerate(WRONG_MAPS)
    ),
    Case("2EA1", {"query": TYPE_QUERY, "variables": {"name": "sometype"}}),
    Case("28B9", {"query": TYPE_QUERY, "variables": {"name": "sometype"}}, JSON),
    Case("428F", with_("extensions", {"some": "value"})),
    Case("1B7A", with_("extensions", {"some": "value"}), JSON),
    Case("572B", {"query": "{"}, JSON, 200, JSON),
    Case("FDE2", {"query": NO_FIELD}, JSON, 200, JSON),
    Case("7B9B", COERCION, JSON, 200, JSON),
    Case("865D 556A D586", {"query": "{"}, status=400),
    Case("51FE 74FF 5E5B", {"query": NO_FIELD}, status=400),
    Case("-", {"query": "{ nonsense }"}, status=400),
    Case("86EE", COERCION, status=400),
    Case("-", {"query": "{ nonsense }"}, "*/*", 400, JSON),
    Case("-", [OK, OK], status=400),
    Case("-", [OK, 1], status=400),
    Case("-", "text", status=400),
    Case("-", None, status=400),
    Case("-", 1, JSON, 400, JSON),
    Case("-", {"query": "query A{__typename} query B{__typename}"}, status=400),
    Case("-", {"query": "{a:__typename}", "operationName": "B"}, status=400),
    Case("-", {"query": "fragment F on Query{hello}"}, status=400),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.audit}-{case.body}")
async def test_each_request_gets_its_status_and_media_type(
    api: Api, case: Case
) -> None:
    answer = await api.post(case.body, case.accept)
    assert answer.status_code == case.status, answer.text
    media_type = case.media_type or case.accept
    assert answer.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    body = answer.json()
    runs = case.status == 200 and case.audit not in {"572B", "FDE2", "7B9B"}
    assert ("data" in body) == runs
    assert ("errors" in body) == (not runs)


async def test_utf_8_may_be_declared_and_nothing_else(api: Api) -> None:
    body = orjson.dumps({"query": '{ hello(name: "Zoë 🔔") }'})
    for charset, status in (
        ("; charset=utf-8", 200),
        (';CHARSET="UTF-8"', 200),
        ("; charset=iso-8859-1", 415),
        ("; boundary=x", 200),
    ):
        headers = {**api.bearer, "Content-Type": f"{JSON}{charset}"}
        answer = await api.request(content=body, headers=headers)
        assert answer.status_code == status
    assert "Zoë 🔔" in (await api.post({"query": '{ hello(name: "Zoë 🔔") }'})).text


@pytest.mark.parametrize(
    "body",
    [b"", b'{ "not a JSON', b"\xff\xfe", b'{"query": "\xff"}', b"[" * 2000, b"NaN"],
)
@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
async def test_a_body_that_is_not_json_is_a_400(
    api: Api, body: bytes, accept: str
) -> None:
    """In the audit: A5BF, B6DC, BCF8, B7N8."""
    headers = {**api.bearer, "Content-Type": JSON, "Accept": accept}
    answer = await api.request(content=body, headers=headers)
    assert answer.status_code == 400
    assert problem(answer) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/jsonx",
    ],
)
async def test_only_json_is_read(api: Api, content_type: str | None) -> None:
    """In the audit: 9ABE. So a form of a foreign page is never run."""
    headers = {**api.bearer, **({"Content-Type": content_type} if content_type else {})}
    answer = await api.request(content=orjson.dumps(OK), headers=headers)
    assert answer.status_code == 415
    assert problem(answer) == "BAD_USER_INPUT"


@pytest.mark.parametrize("accept", ["text/plain", "image/*", "application/json;q=0"])
async def test_an_answer_that_is_not_wanted_is_a_406(api: Api, accept: str) -> None:
    answer = await api.post(OK, accept)
    assert answer.status_code == 406
    assert problem(answer) == "BAD_USER_INPUT"


async def test_a_get_may_ask_a_query(api: Api) -> None:
    """In the audit: 5A70, D6D5, 6A70."""
    answer = await api.get(query="query Q{ __typename }", operationName="Q")
    assert answer.json() == {"data": {"__typename": "Query"}}
    for accept in (JSON, GRAPHQL_JSON):
        variables = '{"name": "Query"}'
        answer = await api.get(accept, query=TYPE_QUERY, variables=variables)
        assert answer.json() == {"data": {"__type": {"name": "Query"}}}


async def test_what_is_empty_in_a_get_counts_as_not_given(api: Api) -> None:
    answer = await api.get(
        query="{ __typename }", operationName="", variables="", extensions=""
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"query": ""},
        {"query": "{__typename}", "variables": "{"},
        {"query": "{__typename}", "variables": "[]"},
        {"query": "{__typename}", "extensions": "1"},
        {"query": "{__typename}", "operationName": "null"},
    ],
)
async def test_a_get_that_is_not_well_formed_is_a_400(
    api: Api, query: dict[str, str]
) -> None:
    answer = await api.get(**query)
    assert answer.status_code == 400
    assert "errors" in answer.json()


async def test_a_parameter_given_twice_is_a_400(api: Api) -> None:
    answer = await api.request(
        "GET", "/graphql?query={__typename}&query={hello}", headers=api.bearer
    )
    assert answer.status_code == 400


async def test_a_mutation_by_get_is_a_405(api: Api) -> None:
    """In the audit: 9C48."""
    answer = await api.get(query=MUTATION)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert problem(answer) == "BAD_USER_INPUT"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
async def test_other_methods_are_a_405(api: Api, method: str) -> None:
    answer = await api.request(method, headers=api.bearer)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "POST", "OPTIONS"}


async def test_a_subscription_by_post_is_told_to_use_a_websocket(api: Api) -> None:
    answer = await api.post({"query": "subscription{count}"})
    assert answer.status_code == 400
    assert "WebSocket" in answer.json()["errors"][0]["message"]


async def test_a_body_over_the_cap_is_a_413(api: Api) -> None:
    answer = await api.post({"query": "{hello}", "x": "y" * BODY_MOST})
    assert answer.status_code == 413
    assert problem(answer) == "LIMIT_EXCEEDED"


async def test_a_packed_body_over_the_cap_is_refused(api: Api) -> None:
    import gzip  # noqa: PLC0415

    body = gzip.compress(b" " * (40 * BODY_MOST))
    headers = {**api.bearer, "Content-Type": JSON, "Content-Encoding": "gzip"}
    answer = await api.request(content=body, headers=headers)
    assert answer.status_code in {400, 413}
    answer = await api.request(content=b"no gzip", headers=headers)
    assert answer.status_code == 400
    assert "errors" in answer.json()


async def test_a_document_over_its_cap_is_a_400(api: Api) -> None:
    answer = await api.post({"query": "{hello}" + " " * 70_000})
    assert answer.status_code == 400
    assert problem(answer) == "LIMIT_EXCEEDED"


async def test_what_ran_is_a_200_also_with_errors(api: Api) -> None:
    answer = await api.post({"query": "{hello fails}"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] == {"hello": "Hello you", "fails": None}
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert CANARY not in answer.text


async def test_an_answer_without_data_has_the_status_of_its_error(api: Api) -> None:
    forbidden = await api.post({"query": "{refuses}"})
    assert forbidden.status_code == 403
    unavailable = await api.post({"query": "{nothingThere}"})
    assert unavailable.status_code == 503
    assert unavailable.headers["Retry-After"] == "1"


CREDENTIALS = {
    "No credential": None,
    "not a Bearer token": "Basic abc",
    "malformed": "Bearer not-a-token",
    "not known here": f"Bearer {new_token()}",
}


@pytest.mark.parametrize("reason", CREDENTIALS)
async def test_a_401_says_what_is_wrong_with_the_credential(
    api: Api, reason: str
) -> None:
    given = CREDENTIALS[reason]
    headers = {"Authorization": given} if given else {}
    answer = await api.request(json=OK, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert problem(answer) == "UNAUTHORIZED"
    assert reason in answer.text
    if given:
        assert given.split()[1] not in answer.text


async def test_an_expired_and_a_revoked_token_are_told_apart(own_api: Api) -> None:
    expired = await own_api.new_token(system_clock() - 1)
    revoked = await own_api.new_token()
    await own_api.revoke(revoked)
    for token, reason in ((expired, "has expired"), (revoked, "was revoked")):
        headers = {"Authorization": f"Bearer {token}"}
        answer = await own_api.request(json=OK, headers=headers)
        assert answer.status_code == 401
        assert reason in answer.text
        assert token not in answer.text


async def test_the_credential_is_asked_for_before_anything_is_read(api: Api) -> None:
    headers = {"Content-Type": JSON}
    answer = await api.request(content=b"nonsense", headers=headers)
    assert answer.status_code == 401


async def test_in_development_introspection_is_open_and_the_rest_is_not(
    sqlite_url: str,
) -> None:
    async with running(sqlite_url, open_to_all=True) as api:
        answer = await api.request(json={"query": "{__schema{queryType{name}}}"})
        assert answer.json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}
        wrong = await api.request(json=OK, headers={"Authorization": "Bearer x"})
        assert wrong.status_code == 401


async def test_a_get_that_any_page_could_send_is_refused(sqlite_url: str) -> None:
    async with running(sqlite_url, open_to_all=True) as api:
        query = {"query": "{__typename}"}
        answer = await api.request("GET", params=query)
        assert answer.status_code == 403
        assert problem(answer) == "FORBIDDEN"
        for name in ("GraphQL-Require-Preflight", "X-Apollo-Operation-Name"):
            answer = await api.request("GET", params=query, headers={name: "1"})
            assert answer.status_code == 200


async def test_a_browser_sees_a_page_and_runs_nothing(api: Api) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = await api.request(
        "GET", params={"query": "{fails}"}, headers={"Accept": accept}
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<h1>Tocsin</h1>" in answer.text


async def test_a_page_of_a_named_origin_may_read_answers(api: Api) -> None:
    preflight = await api.request(
        "OPTIONS",
        headers={
            "Origin": APP,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == APP
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    for answer in (
        await api.post(OK, Origin=APP),
        await api.request(json=OK, headers={"Origin": APP}),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert "Origin" in ", ".join(answer.headers.get_list("Vary"))


async def test_a_page_of_another_origin_may_not(api: Api) -> None:
    for origin in ("https://evil.example.com", f"{APP}.evil.example.com", "null"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = await api.request("OPTIONS", headers=headers)
        assert answer.status_code == 204
        assert "Access-Control-Allow-Origin" not in answer.headers
        answered = await api.post(OK, Origin=origin)
        assert "Access-Control-Allow-Origin" not in answered.headers


async def test_every_answer_has_the_headers_that_keep_browsers_safe(api: Api) -> None:
    for answer in (
        await api.post(OK),
        await api.request("GET", "/healthz"),
        await api.request("GET", "/none"),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_health_needs_no_credential(api: Api) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await api.request("GET", path)).json() == {"status": "ok"}


async def test_readiness_ends_with_the_database(own_api: Api) -> None:
    await own_api.store.close()
    answer = await own_api.request("GET", "/readyz")
    assert answer.status_code == 503
    assert (await own_api.request("GET", "/healthz")).status_code == 200
    assert (await own_api.post(OK)).status_code == 503


async def test_an_unknown_path_is_a_404_in_json(api: Api) -> None:
    answer = await api.request("GET", "/none")
    assert answer.status_code == 404
    assert answer.json() == {"errors": [{"message": "Not Found"}]}


async def test_use_of_a_token_is_noted_once_a_minute(own_api: Api) -> None:
    used = "SELECT last_used_at FROM api_token"
    assert await own_api.store.fetchval(used) is None
    await own_api.post(OK)
    async with asyncio.timeout(10):
        while (first := await own_api.store.fetchval(used)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert system_clock() - first < 10_000
    await own_api.post(OK)
    assert await own_api.store.fetchval(used) == first


@pytest.mark.parametrize(
    "body",
    [
        {"query": f'{{hello(name: "{CANARY}"'},
        {"query": CANARY},
        {"query": "{hello}", "operationName": CANARY},
        {"query": "{hello}", "variables": CANARY},
        {"query": "{fails}"},
        {"query": "query($n:Int!){hello(times:$n)}", "variables": {"n": CANARY}},
        [CANARY],
        CANARY,
    ],
)
async def test_secrets_come_into_no_answer_and_no_log(
    api: Api, body: object, log: io.StringIO
) -> None:
    answer = await api.post(body)
    assert answer.status_code < 500
    assert CANARY not in answer.text
    answer = await api.get(query=f'{{hello(name: "{CANARY}" 1)}}')
    assert CANARY not in answer.text
    await api.request(headers={"Authorization": f"Bearer {CANARY}"}, json=body)
    await api.request("GET", f"/{CANARY}?{CANARY}={CANARY}")
    lines = log.getvalue().splitlines()
    assert [orjson.loads(line)["event"] for line in lines].count("request") == 4
    assert CANARY not in log.getvalue()


async def test_a_client_that_goes_away_stops_what_it_asked_for(
    api: Api, log: io.StringIO
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        async with httpx.AsyncClient(trust_env=False, timeout=0.3) as client:
            await client.post(
                f"{api.url}/graphql", json={"query": "{slow}"}, headers=api.bearer
            )
    for _ in range(100):
        if '"status":499' in log.getvalue():
            break
        await api.request("GET", "/healthz")
    assert '"status":499' in log.getvalue()
