"""`tocsin serve` on a disk that is really full, or fails, as an operator meets it."""

import contextlib
import resource
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.store import open_store
from sandbox.script import Respond
from sandbox.webhook_sink import WebhookSink
from tests.in_process import until
from tests.invariants import violations
from tests.server_process import Server, listening, serving

DISK = "4m"
READ = "{servers{totalCount}}"
ATTACH = """
mutation($id: ID!, $to: ID!) {
  attachIntegrationToServer(input: {serverId: $id, integrationId: $to}) {
    errors { message } } }"""
REPORT = """
mutation($id: ID!, $text: String!) {
  reportIncident(input: {serverId: $id, incidentType: "t", message: $text}) {
    incident { id } errors { message } } }"""
DELIVERIES = "{deliveries{nodes{status attempts{outcome}}}}"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of its own with little room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount") or "mount"
    options = ("-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder))
    try:
        done = subprocess.run(
            (mount, *options), capture_output=True, text=True, check=False
        )
        reason = done.stderr.strip()
    except OSError as error:
        done, reason = None, str(error)
    if done is None or done.returncode:
        pytest.skip(f"a small tmpfs may not be mounted here: {reason}")
    yield folder
    subprocess.run((shutil.which("umount") or "umount", "-l", folder), check=True)


@pytest.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as sink:
        yield sink


class Operated:
    """A server process, the token of its directory, and a server that it looks after."""

    def __init__(self, server: Server, data_dir: Path) -> None:
        self.url = f"{server.url}/graphql"
        self.token = (data_dir / "first-token").read_text().strip()
        self.server_id = ""

    async def post(self, query: str, **variables: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        body = {"query": query, "variables": variables}
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            return await client.post(self.url, json=body, headers=headers)

    async def ask(self, query: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        answer = await self.post(query, **variables)
        [field] = answer.json()["data"].values()
        return field

    async def tell(self, url: str) -> None:
        """Make a server whose incidents are told to an address."""
        made = await self.ask(
            'mutation{createServer(input:{name:"a",host:"b"}){server{id}}}'
        )
        to = await self.ask(
            "mutation($url: String!){createIntegration(input:{settings:{webhook:"
            "{webhookUrl:$url}}}){integration{id}}}",
            url=url,
        )
        self.server_id = made["server"]["id"]
        await self.ask(ATTACH, id=self.server_id, to=to["integration"]["id"])

    async def report(self, text: str = "x") -> httpx.Response:
        return await self.post(REPORT, id=self.server_id, text=text)

    async def statuses(self) -> list[str]:
        return [it["status"] for it in (await self.ask(DELIVERIES))["nodes"]]

    async def outcomes(self) -> list[list[str]]:
        """Return those of the attempts of each delivery."""
        nodes = (await self.ask(DELIVERIES))["nodes"]
        return [[attempt["outcome"] for attempt in it["attempts"]] for it in nodes]

    async def is_sending(self) -> bool:
        return "SENDING" in await self.statuses()

    async def all_delivered(self) -> None:
        async def delivered() -> bool:
            return set(await self.statuses()) == {"DELIVERED"}

        await until(delivered)


def fill(disk: Path) -> Path:
    """Take all the room that is left; return the file that has it."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size):
                    pass
    return ballast


async def use_up(operated: Operated) -> None:
    """Report until the server has used up the room inside its own files, too."""
    refused = 0
    for _ in range(500):
        answer = await operated.report("x" * 1_000)
        refused = refused + 1 if is_unavailable(answer) else 0
        if refused == 3:
            return
    raise AssertionError


def is_unavailable(answer: httpx.Response) -> bool:
    return bool(
        answer.status_code == 503
        and answer.headers["Retry-After"]
        and answer.json()["errors"][0]["extensions"]["code"] == "STORAGE_UNAVAILABLE"
    )


async def test_a_full_disk_refuses_until_there_is_room(
    disk: Path, sink: WebhookSink
) -> None:
    """503 and reads go on; with room it heals. One cannot be started on it either."""
    data = disk / "var"
    async with listening(data, "--dev") as server:
        operated = Operated(server, data)
        await operated.tell(sink.url())
        assert (await operated.report()).status_code == 200
        ballast = fill(disk)
        await use_up(operated)
        assert (await operated.ask(READ))["totalCount"] == 1
        ballast.unlink()
        assert (await operated.report()).status_code == 200
        await operated.all_delivered()
        assert await server.stop() == 0
    assert "internal error" not in server.logged
    seen = [it.message_id for it in sink.ledger.entries]
    assert len(seen) == len(set(seen))


@pytest.mark.timeout(110)  # three starts
async def test_a_kill_on_a_full_disk_loses_nothing(
    disk: Path, sink: WebhookSink
) -> None:
    """A result that could not be written: sent once more under the same message id."""
    data = disk / "var"
    sink.script("/hook", Respond(status=204, after=1))
    async with listening(data, "--dev") as server:
        operated = Operated(server, data)
        await operated.tell(sink.url())
        assert (await operated.report()).status_code == 200
        await until(operated.is_sending)
        ballast = fill(disk)
        await use_up(operated)
        server.process.send_signal(signal.SIGKILL)
        await server.ended()
    async with serving(data, "--dev", "--port", "0") as refused:
        assert await refused.ended() == 1
    assert refused.logged.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in refused.logged
    ballast.unlink()
    async with listening(data, "--dev") as server:
        operated.url = f"{server.url}/graphql"
        await operated.all_delivered()
        outcomes = await operated.outcomes()
        assert await server.stop() == 0
    assert ["UNKNOWN", "SENT"] in outcomes
    assert not [it.refused for it in sink.ledger.entries if it.refused]
    store = await open_store(f"sqlite://{data}/tocsin.db")
    assert await violations(store) == {}
    await store.close()


async def test_a_disk_that_refuses_every_write_is_survived(
    tmp_path: Path, sink: WebhookSink
) -> None:
    """Each write of the process to a file fails with an error of the system, as on a
    disk that was remounted read-only.
    """
    async with listening(tmp_path, "--dev") as server:
        operated = Operated(server, tmp_path)
        await operated.tell(sink.url())
        assert (await operated.report()).status_code == 200
        await operated.all_delivered()
        before = resource.prlimit(
            server.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY)
        )
        for _ in range(3):
            assert is_unavailable(await operated.report())
        assert (await operated.ask(READ))["totalCount"] == 1
        assert await operated.statuses() == ["DELIVERED"]
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)
        assert (await operated.report()).status_code == 200
        await operated.all_delivered()
        assert await server.stop() == 0
    assert "internal error" not in server.logged
    assert len(sink.ledger.entries) == 2
