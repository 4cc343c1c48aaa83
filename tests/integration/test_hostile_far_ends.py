"""Each hostile far end, through the whole engine: report, worker, row of the attempt.

All at once in one process, so that each also has the others to stand against.
"""

import contextlib
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from domain.deliveries import DeliveryStatus, OutcomeKind
from domain.timing import BODY_KEPT, EXCERPT_KEPT
from sandbox import hostile, hostile_answers, hostile_tls
from sandbox.hostile import OK, Behave, far_end, says
from sandbox.hostile_answers import BROKEN_CHUNKS, CHUNKED, NOT_HTTP, Redirects
from tests.certificates import AUTHORITY, WRONG, good
from tests.leaks import settled, sockets
from tests.sending import Sending, left_running, sending

SENT, RETRY, UNKNOWN = OutcomeKind.SENT, OutcomeKind.RETRY, OutcomeKind.UNKNOWN

DEADLINE_MS = 1_500
LONG_MS = 60_000
"""Longer than a test may take: what ends before has ended by itself."""


class End(NamedTuple):
    """What is documented: the class, the status that was answered, words of the error."""

    kind: OutcomeKind
    status_code: int | None = None
    words: str = ""


class Case(NamedTuple):
    """A far end, how it is dialled, and what shall be written down."""

    behave: Behave
    end: End
    channel: str = "WEBHOOK"
    scheme: str = "http"
    tls: Callable[[], ssl.SSLContext] | None = None


FINE = End(SENT, 200)
NO_HTTP = End(RETRY, None, "could not make themselves understood in HTTP")
LOST = End(UNKNOWN, None, "lost before the far end answered")
CERTAIN = End(RETRY, None, "lost before the request was sent")
TOO_LARGE = End(RETRY, 413, "413")
INSECURE = End(RETRY, None, "secure connection to the far end failed")
LATE = End(RETRY, None, "did not answer in time")
UNCONNECTED = End(RETRY, None, "No connection to the far end came about in time")

HELLO = says(OK + b"Content-Length: 2\r\n\r\nhi")
SMALL: Mapping[str, tuple[Behave, End]] = {
    **{f"not HTTP: {name}": (says(it), NO_HTTP) for name, it in NOT_HTTP.items()},
    **{
        f"chunks: {name}": (says(CHUNKED + it), FINE)
        for name, it in BROKEN_CHUNKS.items()
    },
    "an endless body": (hostile_answers.endless_body, FINE),
    "an endless body of chunks": (hostile_answers.endless_chunks, FINE),
    "an endless extension": (hostile_answers.endless_extension, FINE),
    "endless trailers": (hostile_answers.endless_trailers, FINE),
    "an endless header": (hostile.endless_header, NO_HTTP),
    "endless headers": (hostile.endless_headers, NO_HTTP),
    "an endless status": (hostile_answers.endless_status, NO_HTTP),
    "100 without an end": (hostile_answers.endless_continue, NO_HTTP),
    "103 without an end": (hostile_answers.endless_hints, NO_HTTP),
    "102 without an end": (hostile.endless_informational, NO_HTTP),
    "endless empty lines": (hostile_answers.endless_newlines, NO_HTTP),
    "a gzip bomb": (hostile_answers.gzip_bomb(64), FINE),
    "a nested bomb": (hostile_answers.nested_bomb(64), FINE),
    "a deflate bomb": (hostile_answers.deflate_bomb(64), FINE),
    "a brotli bomb": (hostile_answers.brotli_bomb(), FINE),
    "an answer at once": (hostile.answers_before_body, TOO_LARGE),
    "a body shorter than its length": (
        says(OK + b"Content-Length: 9\r\n\r\npart"),
        FINE,
    ),
    "FIN unread": (hostile.ends_unread, LOST),
    "FIN in the body": (hostile.ends_in_body, LOST),
    "FIN after the body": (says(b""), LOST),
    "FIN in the status line": (says(b"HTTP/1.1 2"), LOST),
    "FIN in a header": (says(OK + b"X-Half: "), LOST),
    "RST after the body": (hostile.resets_after_body, LOST),
    "plain HTTP": (HELLO, FINE),
}
"""What ends by itself after a small request."""

CASES: Mapping[str, Case] = {
    **{name: Case(*it) for name, it in SMALL.items()},
    **{
        f"a certificate {name}": Case(
            HELLO, End(RETRY, None, words), scheme="https", tls=make
        )
        for name, (make, words) in WRONG.items()
    },
    "a good certificate": Case(HELLO, FINE, scheme="https", tls=good),
    "an old version of TLS": Case(
        hostile_tls.refuses_version, INSECURE, scheme="https"
    ),
    "no TLS": Case(
        hostile_tls.speaks_first(b"HTTP/1.1 400 No\r\n\r\n"), INSECURE, scheme="https"
    ),
    "RST in the handshake": Case(hostile.resets_unread, CERTAIN, scheme="https"),
    "RST of a large request": Case(hostile.resets_unread, CERTAIN, "LARGE_WEBHOOK"),
    "RST in a large body": Case(hostile.resets_in_body, CERTAIN, "LARGE_WEBHOOK"),
    "an answer before a large body": Case(
        hostile.answers_before_body, TOO_LARGE, "LARGE_WEBHOOK"
    ),
    "an answer before a large body, and gone": Case(
        hostile.answers_before_body_and_closes, TOO_LARGE, "LARGE_WEBHOOK"
    ),
}

HANGING: Mapping[str, Case] = {
    "never answers": Case(hostile.never_answers, LATE),
    "never reads": Case(hostile.never_reads, LATE),
    "never reads a large body": Case(hostile.never_reads, LATE, "LARGE_WEBHOOK"),
    "FIN, and never reads": Case(hostile.ends_unread, LATE, "LARGE_WEBHOOK"),
    "drips a header": Case(
        hostile_answers.repeats(OK + b"X-Slow: ", b".", every=0.02), LATE
    ),
    "drips a body": Case(hostile_answers.drips(OK), FINE),
    "drips chunks": Case(
        hostile_answers.repeats(CHUNKED, b"1\r\n.\r\n", every=0.02), FINE
    ),
    "drips the body of an error": Case(
        hostile_answers.drips(b"HTTP/1.1 500 Oh\r\n"), End(RETRY, 500, "500")
    ),
    "promises a petabyte": Case(hostile_answers.promises(10**15), FINE),
    "no handshake": Case(hostile_tls.never_shakes_hands, UNCONNECTED, scheme="https"),
    "a handshake in drips": Case(
        hostile_tls.drips_handshake, UNCONNECTED, scheme="https"
    ),
    "no reading for TLS": Case(hostile.never_reads, UNCONNECTED, scheme="https"),
}
"""What only the deadline ends."""


async def judge(
    url: str, cases: Mapping[str, Case], deadline_ms: int, folder: Path
) -> dict[str, Any]:
    """Report one incident to all of them; return the row of each one's attempt."""
    AUTHORITY.cert_pem.write_to_path(folder / "ca.pem")
    before = sockets()
    async with contextlib.AsyncExitStack() as standing:
        scene = await standing.enter_async_context(
            sending(url, deadline_ms=deadline_ms, ca_file=folder / "ca.pem")
        )
        integrations = {}
        for name, it in cases.items():
            tls = it.tls() if it.tls else None
            port = await standing.enter_async_context(far_end(it.behave, tls=tls))
            address = f"{it.scheme}://localhost:{port}/hook"
            integrations[name] = await scene.integration(address, it.channel)
        await scene.world.report()
        rows = {name: (await scene.tried(it))[0] for name, it in integrations.items()}
        await check_nothing_is_held(scene)
    assert await settled(before) == before
    return rows


async def check_nothing_is_held(scene: Sending) -> None:
    """No slot, no connection, no task, and no more of an answer than may be kept."""
    assert await scene.count("SELECT count(*) FROM delivery WHERE status = 1") == 0
    assert scene.longest <= BODY_KEPT
    await scene.worker.stop()
    await scene.sender.close()
    assert scene.guard.made
    assert scene.guard.open == 0
    assert left_running() == []


def check(rows: dict[str, Any], cases: Mapping[str, Case]) -> None:
    """Compare all rows with what is documented."""
    ends = {
        name: End(OutcomeKind(row["outcome"]), row["status_code"], row["error"] or "")
        for name, row in rows.items()
    }
    wrong = {
        name: end
        for name, end in ends.items()
        if end[:2] != cases[name].end[:2] or cases[name].end.words not in end.words
    }
    assert wrong == {}
    for name, row in rows.items():
        sent = ends[name].kind is SENT
        wanted = DeliveryStatus.DELIVERED if sent else DeliveryStatus.RETRYING
        assert (row["status"], bool(row["error"])) == (wanted, not sent), name
        assert len((row["excerpt"] or "").encode()) <= EXCERPT_KEPT, name


async def test_each_ends_as_documented(database_url: str, tmp_path: Path) -> None:
    """Long before the deadline, all by itself."""
    rows = await judge(database_url, CASES, LONG_MS, tmp_path)
    check(rows, CASES)
    assert len(rows["an endless body"]["excerpt"]) == EXCERPT_KEPT
    assert {rows[it]["excerpt"] for it in CASES if "bomb" in it} == {None}


async def test_each_that_hangs_ends_at_the_deadline(
    database_url: str, tmp_path: Path
) -> None:
    rows = await judge(database_url, HANGING, DEADLINE_MS, tmp_path)
    check(rows, HANGING)
    for name, row in rows.items():
        # What the clock of the loop takes for a deadline may be 1 ms less by another.
        assert DEADLINE_MS - 20 <= row["duration_ms"] < 3 * DEADLINE_MS, name


async def test_redirects_are_never_followed(database_url: str) -> None:
    """A thousand of them, with every status: each far end sees one request."""
    ends = [Redirects(1_000, status) for status in (301, 302, 303, 307, 308)]
    async with contextlib.AsyncExitStack() as standing:
        scene = await standing.enter_async_context(
            sending(database_url, deadline_ms=LONG_MS)
        )
        found = []
        for end in ends:
            port = await standing.enter_async_context(far_end(end))
            found.append(await scene.integration(f"http://127.0.0.1:{port}/"))
        await scene.world.report()
        rows = [(await scene.tried(it))[0] for it in found]
    assert [it.seen for it in ends] == [1] * len(ends)
    assert {row["outcome"] for row in rows} == {RETRY}
    assert {row["status_code"] for row in rows} == {301, 302, 303, 307, 308}
    assert all("redirects are not followed" in row["error"] for row in rows)


async def test_a_kept_connection_that_ends_is_told_as_certain_as_it_is(
    database_url: str,
) -> None:
    """Closed before it is used again: nothing is lost. Closed as it is used: unknown."""
    async with (
        sending(database_url, deadline_ms=LONG_MS) as scene,
        far_end(says(OK + b"Content-Length: 0\r\n\r\n")) as closing,
        far_end(hostile.answers_once) as once,
    ):
        careful = await scene.integration(f"http://127.0.0.1:{closing}/")
        rude = await scene.integration(f"http://127.0.0.1:{once}/")
        for count in (1, 2):
            await scene.world.report()
            for it in (careful, rude):
                await scene.tried(it, count)
        tries = [await scene.tried(it, 2) for it in (careful, rude)]
    outcomes = [[OutcomeKind(row["outcome"]) for row in rows] for rows in tries]
    assert outcomes == [[SENT, SENT], [SENT, UNKNOWN]]
    assert tries[1][1]["status"] == DeliveryStatus.RETRYING
