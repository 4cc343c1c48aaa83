"""A network monitor and a resource that only a report names, from the real server to a
sink that verifies what it receives.
"""

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from sandbox.webhook_sink import WebhookSink
from schema.build import SCHEMA
from tests.acceptance_documents import document, variables
from tests.live_server import LiveServer

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
SET_UP = """
mutation($attached: IntegrationSettingsInput!, $everywhere: IntegrationSettingsInput!) {
  monitor: createNetworkMonitor(
    input: {name: "https://example.com", host: "example.com", url: "https://example.com"}
  ) { networkMonitor { id } }
  attached: createIntegration(input: {settings: $attached}) { integration { id } }
  everywhere: createIntegration(input: {settings: $everywhere, allResources: true}) {
    integration { id } } }"""
ATTACH = """
mutation($input: AttachIntegrationToNetworkMonitorInput!) {
  attachIntegrationToNetworkMonitor(input: $input) { errors { message } } }"""
SITE = {
    "name": "https://example.com",
    "url": "https://example.com",
    "type": "NetworkMonitor",
}


async def report(server: LiveServer, **about: object) -> None:
    """Report an incident by the acceptance document."""
    text = document(CORE, "04-report", "ReportIncident")
    message = "Request timeout after 30 seconds"
    given = {"incidentType": "timeout", "message": message, "severity": "CRITICAL"}
    values = variables(CORE, text, {"input": {**given, **about}})
    answer = (await server.execute(text, values))["reportIncident"]
    assert answer["errors"] == []


def body() -> str:
    """Return the hash of the payload of the first seed."""
    payload: dict[str, Any] = {
        "resource_name": "https://example.com",
        "resource_url": "https://example.com",
        "resource_type": "NetworkMonitor",
        "incident_type": "timeout",
        "incident_status": "ongoing",
        "incident_duration": None,
        "incident_message": "Request timeout after 30 seconds",
    }
    return sha256(json.dumps(payload, separators=(",", ":")).encode()).hexdigest()


async def come(sink: WebhookSink, *paths: str) -> None:
    """Wait until requests have come to these paths, and no others."""
    async with asyncio.timeout(20):
        while len(sink.ledger.entries) < len(paths):  # noqa: ASYNC110 - of another loop
            await asyncio.sleep(0.01)
    assert sorted(it.path for it in sink.ledger.entries) == sorted(paths)


async def test_monitors_and_reported_resources_are_told(
    database_url: str, tmp_path: Path
) -> None:
    """Both look the same to who is told; only the monitor has something attached."""
    server = LiveServer(tmp_path / "data", database_url)
    async with WebhookSink() as sink:
        await server.start()
        made = await server.execute(
            SET_UP,
            {
                name: {"webhook": {"webhookUrl": sink.url(f"/{name}")}}
                for name in ("attached", "everywhere")
            },
        )
        monitor = made["monitor"]["networkMonitor"]["id"]
        pair = {
            "networkMonitorId": monitor,
            "integrationId": made["attached"]["integration"]["id"],
        }
        await server.execute(ATTACH, {"input": pair})
        await report(server, resource=SITE)
        await come(sink, "/everywhere")
        await report(server, networkMonitorId=monitor)
        await come(sink, "/attached", "/everywhere", "/everywhere")
        assert {it.body_sha256 for it in sink.ledger.entries} == {body()}
        assert sink.ledger.refusals == []
        await server.stop()
