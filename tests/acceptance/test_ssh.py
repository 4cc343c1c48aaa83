"""A restart over SSH as a user lives it: the acceptance documents against the real server
as a process, a host key that is shown and confirmed, a test, an incident, one restart.

Secrets are planted everywhere, and the far end sends back what it gets.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sandbox.ssh_server import Behaviour, SshServer
from schema.build import SCHEMA
from tests.acceptance_documents import DOCUMENTS, document, variables
from tests.canaries import dump, found
from tests.live_server import LiveServer

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
PASSWORD = "pass/canary+word=1"
PHRASE = "phrase/canary+word=2"
KEY = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
SEALED = KEY.export_private_key("pkcs1-pem", passphrase=PHRASE).decode()
PLANTED = [PASSWORD, PHRASE, SEALED.splitlines()[4]]

SERVER = """
mutation { createServer(input: {name: "web-1", host: "web-1.example.com"}) {
  server { id } } }"""
ATTACH = """
mutation ($input: AttachIntegrationToServerInput!) {
  attachIntegrationToServer(input: $input) { errors { message } } }"""
DETACH = """
mutation ($input: DetachIntegrationFromServerInput!) {
  detachIntegrationFromServer(input: $input) { errors { message } } }"""
TEST = """
mutation ($input: TestIntegrationInput!) { testIntegration(input: $input) {
  delivery { id } errors { message } } }"""
REPORT = """
mutation ($input: ReportIncidentInput!) { reportIncident(input: $input) {
  incident { deliveries { nodes { id } } } errors { message } } }"""
REDELIVER = """
mutation ($input: RedeliverInput!) { redeliver(input: $input) {
  delivery { id } errors { code path } } }"""
LOOK = """
query ($id: ID!) { delivery(id: $id) { status error cancelReason
  attempts { outcome error excerpt statusCode }
  integration { ... on SshServerRestartIntegration { settings {
    hostKey { fingerprint confirmed } password { isSet hint }
    privateKey { isSet hint } passphrase { isSet hint } } } } } }"""


class Story:
    """The server under test, and all that it answered."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.heard: list[str] = []

    async def run(self, text: str, **values: Any) -> Any:  # noqa: ANN401 - JSON
        data = await self.server.execute(text, values)
        self.heard.append(json.dumps(data))
        (result,) = data.values()
        return result

    async def run_document(self, file: str, given: dict[str, Any]) -> Any:  # noqa: ANN401
        """Run the only operation of an acceptance document."""
        names = re.findall(
            r"^mutation (\w+)", (DOCUMENTS / file).read_text(), re.MULTILINE
        )
        text = document(CORE, file.removesuffix(".graphql"), names[0])
        values = variables(CORE, text, {"input": given})
        result = await self.run(text, **values)
        assert result["errors"] == []
        return result["integration"]

    async def ended(self, delivery: str, attempts: int = 1) -> Any:  # noqa: ANN401
        """Return a delivery once that many tries have ended and none is due."""
        async with asyncio.timeout(30):
            while True:
                it = await self.run(LOOK, id=delivery)
                over = it["status"] in {"DELIVERED", "FAILED", "CANCELLED"}
                if over and len(it["attempts"]) == attempts:
                    return it
                await asyncio.sleep(0.02)

    async def tested(self, integration: str) -> Any:  # noqa: ANN401
        made = await self.run(TEST, input={"integrationId": integration})
        return await self.ended(made["delivery"]["id"])

    async def incident(self, resource: str) -> str:
        given = {"serverId": resource, "incidentType": "timeout", "message": "m"}
        made = await self.run(REPORT, input=given)
        [delivery] = made["incident"]["deliveries"]["nodes"]
        return str(delivery["id"])


@pytest.fixture
async def story(database_url: str, tmp_path: Path) -> AsyncIterator[Story]:
    server = LiveServer(tmp_path / "data", database_url)
    await server.start()
    yield Story(server)
    if server.process is not None:
        await server.stop()


async def test_a_restart_is_confirmed_tried_run_once_and_tells_no_secret(
    story: Story, database_url: str
) -> None:
    resource = (await story.run(SERVER))["server"]["id"]
    async with SshServer(
        password=PASSWORD,
        public_key=KEY.export_public_key().decode(),
        behaviour=Behaviour.ENDS,
    ) as far_end:
        integration = await create(story, far_end)
        pair = {"serverId": resource, "integrationId": integration}
        await story.run(ATTACH, input=pair)
        await confirm(story, far_end, integration)

        far_end.behaviour = Behaviour.SUDO_ASKS
        first = await story.incident(resource)
        assert (await story.ended(first))["status"] == "DELIVERED"
        assert far_end.restarts == 1
        commands = [it.text for it in far_end.commands]
        assert commands == ["sudo -n -l", "sudo -n reboot", "sudo -S -p '' -k reboot"]
        assert all(PASSWORD not in text for text in commands)

        await refuse_more(story, resource, first)
        assert far_end.restarts == 1
        await story.run(DETACH, input=pair)
        await echo(story, far_end)
    await story.server.stop()
    log = "\n".join(story.server.output).encode()
    shown = "\n".join(story.heard).encode()
    assert b"[secret]" in shown, "the echo was stored, and scrubbed"
    assert found(PLANTED, shown) == []
    assert found(PLANTED, log) == []
    assert found(PLANTED, await dump(database_url)) == []


async def create(story: Story, far_end: SshServer) -> str:
    """Run document 01 with the settings of a restart."""
    settings = {
        "ip": "127.0.0.1",
        "username": "admin",
        "password": PASSWORD,
        "port": far_end.port,
        "privateKey": SEALED,
        "passphrase": PHRASE,
    }
    made = await story.run_document(
        "01-create.graphql", {"settings": {"sshServerRestart": settings}}
    )
    assert made["__typename"] == "SshServerRestartIntegration"
    assert made["name"] == "127.0.0.1 (admin)"
    assert made["settings"] == {
        "ip": "127.0.0.1",
        "username": "admin",
        "port": far_end.port,
        "password": {"isSet": True},
    }
    return str(made["id"])


async def confirm(story: Story, far_end: SshServer, integration: str) -> None:
    """A test shows the key, document 11 confirms it, and the next test is let in."""
    unknown = await story.tested(integration)
    assert unknown["status"] == "FAILED"
    assert unknown["error"].startswith("HOST_KEY_UNCONFIRMED")
    shown = unknown["integration"]["settings"]["hostKey"]
    assert shown == {"fingerprint": far_end.fingerprint, "confirmed": False}
    assert far_end.attempts == []
    given = {"integrationId": integration, "fingerprint": shown["fingerprint"]}
    confirmed = await story.run_document("11-ssh.graphql", given)
    assert confirmed["settings"] == {
        "ip": "127.0.0.1",
        "port": far_end.port,
        "hostKey": {**shown, "confirmed": True},
    }
    known = await story.tested(integration)
    assert known["status"] == "DELIVERED"
    assert [it.text for it in far_end.commands] == ["sudo -n -l"]
    assert far_end.restarts == 0


async def refuse_more(story: Story, resource: str, first: str) -> None:
    """Within the cool-down there is no other, also not by hand."""
    second = await story.ended(await story.incident(resource))
    assert (second["status"], second["cancelReason"]) == ("CANCELLED", "NOT_APPLICABLE")
    assert "at most one in 10 min" in second["error"]
    refused = await story.run(REDELIVER, input={"deliveryId": first})
    assert refused["errors"] == [
        {"code": "CONFIRMATION_REQUIRED", "path": ["input", "confirm"]}
    ]
    sure = {"deliveryId": first, "confirm": True}
    assert (await story.run(REDELIVER, input=sure))["errors"] == []
    again = await story.ended(first, attempts=2)
    assert again["status"] == "CANCELLED"


async def echo(story: Story, far_end: SshServer) -> None:
    """Let the far end say what it knows."""
    far_end.behaviour = Behaviour.ECHOES
    integration = await create(story, far_end)
    given = {"integrationId": integration, "fingerprint": far_end.fingerprint}
    await story.run_document("11-ssh.graphql", given)
    tried = await story.tested(integration)
    assert tried["status"] == "FAILED"
    [attempt] = tried["attempts"]
    assert attempt["excerpt"] == "[secret]\n"
    assert attempt["statusCode"] == 3
