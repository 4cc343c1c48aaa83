"""Restarts against a real OpenSSH daemon.

By key only: a daemon that is not the system's checks no passwords without PAM. Wrong
passwords are tried against asyncssh's own server, in test_ssh.py.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from delivery.classify import classify
from delivery.guard import Guard
from delivery.ssh import Ssh
from domain.deliveries import Outcome, OutcomeKind
from domain.incidents import EventKind
from domain.steps import CommandNotRun, ReadyCommand
from notifiers.ssh_server_restart import CHANNEL, RESTART, RESTART_ASKED
from tests.conformance.kit import settings_for, snapshot, steps
from tests.open_ssh import OpenSsh, lacking, open_ssh

pytestmark = pytest.mark.skipif(lacking() is not None, reason=lacking() or "")

PASSWORD = "sudo-canary-word"
KEY = asyncssh.generate_private_key("ssh-ed25519")
PRIVATE = KEY.export_private_key().decode()
[STEP] = steps(CHANNEL, settings_for(CHANNEL), snapshot(EventKind.OPENED))


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[OpenSsh]:
    async with open_ssh(tmp_path, KEY.export_public_key().decode()) as it:
        yield it


async def outcome(daemon: OpenSsh, **changes: object) -> Outcome:
    """Run a restart there, and return the verdict."""
    given = {
        "host": "127.0.0.1",
        "port": daemon.port,
        "user": daemon.user,
        "command": RESTART,
        "with_password": RESTART_ASKED,
        "once": True,
        "private_key": PRIVATE,
        "host_key": daemon.fingerprint,
    }
    command = ReadyCommand(**{**given, **changes})  # type: ignore[arg-type]

    async def begin() -> CommandNotRun | None:
        assert daemon.commands == []
        return None

    ssh = Ssh(Guard(dev=True), observe=lambda _stage: None)
    return classify(CHANNEL, STEP, await ssh.run(command, begin), 0)


ENDS = [
    ("ends", OutcomeKind.SENT),
    ("refuses", OutcomeKind.GONE),
    ("fails", OutcomeKind.REJECTED),
    ("drops", OutcomeKind.SENT_UNCONFIRMED),
    ("asks", OutcomeKind.GONE),
]


async def test_each_end_is_one_command(daemon: OpenSsh) -> None:
    """Also where the connection is lost after the command."""
    for mode, kind in ENDS:
        daemon.behave(mode)
        found = await outcome(daemon)
        assert (mode, found.kind) == (mode, kind)
        assert daemon.commands == ["-n reboot"], mode
    daemon.behave("fails")
    assert (await outcome(daemon)).status_code == 3


async def test_sudo_that_asks_reads_the_password(daemon: OpenSsh) -> None:
    daemon.behave("asks")
    found = await outcome(daemon, password=PASSWORD)
    assert found.kind is OutcomeKind.SENT
    assert daemon.commands == ["-n reboot", "-S -p  -k reboot"]
    assert (daemon.folder / "stdin").read_text() == PASSWORD


async def test_a_wrong_key_and_a_wrong_host_run_nothing(daemon: OpenSsh) -> None:
    daemon.behave("ends")
    other = asyncssh.generate_private_key("ssh-ed25519")
    private = other.export_private_key().decode()
    refused = await outcome(daemon, private_key=private)
    assert (refused.kind, refused.final) == (OutcomeKind.GONE, False)
    assert "refused the user name" in (refused.error or "")
    guessed = await outcome(daemon, private_key=None, password=PASSWORD)
    assert guessed.kind is OutcomeKind.GONE
    unknown = await outcome(daemon, host_key=None)
    assert daemon.fingerprint in (unknown.error or "")
    changed = await outcome(daemon, host_key=other.get_fingerprint())
    assert "HOST_KEY_CHANGED" in (changed.error or "")
    assert daemon.commands == []
