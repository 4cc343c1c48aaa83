"""Traces through a whole server: how spans hang together, and what is not in them."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from aiohttp import web
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from sandbox.script import Respond
from sandbox.webhook_sink import WebhookSink
from server.metrics import Metrics
from server.observing import Observing
from server.tracing import open_tracing
from server.tracing_otel import FLUSH_S, OtelTracing
from server.variables import asks_for_traces
from tests.captured_log import captured
from tests.in_process import REPORT, Whole, until, whole_server
from tests.server_process import listening, post

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
CANARY = "c4n4ry"
COLLECTOR = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Collected:
    """The spans that have ended."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracing = OtelTracing(provider)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [it for it in self.spans if it.name == name]

    async def wait(self, name: str, count: int) -> list[ReadableSpan]:
        """Wait until so many spans of a name have ended."""

        async def there() -> bool:
            return len(self.named(name)) >= count

        await until(there)
        return self.named(name)


@contextmanager
def collecting() -> Iterator[Collected]:
    collected = Collected()
    yield collected
    collected.exporter.shutdown()


async def report(whole: Whole, **headers: str) -> None:
    """Report an incident as part of a caller's trace."""
    given = {
        "serverId": whole.server_id,
        "incidentType": CANARY,
        "message": CANARY,
        "dedupKey": CANARY,
    }
    body = {"query": REPORT, "variables": {"input": given}}
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        answer = await client.post(
            f"{whole.url}/graphql?{CANARY}", json=body, headers=whole.bearer | headers
        )
    assert answer.status_code == 200


def only(spans: list[ReadableSpan]) -> ReadableSpan:
    [span] = spans
    return span


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def parent_of(span: ReadableSpan) -> int | None:
    return int(span.parent.span_id) if span.parent else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


async def test_one_trace_leads_from_the_caller_to_the_turn_and_attempts_refer_to_it(
    database_url: str, tmp_path: Path
) -> None:
    with collecting() as collected:
        async with (
            WebhookSink() as sink,
            whole_server(
                database_url, tmp_path, Observing(tracing=collected.tracing)
            ) as whole,
        ):
            path = f"/{CANARY}"
            sink.script(path, Respond(status=400, body=CANARY.encode()))
            await whole.tell(sink.url(path))
            collected.exporter.clear()
            await report(whole, traceparent=f"00-{TRACE}-{PARENT}-01")
            [attempt] = await collected.wait("delivery attempt", 1)
        request = only(collected.named("POST /graphql"))
        operation = only(collected.named("mutation"))
        turn = only(collected.named("turn"))
        assert {trace_of(it) for it in (request, operation, turn)} == {TRACE}
        assert parent_of(request) == int(PARENT, 16)
        assert parent_of(operation) == id_of(request)
        assert parent_of(turn) == id_of(operation)
        [link] = attempt.links
        assert link.context.trace_id == int(TRACE, 16)
        assert link.context.span_id == id_of(turn)
        assert trace_of(attempt) != TRACE
        assert attempt.parent is None
        sent = only(collected.named("POST"))
        assert parent_of(sent) == id_of(attempt)
        shown(collected, sink)
        no_canary(collected, whole)


def shown(collected: Collected, sink: WebhookSink) -> None:
    """What spans say is what may be said."""
    told = {it.name: dict(it.attributes or {}) for it in collected.spans}
    assert told["POST /graphql"] == {
        "http.request.method": "POST",
        "http.route": "/graphql",
        "http.response.status_code": 200,
    }
    assert told["mutation"] == {
        "graphql.operation.type": "mutation",
        "tocsin.outcome": "ok",
    }
    assert told["turn"] == {"tocsin.mutation": "reportIncident"}
    attempt = told["delivery attempt"]
    assert str(attempt.pop("tocsin.delivery")).startswith("dlv_")
    assert attempt == {
        "tocsin.channel": "webhook",
        "tocsin.attempt": 1,
        "tocsin.outcome": "retry",
        "error.type": "retry",
    }
    port = httpx.URL(sink.url()).port
    assert told["POST"] == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 400,
    }
    status = only(collected.named("delivery attempt")).status
    assert (status.status_code, status.description) == (StatusCode.ERROR, None)


def no_canary(collected: Collected, whole: Whole) -> None:
    for span in collected.spans:
        text = span.to_json()
        assert CANARY not in text
        assert whole.token not in text
        assert not span.events


async def test_a_wrong_or_missing_traceparent_begins_a_trace(
    sqlite_url: str, tmp_path: Path
) -> None:
    with collecting() as collected:
        observing = Observing(tracing=collected.tracing)
        async with whole_server(sqlite_url, tmp_path, observing) as whole:
            await whole.tell()
            collected.exporter.clear()
            await report(whole)
            await report(whole, traceparent="00-zz-zz-01", tracestate="x" * 4_000)
            await report(whole, traceparent=f"00-{'0' * 32}-{PARENT}-01")
        requests = collected.named("POST /graphql")
        assert len({trace_of(it) for it in requests}) == 3
        assert {it.parent for it in requests} == {None}


async def test_what_a_trace_leaves_out(sqlite_url: str, tmp_path: Path) -> None:
    """Health checks, scrapes, sockets and subscriptions; not what else a socket asks."""
    with collecting() as collected:
        observing = Observing(tracing=collected.tracing)
        async with whole_server(sqlite_url, tmp_path, observing) as whole:
            collected.exporter.clear()
            async with httpx.AsyncClient(trust_env=False) as client:
                for path in ("/healthz", "/readyz", "/metrics"):
                    assert (await client.get(f"{whole.url}{path}")).status_code == 200
            assert not collected.spans
            async with whole.following():
                pass  # which asks for the viewer besides
        assert {it.name for it in collected.spans} <= {"POST /graphql", "query"}


async def test_far_ends_are_sent_no_trace(sqlite_url: str, tmp_path: Path) -> None:
    headers: list[set[str]] = []

    async def take(request: web.Request) -> web.Response:
        headers.append({name.lower() for name in request.headers})
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    with collecting() as collected:
        observing = Observing(tracing=collected.tracing)
        async with whole_server(sqlite_url, tmp_path, observing) as whole:
            await whole.tell(url)
            await report(whole, traceparent=f"00-{TRACE}-{PARENT}-01")
            await whole.settled()
    await runner.cleanup()
    [sent] = headers
    assert not {"traceparent", "tracestate", "baggage"} & sent


async def test_spans_reach_a_collector_by_otlp(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A double on loopback, named by the standard variables."""
    got: list[tuple[str, str | None, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        key = request.headers.get("x-key")
        got.append((request.path, key, await request.read()))
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/{any:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector = f"http://127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setenv(COLLECTOR, collector)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
    tracing = open_tracing(asked_for=True)
    async with whole_server(sqlite_url, tmp_path, Observing(tracing=tracing)) as whole:
        await whole.tell()
        await report(whole)
    await tracing.close()
    await runner.cleanup()
    assert {(path, key) for path, key, _ in got} == {("/v1/traces", "abc")}
    sent = b"".join(body for _, _, body in got)
    assert b"POST /graphql" in sent
    assert b"tocsin" in sent
    assert CANARY.encode() not in sent


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({COLLECTOR: " "}, False),
        ({COLLECTOR: "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({COLLECTOR: "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({COLLECTOR: "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_switch_traces_on(
    environ: dict[str, str], *, asked: bool
) -> None:
    assert asks_for_traces(environ) is asked


async def test_without_the_packages_everything_works(tmp_path: Path) -> None:
    """In a fresh interpreter that finds no OpenTelemetry, although traces are asked
    for: one line says so.
    """
    blocker = tmp_path / "path" / "opentelemetry"
    blocker.mkdir(parents=True)
    (blocker / "__init__.py").write_text(
        "raise ModuleNotFoundError('blocked', name='opentelemetry')"
    )
    environ = {"PYTHONPATH": str(blocker.parent), COLLECTOR: "http://127.0.0.1:1"}
    async with listening(tmp_path / "data", **environ) as server:
        token = (tmp_path / "data" / "first-token").read_text().strip()
        answer = await post(server, "{viewer{project{name}}}", token)
        assert answer.json()["data"]["viewer"]["project"] == {"name": "default"}
        assert await server.stop() == 0
    lines = [orjson.loads(it) for it in server.logged.splitlines()]
    [line] = [it for it in lines if it["event"] == "traces_off"]
    assert "requirements-otel.lock" in line["why"]


@pytest.mark.parametrize("hangs", [True, False])
async def test_a_collector_that_takes_nothing_holds_up_nobody(
    hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing is bounded, and the log names no address."""

    async def hang(_reader: object, writer: asyncio.StreamWriter) -> None:
        await asked.wait()
        writer.close()

    asked = asyncio.Event()
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1] if hangs else 1
    monkeypatch.setenv(COLLECTOR, f"http://127.0.0.1:{port}/{CANARY}")
    with captured() as log:
        tracing = open_tracing(asked_for=True)
        with tracing.operation("query") as operation:
            operation.came_to("ok")
        begun = asyncio.get_running_loop().time()
        await tracing.close()
        took = asyncio.get_running_loop().time() - begun
        asked.set()
        await until(lambda: said(log, "traces_not_taken"))
    server.close()
    assert took < 3 * FLUSH_S
    assert CANARY not in log.getvalue()


async def said(log: io.StringIO, event: str) -> bool:
    return event in log.getvalue()


def test_counting_needs_no_tracer() -> None:
    """What is not asked for makes nothing, and is one object for all."""
    silent = open_tracing(asked_for=False)
    assert silent is Observing(Metrics()).tracing
    with silent.http("GET", "/", {}) as span:
        span.replied(200)
    with silent.operation("query") as operation:
        operation.came_to("ok")
