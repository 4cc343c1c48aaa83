"""Idempotency keys at real servers: many calls at once, two processes, and kills."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

import aiohttp
import pytest

from sandbox.webhook_sink import WebhookSink
from tests.live_server import LiveServer

# A server that starts beside much else takes its time.
pytestmark = pytest.mark.timeout(110)

MANY = 50
WAITING = """
query($hook: ID!) { deliveries(first: 1, filter: {
  integrationId: [$hook], status: [PENDING, SENDING, RETRYING]}) { nodes { id } } }"""
SOON_S = 20.0


@pytest.fixture(scope="module")
async def sink() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as made:
        yield made


@pytest.fixture(scope="module")
async def server(
    shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveServer]:
    """A running server on either database, for all tests here."""
    made = LiveServer(tmp_path_factory.mktemp("keys"), shared_database_url)
    await made.start()
    yield made
    await made.stop()


class House:
    """A server with a webhook attached, at one running process or several."""

    def __init__(self, servers: Sequence[LiveServer], sink: WebhookSink) -> None:
        self.servers = servers
        self.sink = sink
        self.path = ""
        self.resource = ""
        self.hook = ""

    async def make(self, name: str) -> "House":
        self.path = f"/{name}-{token_hex(4)}"
        settings = {"webhook": {"webhookUrl": self.sink.url(self.path)}}
        hook = await self.call(
            "createIntegration", {"settings": settings}, "integration"
        )
        self.hook = hook["id"]
        made = {"name": name, "host": "web-1.example.com"}
        self.resource = (await self.call("createServer", made, "server"))["id"]
        pair = {"serverId": self.resource, "integrationId": hook["id"]}
        await self.call("attachIntegrationToServer", pair, "server")
        return self

    @property
    def report(self) -> dict[str, Any]:
        return {
            "serverId": self.resource,
            "incidentType": "timeout",
            "message": "no answer",
        }

    async def call(self, mutation: str, given: dict[str, Any], noun: str) -> Any:  # noqa: ANN401
        [payload] = await self.at_once(mutation, [given], noun)
        assert payload["errors"] == []
        return payload[noun]

    async def at_once(
        self, mutation: str, inputs: Sequence[dict[str, Any]], noun: str
    ) -> list[dict[str, Any]]:
        """Send these over connections of their own; give the payloads."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            calls = [
                self.post(
                    session, self.servers[n % len(self.servers)], mutation, it, noun
                )
                for n, it in enumerate(inputs)
            ]
            return await asyncio.gather(*calls)

    async def post(
        self,
        session: aiohttp.ClientSession,
        server: LiveServer,
        mutation: str,
        given: dict[str, Any],
        noun: str,
    ) -> dict[str, Any]:
        kind = mutation[0].upper() + mutation[1:] + "Input!"
        document = (
            f"mutation($input: {kind}) {{ {mutation}(input: $input) "
            f"{{ {noun} {{ id }} errors {{ code path }} }} }}"
        )
        body = {"query": document, "variables": {"input": given}}
        headers = {"Authorization": f"Bearer {server.token}"}
        async with session.post(server.url, json=body, headers=headers) as answer:
            result = await answer.json(content_type=None)
        assert answer.status == 200, result
        payload: dict[str, Any] = result["data"][mutation]
        return payload

    async def count(self, of: str) -> int:
        data = await self.servers[0].execute(f"{{ {of} {{ totalCount }} }}")
        total: int = data[of]["totalCount"]
        return total

    async def messages(self, count: int) -> list[str]:
        """Wait for so many requests at this house's address, and until none is left to
        be sent; return the message ids.
        """
        async with asyncio.timeout(SOON_S):
            while len(self.seen()) < count or await self._waiting():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return self.seen()

    async def _waiting(self) -> bool:
        data = await self.servers[0].execute(WAITING, {"hook": self.hook})
        return bool(data["deliveries"]["nodes"])

    def seen(self) -> list[str]:
        entries = [it for it in self.sink.ledger.entries if it.path == self.path]
        return [it.message_id or "" for it in entries]


async def same_call_many_times(house: House) -> None:
    """Each mutation that takes a key: one row, one message, equal answers."""
    hook = {"webhook": {"webhookUrl": "http://127.0.0.1:9/hook"}}
    for mutation, given, noun, plural in (
        ("createServer", {"name": "a", "host": "a"}, "server", "servers"),
        ("createIntegration", {"settings": hook}, "integration", "integrations"),
        ("reportIncident", house.report, "incident", "incidents"),
    ):
        before = await house.count(plural)
        keyed = {**given, "idempotencyKey": f"{house.path} {mutation}"}
        answers = await house.at_once(mutation, [keyed] * MANY, noun)
        assert answers[0]["errors"] == []
        assert answers == [answers[0]] * MANY
        assert await house.count(plural) == before + 1
    [message] = await house.messages(1)
    again = {"deliveryId": message, "idempotencyKey": f"{house.path} again"}
    answers = await house.at_once("redeliver", [again] * MANY, "delivery")
    assert answers == [{"delivery": {"id": message}, "errors": []}] * MANY
    assert await house.messages(2) == [message] * 2


async def test_many_calls_at_once_are_one(
    server: LiveServer, sink: WebhookSink
) -> None:
    """50 connections, one key: one row, one message, 50 equal answers."""
    await same_call_many_times(await House([server], sink).make("one"))


async def test_attaching_needs_no_key(server: LiveServer, sink: WebhookSink) -> None:
    """It says what shall be: 50 at once attach once, and one message goes out."""
    house = await House([server], sink).make("attached")
    other = f"{house.path}-too"
    settings = {"webhook": {"webhookUrl": sink.url(other)}}
    hook = await house.call("createIntegration", {"settings": settings}, "integration")
    pair = {"serverId": house.resource, "integrationId": hook["id"]}
    answers = await house.at_once("attachIntegrationToServer", [pair] * MANY, "server")
    assert answers == [{"server": {"id": house.resource}, "errors": []}] * MANY
    await house.call("reportIncident", house.report, "incident")
    house.path, house.hook = other, hook["id"]
    assert len(await house.messages(1)) == 1


async def test_of_two_inputs_under_one_key_one_is_carried_out(
    server: LiveServer, sink: WebhookSink
) -> None:
    """Whichever was first: its calls are answered alike, the others are refused."""
    house = await House([server], sink).make("two")
    before = await house.count("incidents")
    inputs = [
        {**house.report, "message": f"no {n % 2}", "idempotencyKey": "two inputs"}
        for n in range(MANY)
    ]
    answers = await house.at_once("reportIncident", inputs, "incident")
    codes = Counter(it["code"] for answer in answers for it in answer["errors"])
    assert codes == {"IDEMPOTENCY_KEY_REUSED": MANY // 2}
    assert len({it["incident"]["id"] for it in answers if it["incident"]}) == 1
    assert await house.count("incidents") == before + 1
    assert len(await house.messages(1)) == 1


async def test_two_processes_on_one_database_are_one(
    postgres_url: str, tmp_path: Path, sink: WebhookSink
) -> None:
    """The same calls, half of them at the one and half at the other."""
    one = LiveServer(tmp_path / "one", postgres_url)
    two = LiveServer(tmp_path / "two", postgres_url)
    await one.start()
    # Development makes keys in the data directory: two servers need the same.
    (tmp_path / "two").mkdir()
    keys = (tmp_path / "one" / "secret-keys").read_text()
    (tmp_path / "two" / "secret-keys").write_text(keys)
    await two.start(fresh_token=False)
    two.token = one.token
    try:
        await same_call_many_times(await House([one, two], sink).make("pair"))
    finally:
        await one.stop()
        await two.stop()


async def test_a_client_that_retries_after_a_kill_gets_one_of_each(
    server: LiveServer, sink: WebhookSink
) -> None:
    """Killed with calls in hand: what was answered stays, what was not is carried out
    once by the retry: one incident and one delivery of each.
    """
    house = await House([server], sink).make("killed")
    before = [await house.count(of) for of in ("incidents", "deliveries")]
    inputs = [
        {**house.report, "message": f"no {n}", "idempotencyKey": f"kill {n}"}
        for n in range(40)
    ]
    answered = await answers_until_killed(house, server, inputs)
    assert 5 <= len(answered) < 3 * len(inputs)
    await server.start(fresh_token=False)
    answers = await house.at_once("reportIncident", inputs, "incident")
    made = {n: it["incident"]["id"] for n, it in enumerate(answers)}
    assert all(made[n] == name for n, name in answered)
    assert len(set(made.values())) == len(inputs)
    after = [await house.count(of) for of in ("incidents", "deliveries")]
    assert after == [it + len(inputs) for it in before]


async def answers_until_killed(
    house: House, server: LiveServer, inputs: Sequence[dict[str, Any]]
) -> list[tuple[int, str]]:
    """Send each call three times at once, and kill the server when a few are answered;
    return (call, incident) of those answered.
    """
    answered: list[tuple[int, str]] = []
    some = asyncio.Event()

    async def send(session: aiohttp.ClientSession, n: int) -> None:
        try:
            given = (session, server, "reportIncident", inputs[n], "incident")
            answer = await house.post(*given)
        except aiohttp.ClientError:
            return
        answered.append((n, answer["incident"]["id"]))
        if len(answered) >= 5:
            some.set()

    async def kill() -> None:
        await some.wait()
        await server.stop(signal.SIGKILL)

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        calls = [send(session, n) for _ in range(3) for n in range(len(inputs))]
        await asyncio.gather(kill(), *calls)
    return answered
