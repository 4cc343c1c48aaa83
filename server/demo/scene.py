"""Sets the scene: makes what is not there yet, and points it at today's sink."""

from dataclasses import dataclass

from server.demo.client import Client
from server.demo.story import INTEGRATIONS, SERVERS

_SERVERS = "{ servers(first: 100) { nodes { id name } } }"
_INTEGRATIONS = "{ integrations(first: 100) { nodes { id name } } }"
_CREATE_SERVER = """
mutation ($input: CreateServerInput!) {
  createServer(input: $input) { server { id } errors { message } } }"""
_CREATE = """
mutation ($input: CreateIntegrationInput!) {
  createIntegration(input: $input) { integration { id } errors { message } } }"""
_UPDATE = """
mutation ($input: UpdateIntegrationInput!) {
  updateIntegration(input: $input) { integration { id } errors { message } } }"""
_ATTACH = """
mutation ($input: AttachIntegrationToServerInput!) {
  attachIntegrationToServer(input: $input) { errors { message } } }"""


@dataclass(frozen=True, slots=True)
class Scene:
    """The ids of the servers to which something may happen."""

    servers: tuple[str, ...]


async def set_scene(client: Client, sink: str) -> Scene:
    """Return the scene, made or found."""
    servers = await _servers(client)
    known = {it["name"]: it["id"] for it in (await client.call(_INTEGRATIONS))["nodes"]}
    for number, (name, temper) in enumerate(INTEGRATIONS):
        settings = {"webhook": {"webhookUrl": f"{sink}/{temper}"}}
        if name in known:
            given = {"integrationId": known[name], "settings": settings}
            await client.call(_UPDATE, input=given)
            continue
        given = {"name": name, "settings": settings}
        made = (await client.call(_CREATE, input=given))["integration"]["id"]
        # Every integration hears of some servers, the first of all.
        for server in servers[:: number + 1]:
            attached = {"serverId": server, "integrationId": made}
            await client.call(_ATTACH, input=attached)
    return Scene(servers)


async def _servers(client: Client) -> tuple[str, ...]:
    known = {it["name"]: it["id"] for it in (await client.call(_SERVERS))["nodes"]}
    for name, host in SERVERS:
        if name not in known:
            given = {"name": name, "host": host}
            made = await client.call(_CREATE_SERVER, input=given)
            known[name] = made["server"]["id"]
    return tuple(known[name] for name, _ in SERVERS if name in known)
