"""The sender: what a far end can do to us is bounded, and told as certain as it is."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator

import pytest

from delivery.guard import Guard
from delivery.sender import Sender
from domain.steps import Answer, Fault, NoAnswer, ReadyRequest
from domain.timing import BODY_KEPT
from sandbox.hostile import (
    OK,
    Behave,
    answers_before_body,
    answers_once,
    far_end,
    never_reads,
    read_request,
    resets_in_body,
    resets_unread,
    says,
)
from sandbox.hostile_answers import gzip_bomb
from sandbox.script import Drip, EndlessBody, Respond
from sandbox.webhook_sink import WebhookSink

LINGER_NOT = struct.pack("ii", 1, 0)
LARGE = bytes(32 << 20)
"""More than the buffers of two sockets on loopback hold."""


def request(
    url: str, body: bytes = b"{}", method: str = "POST", **headers: str
) -> ReadyRequest:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return ReadyRequest(method=method, url=url, headers=pairs, body=body)


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """Give a sender that may dial loopback."""
    sender = Sender(Guard(dev=True), deadline_ms=10_000)
    yield sender
    await sender.close()


HELLO = says(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi")


@pytest.mark.parametrize("act", [EndlessBody(), Drip(every=0.01)])
async def test_the_status_decides_and_the_rest_is_bounded(
    act: EndlessBody | Drip,
) -> None:
    sender = Sender(Guard(dev=True), deadline_ms=500)
    async with WebhookSink() as sink:
        sink.script("/hook", always=act)
        begin = time.monotonic()
        reply = await sender.send(webhook(sink))
        took = time.monotonic() - begin
    await sender.close()
    assert isinstance(reply, Answer)
    assert reply.status == 200
    assert 0 < len(reply.body) <= BODY_KEPT
    assert took < 5


def webhook(sink: WebhookSink) -> ReadyRequest:
    """Make a request that the sink takes for good."""
    body = (
        b'{"resource_name":"a","resource_url":"b","resource_type":"Server",'
        b'"incident_type":"down","incident_status":"ongoing","incident_duration":null,'
        b'"incident_message":"m"}'
    )
    return request(
        sink.url(),
        body,
        Content_Type="application/json",
        webhook_id="msg_1",
        webhook_timestamp=str(int(time.time())),
    )


async def test_a_body_that_is_cut_is_not_read_on(sender: Sender) -> None:
    """Its connection is closed, not used again."""
    async with WebhookSink() as sink:
        sink.script("/hook", Respond(body=bytes(BODY_KEPT + 1)), Respond(body=b"two"))
        one, two = [await sender.send(webhook(sink)) for _ in range(2)]
    assert isinstance(one, Answer)
    assert isinstance(two, Answer)
    assert (len(one.body), two.body) == (BODY_KEPT, b"two")


async def test_a_bomb_is_not_unpacked(sender: Sender) -> None:
    async with far_end(gzip_bomb(16)) as port:
        reply = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert isinstance(reply, Answer)
    assert reply.body.startswith(b"\x1f\x8b")
    assert len(reply.body) < BODY_KEPT


async def test_a_body_that_breaks_off_leaves_the_answer(sender: Sender) -> None:
    async with far_end(says(OK + b"Content-Length: 100\r\n\r\npart")) as port:
        reply = await sender.send(request(f"http://127.0.0.1:{port}/"))
    assert isinstance(reply, Answer)
    assert (reply.status, reply.body) == (200, b"part")


async def test_an_answer_before_the_body_counts(sender: Sender) -> None:
    async with far_end(answers_before_body) as port:
        reply = await sender.send(request(f"http://127.0.0.1:{port}/", LARGE))
    assert isinstance(reply, Answer)
    assert (reply.status, reply.body) == (413, b"big")


@pytest.mark.parametrize("behave", [resets_unread, resets_in_body])
async def test_a_reset_while_the_body_is_written_is_certain(
    sender: Sender, behave: Behave
) -> None:
    async with far_end(behave) as port:
        reply = await sender.send(request(f"http://127.0.0.1:{port}/", LARGE))
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.RESET_BEFORE_BODY


async def test_a_reset_that_the_system_knows_of_is_certain() -> None:
    """The far end resets right before the request is written."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def reset_when_connected(stage: str) -> None:
            if stage == "connected":
                end, _ = listening.accept()
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
                end.close()

        sender = Sender(Guard(dev=True), observe=reset_when_connected)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        reply = await sender.send(request(url))
        await sender.close()
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.RESET_BEFORE_BODY


async def test_a_connection_that_proves_closed_is_replaced() -> None:
    """Nothing was written on it: the request goes out on another, at once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ends: list[socket.socket] = []

        def reset_the_first(stage: str) -> None:
            if stage == "connected":
                ends.append(listening.accept()[0])
            if stage == "connected" and len(ends) == 1:
                ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
                ends[0].close()
            if stage == "request_sent":
                ends[1].sendall(OK + b"Content-Length: 2\r\n\r\nhi")

        sender = Sender(Guard(dev=True), observe=reset_the_first)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        reply = await sender.send(request(url))
        await sender.close()
        assert ends[1].recv(4096).endswith(b"\r\n\r\n{}")
        ends[1].close()
    assert isinstance(reply, Answer)


async def test_a_kept_connection_that_ends_unanswered_is_not_certain(
    sender: Sender,
) -> None:
    async with far_end(answers_once) as port:
        one, two = [
            await sender.send(request(f"http://127.0.0.1:{port}/")) for _ in range(2)
        ]
    assert isinstance(one, Answer)
    assert isinstance(two, NoAnswer)
    assert two.fault is Fault.RESET_AFTER_BODY


async def test_stages_are_observed_as_they_are_reached() -> None:
    stages: list[str] = []

    async def behave(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert await read_request(reader) == b"{}"
        stages.append("read by the far end")
        writer.write(OK + b"Content-Length: 0\r\n\r\n")

    sender = Sender(Guard(dev=True), observe=stages.append)
    async with far_end(behave) as port:
        await sender.send(request(f"http://127.0.0.1:{port}/"))
    await sender.close()
    assert stages == ["connected", "request_sent", "read by the far end", "answer_read"]


async def test_a_far_end_that_is_not_there_is_observed_no_further() -> None:
    stages: list[str] = []
    sender = Sender(Guard(), observe=stages.append)
    await sender.send(request("http://127.0.0.1:9/"))
    await sender.close()
    assert stages == []


async def test_far_ends_that_hang_keep_no_other_waiting() -> None:
    sender = Sender(Guard(dev=True), deadline_ms=30_000)
    async with far_end(never_reads) as dead, far_end(HELLO) as alive:
        hanging = [
            asyncio.create_task(sender.send(request(f"http://127.0.0.1:{dead}/")))
            for _ in range(200)
        ]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            for _ in range(20):
                reply = await sender.send(request(f"http://127.0.0.1:{alive}/"))
                assert isinstance(reply, Answer)
        assert not any(it.done() for it in hanging)
        for it in hanging:
            it.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
    await sender.close()
