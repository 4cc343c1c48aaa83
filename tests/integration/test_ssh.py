"""Commands over a real SSH dialogue: what is run, and what each end means."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import asyncssh
import pytest

from delivery.classify import classify
from delivery.guard import Guard
from delivery.ssh import Ssh
from domain.deliveries import CancelReason, Outcome, OutcomeKind
from domain.steps import CommandNotRun, NotRun, ReadyCommand, Reply, SshCommand
from notifiers.ssh_server_restart import CHANNEL, RESTART, RESTART_ASKED
from sandbox.ssh_server import Behaviour, Command, SshServer
from tests.sending import Noting

PASSWORD = "pass-canary-word"
STEP = SshCommand(
    host=("127.0.0.1",),
    port=("22",),
    user=("admin",),
    command=RESTART,
    with_password=RESTART_ASKED,
    once=True,
    disconnects=True,
)
CHECK = SshCommand(host=("h",), port=("22",), user=("admin",), command="sudo -n -l")


@cache
def key_pair() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode()


def private(key: asyncssh.SSHKey) -> str:
    return key.export_private_key().decode()


@dataclass
class Running:
    """A server, and a client that runs commands on it."""

    server: SshServer
    guard: Noting = field(default_factory=Noting)
    begun: int = 0
    withheld: CommandNotRun | None = None
    stages: list[str] = field(default_factory=list)

    def command(self, **changes: object) -> ReadyCommand:
        given = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "user": "admin",
            "command": RESTART,
            "with_password": RESTART_ASKED,
            "once": True,
            "password": PASSWORD,
            "host_key": self.server.fingerprint,
        }
        return ReadyCommand(**{**given, **changes})  # type: ignore[arg-type]

    async def begin(self) -> CommandNotRun | None:
        assert self.server.logins, "it is asked after the login"
        assert self.server.commands == [], "and before the command"
        self.begun += 1
        return self.withheld

    async def run(
        self, command: ReadyCommand | None = None, deadline_ms: int = 5_000
    ) -> Reply:
        ssh = Ssh(
            self.guard,
            observe=self.stages.append,
            deadline_ms=deadline_ms,
            run_least_ms=0,
        )
        return await ssh.run(command or self.command(), self.begin)

    async def outcome(
        self, command: ReadyCommand | None = None, step: SshCommand = STEP
    ) -> Outcome:
        return classify(CHANNEL, step, await self.run(command), 0)

    @property
    def ran(self) -> list[str]:
        return [it.text for it in self.server.commands]


@asynccontextmanager
async def running(
    behaviour: Behaviour = Behaviour.ENDS, **options: object
) -> AsyncIterator[Running]:
    given = {"password": PASSWORD, "behaviour": behaviour, **options}
    async with SshServer(**given) as server:  # type: ignore[arg-type]
        it = Running(server)
        yield it
        async with asyncio.timeout(5):
            while server.open or it.guard.open:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert it.guard.open == 0, "no socket is left behind"


async def test_a_command_is_run_once_and_marked_right_before() -> None:
    async with running() as it:
        outcome = await it.outcome()
        assert outcome.kind is OutcomeKind.SENT
        assert outcome.status_code == 0
        assert it.server.commands == [Command(RESTART, b"", carried_out=True)]
        assert it.begun == 1
        assert it.stages == [
            *("connected", "logged_in", "marked", "command_sent", "command_ended")
        ]


async def test_what_is_withheld_is_not_run() -> None:
    async with running() as it:
        it.withheld = CommandNotRun(
            why=NotRun.WITHHELD, message="No.", cancels=CancelReason.INCIDENT_CLOSED
        )
        outcome = await it.outcome()
        assert it.ran == []
        assert outcome.cancels is CancelReason.INCIDENT_CLOSED
        assert outcome.error == "No."
        it.withheld = CommandNotRun(why=NotRun.WITHHELD, message="Not yet.")
        outcome = await it.outcome()
        assert (outcome.kind, outcome.cancels) == (OutcomeKind.RETRY, None)
        assert it.ran == []


ENDS = [
    (Behaviour.SUDO_REFUSES, OutcomeKind.GONE, "sudo refused the command"),
    (Behaviour.FAILS, OutcomeKind.REJECTED, "failed with exit status 1"),
    (Behaviour.KILLED, OutcomeKind.UNKNOWN, "ended by the signal TERM"),
    (Behaviour.DROPS, OutcomeKind.SENT_UNCONFIRMED, None),
    (Behaviour.DISCONNECTS, OutcomeKind.SENT_UNCONFIRMED, None),
    (Behaviour.CLOSES, OutcomeKind.SENT_UNCONFIRMED, None),
    (Behaviour.NO_COMMANDS, OutcomeKind.GONE, "runs no command"),
    (Behaviour.FLOODS, OutcomeKind.SENT, None),
]


@pytest.mark.parametrize(("behaviour", "kind", "said"), ENDS)
async def test_every_end_has_its_meaning_and_none_is_repeated(
    behaviour: Behaviour, kind: OutcomeKind, said: str | None
) -> None:
    async with running(behaviour) as it:
        outcome = await it.outcome()
        assert outcome.kind is kind
        assert (said or "") in (outcome.error or "")
        assert outcome.final or outcome.kind in {
            OutcomeKind.SENT,
            OutcomeKind.SENT_UNCONFIRMED,
        }
        assert len(outcome.excerpt or "") <= 2_048
        assert it.begun == 1
        assert it.ran == [] if behaviour is Behaviour.NO_COMMANDS else [RESTART]


@pytest.mark.parametrize(
    "behaviour", [Behaviour.DROPS, Behaviour.CLOSES, Behaviour.KILLED]
)
async def test_what_changes_nothing_may_be_tried_again_and_needs_no_mark(
    behaviour: Behaviour,
) -> None:
    async with running(behaviour) as it:
        command = it.command(command="sudo -n -l", with_password=None, once=False)
        outcome = await it.outcome(command, CHECK)
        assert (outcome.kind, outcome.final) == (OutcomeKind.RETRY, False)
        assert (it.begun, it.ran) == (0, ["sudo -n -l"])


async def test_a_command_that_hangs_is_left_at_the_deadline() -> None:
    async with running(Behaviour.HANGS) as it:
        reply = await it.run(deadline_ms=1_500)
        outcome = classify(CHANNEL, STEP, reply, 0)
        assert outcome.kind is OutcomeKind.UNKNOWN
        assert outcome.final
        assert outcome.error == "The command did not end in time."
        assert it.ran == [RESTART]


async def test_sudo_gets_the_password_on_standard_input_and_nowhere_else() -> None:
    async with running(Behaviour.SUDO_ASKS) as it:
        outcome = await it.outcome()
        assert outcome.kind is OutcomeKind.SENT
        assert it.server.commands == [
            Command(RESTART, b""),
            Command(RESTART_ASKED, f"{PASSWORD}\n".encode(), carried_out=True),
        ]
        assert it.begun == 1
        assert it.server.restarts == 1


async def test_without_a_stored_password_sudo_that_asks_is_not_answered() -> None:
    key = key_pair()
    async with running(Behaviour.SUDO_ASKS, public_key=public(key)) as it:
        outcome = await it.outcome(it.command(password=None, private_key=private(key)))
        assert outcome.kind is OutcomeKind.GONE
        assert "NOPASSWD" in (outcome.error or "")
        assert it.ran == [RESTART]


async def test_a_wrong_password_for_sudo_is_tried_once() -> None:
    key = key_pair()
    async with running(
        Behaviour.SUDO_ASKS, password="another", public_key=public(key)
    ) as it:
        command = it.command(private_key=private(key))
        outcome = await it.outcome(command)
        assert outcome.kind is OutcomeKind.GONE
        assert "sudo refused" in (outcome.error or "")
        assert it.ran == [RESTART, RESTART_ASKED]
        assert it.server.restarts == 0


async def test_a_key_that_nobody_confirmed_gets_no_password() -> None:
    async with running() as it:
        outcome = await it.outcome(it.command(host_key=None))
        assert outcome.kind is OutcomeKind.REJECTED
        shown = it.server.fingerprint
        assert outcome.error
        assert outcome.error.startswith("HOST_KEY_UNCONFIRMED")
        assert shown in outcome.error
        assert outcome.learned == {
            "host_key": {"fingerprint": shown, "confirmed": False}
        }
        assert (it.server.attempts, it.begun, it.ran) == ([], 0, [])


async def test_another_key_than_the_confirmed_one_gets_no_password() -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint()
    async with running() as it:
        outcome = await it.outcome(it.command(host_key=other))
        assert outcome.kind is OutcomeKind.REJECTED
        assert outcome.error
        assert other in outcome.error
        assert it.server.fingerprint in outcome.error
        assert outcome.learned == {}
        assert (it.server.attempts, it.begun, it.ran) == ([], 0, [])


async def test_login_by_key_and_by_a_key_with_a_passphrase() -> None:
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    sealed = key.export_private_key("pkcs1-pem", passphrase="a phrase").decode()
    async with running(password=None, public_key=public(key)) as it:
        plain = it.command(password=None, private_key=private(key))
        assert (await it.outcome(plain)).kind is OutcomeKind.SENT
        it.server.commands.clear()
        locked = it.command(password=None, private_key=sealed, passphrase="a phrase")
        assert (await it.outcome(locked)).kind is OutcomeKind.SENT
        it.server.commands.clear()
        wrong = it.command(password=None, private_key=sealed, passphrase="no phrase")
        outcome = await it.outcome(wrong)
        assert outcome.kind is OutcomeKind.REJECTED
        assert "passphrase is wrong" in (outcome.error or "")
        assert it.ran == []


async def test_a_key_in_the_format_of_openssh_with_a_passphrase() -> None:
    key = key_pair()
    sealed = key.export_private_key(passphrase="a phrase", rounds=50).decode()
    async with running(password=None, public_key=public(key)) as it:
        locked = it.command(password=None, private_key=sealed, passphrase="a phrase")
        assert (await it.outcome(locked)).kind is OutcomeKind.SENT


@pytest.mark.parametrize("given", ["password", "private_key"])
async def test_a_refused_login_runs_nothing(given: str) -> None:
    wrong = asyncssh.generate_private_key("ssh-ed25519")
    async with running(public_key=public(key_pair())) as it:
        changes = {"password": "no-password" if given == "password" else None}
        if given == "private_key":
            changes["private_key"] = private(wrong)
        outcome = await it.outcome(it.command(**changes))
        assert (outcome.kind, outcome.final) == (OutcomeKind.GONE, False)
        assert "refused the user name" in (outcome.error or "")
        assert (it.begun, it.ran) == (0, [])


async def test_no_questions_are_answered() -> None:
    """Who asks them may ask for anything."""
    async with running(keyboard=True) as it:
        outcome = await it.outcome()
        assert outcome.kind is OutcomeKind.GONE
        assert (it.server.attempts, it.ran) == ([], [])


async def test_nothing_of_this_process_user_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keys, known hosts and configuration of the home directory are left alone."""
    home = tmp_path_factory.mktemp("home")
    (home / ".ssh").mkdir()
    key = key_pair()
    key.write_private_key(str(home / ".ssh" / "id_ed25519"))
    monkeypatch.setenv("HOME", str(home))
    async with running(password=None, public_key=public(key)) as it:
        known = f"[127.0.0.1]:{it.server.port} {public(it.server.host_key)}"
        (home / ".ssh" / "known_hosts").write_text(known)
        unknown = await it.outcome(it.command(host_key=None))
        assert "HOST_KEY_UNCONFIRMED" in (unknown.error or "")
        outcome = await it.outcome(it.command(password="guess"))
        assert outcome.kind is OutcomeKind.GONE
        assert it.server.attempts == []


async def test_hosts_that_cannot_be_reached_may_be_tried_again() -> None:
    async with running() as it:
        ssh = Ssh(Guard(), observe=it.stages.append)
        blocked = await ssh.run(it.command(), it.begin)
        assert "TOCSIN_EGRESS_ALLOW" in (
            classify(CHANNEL, STEP, blocked, 0).error or ""
        )
        port = it.server.port
    it = Running(SshServer())
    refused = await it.outcome(it.command(port=port, host_key="SHA256:x"))
    assert (refused.kind, refused.error) == (
        OutcomeKind.RETRY,
        "The server refused the connection.",
    )
    assert it.begun == 0


async def serve(answer: bytes) -> asyncio.Server:
    """Listen as something that is no SSH server."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if answer:
            writer.write_eof()
        await reader.read()
        writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", 0)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 99]
)
async def test_what_is_no_ssh_server_ends_in_time_and_may_be_tried_again(
    answer: bytes,
) -> None:
    server = await serve(answer)
    it = Running(SshServer())
    it.server.port = server.sockets[0].getsockname()[1]
    reply = await it.run(deadline_ms=500)
    outcome = classify(CHANNEL, STEP, reply, 0)
    assert (outcome.kind, it.begun) == (OutcomeKind.RETRY, 0)
    assert outcome.error
    assert it.guard.open == 0
    server.close()
    await server.wait_closed()


async def test_a_run_that_is_cut_off_leaves_no_connection() -> None:
    async with running(Behaviour.HANGS) as it:
        task = asyncio.create_task(it.run())
        async with asyncio.timeout(10):
            while not it.ran:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
