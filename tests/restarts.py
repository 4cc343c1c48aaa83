"""Restarts over SSH in tests: servers that know a login, and integrations for them."""

from collections.abc import Mapping
from typing import Any

import orjson

from domain.channels import Channel
from domain.host_keys import confirmed
from domain.ids import Id
from models.crypto import KeyRing
from models.secret_storage import seal_all
from notifiers.ssh_server_restart import CHANNEL
from sandbox.ssh_server import SshServer
from tests.world import World

PASSWORD = "pass-canary-word"
CHANNELS: Mapping[str, Channel] = {CHANNEL.type_name: CHANNEL}


def settings(server: SshServer, *, confirm: bool = True) -> dict[str, Any]:
    """Return plain settings that lead to a server, whose key is confirmed or not."""
    plain = {
        "ip": "127.0.0.1",
        "username": server.user,
        "port": server.port or 22,
        "host_key_fingerprint": None,
        "host_key": None,
    }
    return plain | (confirmed(server.fingerprint) if confirm else {})


async def restarting(
    world: World, keys: KeyRing, server: SshServer, *, confirm: bool = True
) -> Id:
    """Store an integration that restarts a server."""
    plain = settings(server, confirm=confirm)
    it = await world.integration(
        CHANNEL.type_name, settings=orjson.dumps(plain).decode()
    )
    sealed = seal_all(keys, world.project, it, {"password": PASSWORD}, 1)
    await world.set(it, secrets=orjson.dumps(sealed).decode())
    return it
