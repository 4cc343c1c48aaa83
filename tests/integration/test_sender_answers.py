"""The sender: an answer means the same however it comes, and none is without an end."""

from collections.abc import AsyncIterator

import pytest

from delivery.answer_bounds import HEADS_MOST
from delivery.guard import Guard
from delivery.sender import Sender
from domain.steps import Answer, Fault, NoAnswer, ReadyRequest, Reply
from domain.timing import BODY_KEPT
from sandbox import hostile
from sandbox.hostile import OK, Behave, far_end, says
from sandbox.hostile_answers import (
    BROKEN_CHUNKS,
    CHUNKED,
    NOT_HTTP,
    endless_body,
    endless_chunks,
    endless_continue,
    endless_extension,
    endless_hints,
    endless_newlines,
    endless_status,
    endless_trailers,
    says_apart,
)
from tests.leaks import settled, sockets

LARGE = bytes(16 << 20)
"""More than the buffers of two sockets on loopback hold."""


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """Give a sender whose deadline is longer than a test may take."""
    sender = Sender(Guard(dev=True), deadline_ms=300_000)
    yield sender
    await sender.close()


async def ask(sender: Sender, behave: Behave, body: bytes = b"{}") -> Reply:
    async with far_end(behave) as port:
        url = f"http://127.0.0.1:{port}/"
        return await sender.send(
            ReadyRequest(method="POST", url=url, headers=(), body=body)
        )


@pytest.mark.parametrize("rest", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS)
async def test_a_broken_body_leaves_the_answer_however_it_is_cut(
    sender: Sender, rest: bytes
) -> None:
    """The status line decides, also when the packet of the head has the fault in it."""
    at_once = await ask(sender, says(CHUNKED + rest))
    apart = await ask(sender, says_apart(CHUNKED, rest))
    inside = await ask(sender, says_apart(CHUNKED[:-2], CHUNKED[-2:] + rest))
    assert isinstance(at_once, Answer)
    assert at_once.status == 200
    assert at_once == apart == inside


@pytest.mark.parametrize("answer", NOT_HTTP.values(), ids=NOT_HTTP)
async def test_what_is_no_answer_is_none_however_it_is_cut(
    sender: Sender, answer: bytes
) -> None:
    middle = len(answer) // 2
    at_once = await ask(sender, says(answer))
    apart = await ask(sender, says_apart(answer[:middle], answer[middle:]))
    assert isinstance(at_once, NoAnswer)
    assert at_once.fault is Fault.PROTOCOL
    assert at_once == apart


@pytest.mark.parametrize(
    "behave",
    [
        endless_continue,
        endless_hints,
        endless_newlines,
        endless_status,
        hostile.endless_header,
        hostile.endless_headers,
        hostile.endless_informational,
    ],
)
async def test_what_comes_before_an_answer_is_bounded(
    sender: Sender, behave: Behave
) -> None:
    """Long before the deadline: such a flood would keep the whole process busy."""
    reply = await ask(sender, behave)
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.PROTOCOL


@pytest.mark.parametrize(
    ("behave", "kept"),
    [
        (endless_body, BODY_KEPT),
        (endless_chunks, BODY_KEPT),
        (endless_extension, 0),
        (endless_trailers, 0),
    ],
)
async def test_what_comes_after_a_head_is_bounded(
    sender: Sender, behave: Behave, kept: int
) -> None:
    reply = await ask(sender, behave)
    assert isinstance(reply, Answer)
    assert (reply.status, len(reply.body)) == (200, kept)


async def test_a_head_may_come_in_many_packets(sender: Sender) -> None:
    """Some devices write line by line, or byte by byte."""
    head = OK + b"".join(b"X-%d: a\r\n" % nth for nth in range(HEADS_MOST + 8))
    lines = [line + b"\r\n" for line in (head + b"\r\n").split(b"\r\n")[:-1]]
    reply = await ask(sender, says_apart(*lines, b"fine"))
    assert isinstance(reply, Answer)
    assert reply.body == b"fine"
    octets = [bytes([it]) for it in OK + b"Content-Length: 2\r\n\r\nhi"]
    assert isinstance(await ask(sender, says_apart(*octets)), Answer)


async def test_a_few_interim_answers_are_passed_over(sender: Sender) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    answer = OK + b"Content-Length: 2\r\n\r\nhi"
    reply = await ask(sender, says(interim * (HEADS_MOST - 1) + answer))
    assert isinstance(reply, Answer)
    assert reply.body == b"hi"
    reply = await ask(sender, says(interim * HEADS_MOST + answer))
    assert isinstance(reply, NoAnswer)


@pytest.mark.parametrize(
    "behave", [hostile.never_reads, hostile.ends_in_body, hostile.answers_before_body]
)
async def test_a_request_that_is_never_read_keeps_no_connection(behave: Behave) -> None:
    """The client only closes, which waits for good for what is still to be written."""
    sender = Sender(Guard(dev=True), deadline_ms=500)
    async with far_end(behave) as port:
        before = sockets()
        url = f"http://127.0.0.1:{port}/"
        request = ReadyRequest(method="POST", url=url, headers=(), body=LARGE)
        await sender.send(request)
        # The far end keeps its own end of the connection.
        assert await settled(before + 1) == before + 1
    await sender.close()
