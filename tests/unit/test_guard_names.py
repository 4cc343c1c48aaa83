"""Names that lie: what they resolve to is judged, each time, and what hangs is left."""

import asyncio
import random
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest

from delivery.guard import MOST_ADDRESSES, MOST_ANSWERS, Guard
from delivery.names import SystemResolver
from delivery.sender import Sender
from domain.steps import Answer, Fault, NoAnswer, ReadyRequest, Reply
from tests.guard_corpus import not_public, six_spellings
from tests.listeners import Listeners, listening
from tests.zone import Zone

OPEN, CLOSED = "127.0.0.2", "127.0.0.1"
"""Both are listened on; only the first is opened, and stands for a public address."""


@pytest.fixture
async def far_end() -> AsyncIterator[Listeners]:
    async with listening(OPEN, CLOSED) as made:
        yield made


def post(url: str) -> ReadyRequest:
    return ReadyRequest(method="POST", url=url, headers=(), body=b"")


async def send(guard: Guard, url: str) -> Reply:
    """Send a request on a connection of its own."""
    sender = Sender(guard, deadline_ms=10_000)
    try:
        return await sender.send(post(url))
    finally:
        await sender.close()


def check_blocked(reply: Reply) -> None:
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.BLOCKED
    assert "TOCSIN_EGRESS_ALLOW" in reply.message


async def test_nothing_of_the_corpus_is_dialled() -> None:
    """Each address in all its spellings, as a literal and as what a name resolves to."""
    texts = [
        spelled
        for address in not_public()
        for spelled in (
            six_spellings(address)
            if isinstance(address, IPv6Address)
            else [str(address)]
        )
    ]
    zone = Zone({f"n{n}.example": [[text]] for n, text in enumerate(texts)})
    async with listening("127.0.0.1", "127.1.2.3", "::1") as far_end:
        sender = Sender(Guard(resolve=zone), deadline_ms=30_000)
        for n, text in enumerate(texts):
            literal = f"[{text}]" if ":" in text else text
            hosts = [literal, f"n{n}.example"] if n % 4 == 0 else [literal]
            for host in hosts:
                check_blocked(await sender.send(post(f"http://{host}:{far_end.port}/")))
        await sender.close()
    assert far_end.connections == {}
    assert len(texts) > 2000


async def test_a_name_that_changes_its_address_gains_nothing(
    far_end: Listeners,
) -> None:
    """Rebinding: the first answer is fine, the second is not."""
    zone = Zone({"rebinding.example": [[OPEN], [CLOSED], [OPEN]]})
    guard = Guard([OPEN], resolve=zone)
    url = f"http://rebinding.example:{far_end.port}/"
    assert await guard.warnings([url]) == []
    check_blocked(await send(guard, url))
    assert far_end.connections == {}
    assert isinstance(await send(guard, url), Answer)
    assert far_end.connections == {OPEN: 1}


async def test_what_was_looked_up_is_what_is_dialled(far_end: Listeners) -> None:
    """The first look-up of a delivery is its only one."""
    zone = Zone({"rebinding.example": [[OPEN], [CLOSED]]})
    reply = await send(
        Guard([OPEN], resolve=zone), f"http://rebinding.example:{far_end.port}/"
    )
    assert isinstance(reply, Answer)
    assert far_end.connections == {OPEN: 1}
    assert len(zone.asked) == 1


@pytest.mark.parametrize("seed", range(10))
async def test_of_mixed_answers_only_the_public_ones_are_dialled(
    far_end: Listeners, seed: int
) -> None:
    answers = [
        *(CLOSED, OPEN, "10.0.0.1", "::1", "fd00::1", "169.254.169.254"),
        *("::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.1.2.3", "::", "127.0.0.3"),
    ]
    random.Random(seed).shuffle(answers)  # noqa: S311 - no secret
    guard = Guard([OPEN], resolve=Zone({"mixed.example": [answers]}))
    url = f"http://mixed.example:{far_end.port}/"
    assert isinstance(await send(guard, url), Answer)
    (await guard.dial("mixed.example", far_end.port)).close()
    assert {*far_end.connections} == {OPEN}


async def test_where_the_public_one_does_not_answer_no_other_is_tried() -> None:
    """And the failure is its own: nothing else of the name shows."""
    zone = Zone({"mixed.example": [[CLOSED, OPEN, "10.0.0.1"]]})
    async with listening(CLOSED) as far_end:
        url = f"http://mixed.example:{far_end.port}/"
        reply = await send(Guard([OPEN], resolve=zone), url)
        assert isinstance(reply, NoAnswer)
        assert reply.fault is Fault.REFUSED
        assert far_end.connections == {}


async def test_a_chain_of_names_counts_by_its_end(far_end: Listeners) -> None:
    zone = Zone(
        {"fine.example": [[OPEN]], "inside.example": [[CLOSED]]},
        aliases={
            "www.example": "cdn.example",
            "cdn.example": "fine.example",
            "innocent.example": "www2.example",
            "www2.example": "inside.example",
            "round.example": "about.example",
            "about.example": "round.example",
        },
    )
    guard = Guard([OPEN], resolve=zone)
    port = far_end.port
    assert isinstance(await send(guard, f"http://www.example:{port}/"), Answer)
    check_blocked(await send(guard, f"http://innocent.example:{port}/"))
    reply = await send(guard, f"http://round.example:{port}/")
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.DNS
    assert far_end.connections == {OPEN: 1}


async def test_an_empty_answer_is_no_name(far_end: Listeners) -> None:
    guard = Guard([OPEN], resolve=Zone({"empty.example": [[]]}))
    reply = await send(guard, f"http://empty.example:{far_end.port}/")
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.DNS
    with pytest.raises(socket.gaierror):
        await guard.dial("empty.example", far_end.port)


async def test_of_a_huge_answer_a_few_are_tried(far_end: Listeners) -> None:
    """4,000 is what fits into one answer of the DNS."""
    inside = [f"10.0.{n >> 8}.{n & 255}" for n in range(4000)]
    outside = [f"8.8.{n >> 8}.{n & 255}" for n in range(4000)]
    zone = Zone(
        {
            "inside.example": [inside],
            "outside.example": [outside],
            "late.example": [[*inside[: MOST_ANSWERS - 1], OPEN]],
            "last.example": [[*inside, OPEN]],
        }
    )
    guard = Guard([OPEN], resolve=zone)
    check_blocked(await send(guard, f"http://inside.example:{far_end.port}/"))
    assert await guard.addresses("outside.example", 80) == outside[:MOST_ADDRESSES]
    check_blocked(await send(guard, f"http://last.example:{far_end.port}/"))
    url = f"http://late.example:{far_end.port}/"
    assert isinstance(await send(guard, url), Answer)
    assert far_end.connections == {OPEN: 1}


async def test_a_literal_is_no_question_to_the_resolver() -> None:
    """The system's resolver refuses IPv6 where it thinks that there is none."""
    zone = Zone({})
    guard = Guard(["127.0.0.1", "::1"], resolve=zone)
    assert await guard.addresses("::1", 80) == ["::1"]
    assert await guard.warnings(["http://[fd00:ec2::254]/", "http://[::1]/"]) != []
    assert zone.asked == []


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to", [f"http://{CLOSED}:{{}}/", "//127.1:{}/", "http://[::1]:{}/"]
)
async def test_a_redirect_inside_is_not_followed(
    far_end: Listeners, code: int, to: str
) -> None:
    head = f"HTTP/1.1 {code} Go\r\nLocation: {to.format(far_end.port)}\r\n"
    answer = f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
    async with listening(OPEN, answer=answer) as asked:
        reply = await send(Guard([OPEN]), f"http://{OPEN}:{asked.port}/")
    assert isinstance(reply, Answer)
    assert reply.status == code
    assert asked.connections == {OPEN: 1}
    assert far_end.connections == {}


class Hanging:
    """Stands in for the system's resolver: names under `hangs` get no answer."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        if host.endswith(".hangs.example"):
            self.let_go.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (OPEN, port))]


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.let_go.set()


async def test_a_resolver_that_hangs_is_given_up_at_the_deadline(
    hanging: Hanging, far_end: Listeners
) -> None:
    """And holds up nobody else, however many names hang."""
    guard = Guard([OPEN], resolve=SystemResolver(most=80, ask=hanging))
    sender = Sender(guard, deadline_ms=300)
    requests = [post(f"http://n{n}.hangs.example:{far_end.port}/") for n in range(70)]
    fine, *lost = await asyncio.gather(
        send(guard, f"http://fine.example:{far_end.port}/"),
        *map(sender.send, requests),
    )
    await sender.close()
    assert isinstance(fine, Answer)
    assert {it.fault for it in lost if isinstance(it, NoAnswer)} == {
        Fault.CONNECT_TIMEOUT
    }
    assert far_end.connections == {OPEN: 1}


async def test_more_names_than_may_hang_are_refused_at_once(hanging: Hanging) -> None:
    look_up = SystemResolver(most=2, ask=hanging)
    waiting = [asyncio.create_task(look_up(f"{n}.hangs.example", 80)) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(socket.gaierror, match="too many"):
        await look_up("fine.example", 80)
    waiting[0].cancel()  # the system goes on asking, so that it still counts
    await asyncio.sleep(0)
    with pytest.raises(socket.gaierror, match="too many"):
        await look_up("fine.example", 80)
    hanging.let_go.set()
    assert await waiting[1] == [OPEN]
    while True:  # the thread of the one that was given up ends by itself
        try:
            assert await look_up("fine.example", 80) == [OPEN]
            break
        except socket.gaierror:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("name", ["a..b", "x" * 64, "", "ä" * 300])
async def test_what_is_no_name_is_not_found(name: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - gaierror, with the system's words
        await SystemResolver()(name, 80)


HANGS_AT_EXIT = """
import asyncio, socket, threading
from delivery.names import SystemResolver

def hangs(host, port):
    threading.Event().wait()

async def main():
    async with asyncio.timeout(0.2):
        await SystemResolver(ask=hangs)("hangs.example", 80)

try:
    asyncio.run(main())
except TimeoutError:
    print("given up")
"""


def test_a_look_up_that_hangs_does_not_keep_the_program() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", HANGS_AT_EXIT]
    ended = subprocess.run(
        command, cwd=root, capture_output=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, b"given up\n"), ended.stderr
