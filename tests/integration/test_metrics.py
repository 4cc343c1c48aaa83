"""`/metrics` of a whole server: what it shows, where, and what it never shows."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx
import pytest

from delivery.feed import Feed
from delivery.live import BUFFER
from domain.clock import system_clock
from models.store import open_store
from sandbox.script import Respond
from sandbox.webhook_sink import WebhookSink
from server import metrics_http
from server.metrics import Metrics
from server.metrics_declared import DECLARED
from server.observing import Observing
from tests.databases import free_port
from tests.event_log import PROJECT, entry, running
from tests.in_process import Whole, until, whole_server
from tests.samples import families, labels, parsed, sample, samples
from tests.server_process import listening, post, serving

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
CANARY = "c4n4ry"
LABELS = {
    *("channel", "outcome", "status", "result", "route", "kind", "le"),
    *("version", "python", "database", "generation"),
}
SUBSCRIBE = "subscription { deliveryEvents { cursor } }"


@asynccontextmanager
async def observed(
    database_url: str, data_dir: Path
) -> AsyncIterator[tuple[Whole, Metrics]]:
    """Give a server, and its metrics as objects."""
    observing = Observing(Metrics(["webhook"]))
    async with whole_server(database_url, data_dir, observing) as whole:
        yield whole, observing.metrics


async def get(url: str, accept: str = "*/*") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers={"Accept": accept})


async def use(whole: Whole, sink: WebhookSink) -> None:
    """Deliver well and in vain, ask well and in vain, with a canary in every place."""
    sink.script(f"/{CANARY}", Respond(status=410))
    await whole.tell(sink.url("/hook"), sink.url(f"/{CANARY}"))
    await whole.report(CANARY, dedupKey=CANARY)
    await whole.settled()
    await whole.post(f"query {CANARY} {{ viewer {{ project {{ name }} }} }}")
    await whole.post(f"{{ {CANARY} }}")
    await get(f"{whole.url}/{CANARY}?{CANARY}")


async def test_every_metric_appears_and_holds_no_secret(
    database_url: str, tmp_path: Path
) -> None:
    """After a delivery that went well and one that did not, a subscription, and what
    clients do wrong. Nothing that a tenant wrote is in a label.
    """
    async with (
        WebhookSink() as sink,
        observed(database_url, tmp_path) as (whole, _),
        aiohttp.ClientSession(trust_env=False) as session,
        session.ws_connect(
            f"{whole.url}/graphql", protocols=("graphql-transport-ws",)
        ) as ws,
    ):
        await ws.send_json({"type": "connection_init", "payload": whole.bearer})
        await ws.receive_json()
        await ws.send_json(
            {"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIBE}}
        )
        await use(whole, sink)
        answer = await get(f"{whole.url}/metrics")
    found = parsed(answer.text)
    names = {it.name for it in found if it.name.startswith("tocsin_")}
    assert names == {it.name for it in DECLARED}
    assert {it.name: it.type for it in found} | {
        it.name: it.kind.value for it in DECLARED
    } == {it.name: it.type for it in found}
    assert {name for name, _ in labels(found)} <= LABELS
    for secret in (CANARY, whole.token, whole.server_id, "default"):
        assert secret not in answer.text
    attempts = samples(found, "tocsin_delivery_attempts_total")
    assert attempts == {("webhook", "sent"): 1, ("webhook", "gone"): 1}
    assert samples(found, "tocsin_http_requests_total")["none", "404"] == 1
    assert sample(found, "tocsin_websockets_open") == 1
    assert sample(found, "tocsin_subscriptions_open") == 1
    assert sample(found, "tocsin_store_up") == 1
    assert sample(found, "tocsin_workers") == 1
    operations = samples(found, "tocsin_graphql_operations_total")
    assert operations["query", "ok"] == 1
    assert operations["none", "refused"] == 1
    durations = samples(found, "tocsin_graphql_operation_duration_seconds_count")
    assert durations[("mutation",)] == operations["mutation", "ok"]


async def test_what_has_ended_is_open_no_more(sqlite_url: str, tmp_path: Path) -> None:
    async with observed(sqlite_url, tmp_path) as (whole, metrics):
        async with whole.following():
            found = await families(metrics)
            assert sample(found, "tocsin_subscriptions_open") == 1

        async def all_ended() -> bool:
            found = await families(metrics)
            opened = sample(found, "tocsin_websockets_open")
            return not opened and not sample(found, "tocsin_subscriptions_open")

        await until(all_ended)
        operations = samples(await families(metrics), "tocsin_graphql_operations_total")
        assert operations["subscription", "cancelled"] == 1


async def test_prometheus_may_ask_for_openmetrics(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with observed(sqlite_url, tmp_path) as (whole, _):
        wanted = "application/openmetrics-text;version=1.0.0"
        answer = await get(f"{whole.url}/metrics", wanted)
    assert answer.headers["content-type"].startswith(wanted.partition(";")[0])
    assert answer.text.endswith("# EOF\n")


async def test_metrics_have_a_listener_of_their_own(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with (
        observed(sqlite_url, tmp_path) as (whole, metrics),
        metrics_http.listening("127.0.0.1", 0, metrics, whole.store) as address,
    ):
        assert "tocsin_build_info" in (await get(f"{address}/metrics")).text
        assert (await get(f"{address}/healthz")).json() == {"status": "ok"}
        for path in ("/graphql", "/", "/readyz"):
            assert (await get(f"{address}{path}")).status_code == 404
        with pytest.raises(OSError, match=r"TOCSIN_METRICS_LISTEN.*in use"):
            async with metrics_http.listening(
                "127.0.0.1", int(address.rpartition(":")[2]), metrics, whole.store
            ):
                pass


async def test_production_shows_metrics_there_alone(tmp_path: Path) -> None:
    """And says which variable names an address that is in use."""
    port = free_port()
    listen = {"TOCSIN_METRICS_LISTEN": f"127.0.0.1:{port}"}
    async with listening(tmp_path / "one", **listen) as server:
        token = (tmp_path / "one" / "first-token").read_text().strip()
        await post(server, "{viewer{project{name}}}", token)
        assert (await get(f"{server.url}/metrics")).status_code == 404
        text = (await get(f"http://127.0.0.1:{port}/metrics")).text
        found = parsed(text)
        assert sample(found, "tocsin_workers") == 1
        assert samples(found, "tocsin_graphql_operations_total") == {("query", "ok"): 1}
        # Known channels show a 0, so that the first of anything is an increase.
        labels = {"channel": "webhook", "outcome": "gone"}
        assert sample(found, "tocsin_delivery_attempts_total", **labels) == 0
        assert "_created" not in text
        async with serving(tmp_path / "two", "--port", "0", **listen) as other:
            assert await other.ended() == 1
        assert await server.stop() == 0
    assert token not in text
    assert "TOCSIN_METRICS_LISTEN" in other.logged
    assert "Traceback" not in other.logged


async def test_a_follower_that_falls_back_is_counted(database_url: str) -> None:
    metrics = Metrics()
    async with running(database_url) as site:
        feed = Feed(site.store, site.bus, metrics)
        await feed.start()
        slow = await feed.follow(PROJECT, None).open()
        await site.write(*(entry(n) for n in range(BUFFER + 1)))

        async def fell_back() -> bool:
            found = await families(metrics)
            return sample(found, "tocsin_followers_fell_back_total") == 1

        await until(fell_back)
        await slow.aclose()
        await feed.stop()


async def test_turns_are_counted(database_url: str) -> None:
    """Those committed and those refused; one that its own work undoes is neither."""
    store = await open_store(database_url)
    metrics = Metrics()
    metrics.watch_store(store, system_clock)

    async def nothing(_tx: object) -> None:
        pass

    async def undone(_tx: object) -> None:
        raise ValueError

    await asyncio.gather(*(store.turn(nothing) for _ in range(20)))
    with pytest.raises(ValueError, match=r"^$"):
        await store.turn(undone)
    found = await families(metrics)
    turns = samples(found, "tocsin_store_turns_total")
    commits = sample(found, "tocsin_store_commits_total")
    assert turns == {("committed",): 20}
    assert commits == 20 if store.dialect == "postgres" else 1 <= commits <= 21
    assert sample(found, "tocsin_store_turn_wait_seconds_total") > 0
    await metrics.close()
    await store.close()


def table() -> list[str]:
    """Return the rows of the table in docs/metrics.md."""
    return [
        f"| `{it.name}{'_total' * (it.kind == 'counter')}` | {it.kind} | "
        f"{', '.join(f'`{label}`' for label in it.labels)} | {it.help} |"
        for it in DECLARED
    ]


def test_the_documentation_names_each_metric_and_no_other() -> None:
    written = [it for it in DOCS.read_text("utf-8").splitlines() if "| `tocsin_" in it]
    assert written == table()


def test_the_rules_of_the_documentation_use_metrics_that_there_are() -> None:
    suffixes = ("", "_total", "_count", "_sum", "_bucket")
    there = {f"{it.name}{suffix}" for it in DECLARED for suffix in suffixes}
    used = set(re.findall(r"\btocsin_\w+", DOCS.read_text("utf-8")))
    assert used <= there
