"""Mails that verify addresses, on their way through the engine: a delivery outside
incidents, on both databases.
"""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
import pytest

from delivery.housekeeping import Housekeeping
from delivery.lease import close_session, open_session
from delivery.outside import LIFE
from delivery.recover import recover
from delivery.verification import Sending, send
from delivery.verification_check import Guess, LinkState, follow, guess, look_up
from delivery.worker import Worker
from domain.deliveries import DeliveryStatus, OutcomeKind
from domain.ids import Id, new_id
from domain.steps import Fault, MailAnswer, MailStage, NoAnswer, ReadyMail, Reply
from domain.timing import DAY, MINUTE
from models.store import Row
from notifiers import email
from tests.outbox import take
from tests.scene import KEYS, Scene
from tests.world import World

LAST = """
SELECT d.created_at, max(a.started_at) AS last FROM delivery d
JOIN attempt a ON a.delivery_id = d.id GROUP BY d.created_at"""
LOG = {
    "sqlite": "SELECT body FROM event_log ORDER BY position",
    "postgres": "SELECT body FROM event_log ORDER BY id",
}
URL = "https://alerts.example.com/base"


def answer(
    code: int, stage: MailStage = MailStage.DATA, text: str = "ok"
) -> MailAnswer:
    return MailAnswer(stage=stage, code=code, text=text, message_id="<x@example.com>")


@dataclass
class Postbox:
    """A mail server that answers as scripted, else takes each mail; `echo` says back
    what was sent.
    """

    mails: list[ReadyMail] = field(default_factory=list)
    replies: deque[Reply] = field(default_factory=deque)
    echo: bool = False

    async def send(self, mail: ReadyMail) -> Reply:
        self.mails.append(mail)
        if self.replies:
            return self.replies.popleft()
        return answer(250, text=mail.text if self.echo else "ok")

    @property
    def code(self) -> str:
        """The code that the last mail says."""
        [code] = [
            it.strip() for it in self.mails[-1].text.split("\n") if it.strip().isdigit()
        ]
        return code

    @property
    def token(self) -> str:
        """The token in the link of the last mail."""
        [link] = [it.strip() for it in self.mails[-1].text.split("\n") if URL in it]
        return link.removeprefix(f"{URL}/verify/")


@dataclass
class Post:
    """A world with one user, a worker that has not begun, and a mail server."""

    world: World
    box: Postbox
    scene: Scene
    worker: Worker
    user: Id

    async def send(self, user: Id | None = None) -> Id:
        """Have a mail sent."""
        sending = Sending(
            project_id=self.world.project,
            user_id=user or self.user,
            channel=email.CHANNEL,
            public_url=URL,
        )
        world = self.world
        return await world.store.turn(send, KEYS, sending, world.now)

    async def add(self, address: str) -> Id:
        """Store a user."""
        user, now = new_id(), self.world.now
        await self.world.execute(
            "INSERT INTO person (id, project_id, name, email, mailbox, created_at,"
            " updated_at) VALUES ($1, $2, 'Ann', $3, $3, $4, $4)",
            *(user, self.world.project, address, now),
        )
        return user

    async def state(self, *wanted: str) -> None:
        """Wait until the deliveries stand like this, in the order of their making."""

        async def reached() -> bool:
            rows = await self.world.store.fetch("SELECT * FROM delivery ORDER BY id")
            return [_stands(it) for it in rows] == list(wanted)

        await self.scene.until(reached)

    async def verified_at(self) -> int | None:
        statement = "SELECT email_verified_at FROM person WHERE id = $1"
        at: int | None = await self.world.store.fetchval(statement, self.user)
        return at


def _stands(row: Row) -> str:
    return row["cancel_reason"] or DeliveryStatus(row["status"]).name


@pytest.fixture
async def post(world: World) -> AsyncIterator[Post]:
    world.channels = {**world.channels, "EMAIL": email.CHANNEL}
    box, scene = Postbox(), Scene(world)
    worker = Worker(
        world.store,
        scene.bus,
        box.send,
        channels=world.channels,
        keys=KEYS,
        clock=world.clock,
        observe=scene.stages.append,
        chance=lambda: 1.0,
        measures=scene.metrics,
    )
    made = Post(world, box, scene, worker, new_id())
    made.user = await made.add("ann@example.com")
    yield made
    await worker.stop(grace_ms=100)


async def test_the_mail_says_code_and_link_and_is_stored_without(post: Post) -> None:
    post.box.echo = True
    await post.worker.start()
    await post.send()
    await post.state("DELIVERED")
    [mail] = post.box.mails
    assert mail.to == "ann@example.com"
    assert post.box.code in mail.html
    assert f'href="{URL}/verify/{post.box.token}"' in mail.html
    store, secrets = post.world.store, (post.box.code, post.box.token)
    stored = [
        str(value)
        for table in ("delivery", "attempt", "event_log", "verification")
        for row in await store.fetch(f"SELECT * FROM {table}")  # noqa: S608
        for value in tuple(row)
        if isinstance(value, str)
    ]
    assert not [it for it in stored for secret in secrets if secret in it]
    [attempt] = await store.fetch("SELECT * FROM attempt")
    assert attempt["outcome"] == OutcomeKind.SENT
    assert "[secret]" in attempt["excerpt"], "the reply held them and was scrubbed"
    bodies = await store.fetch(LOG[store.dialect])
    shown = [orjson.loads(row["body"])["delivery"] for row in bodies]
    assert [it["status"] for it in shown] == ["PENDING", "DELIVERED"]
    assert all(it["integration"] is None and it["incident"] is None for it in shown)


async def test_a_failing_server_is_tried_again_with_the_same_mail(post: Post) -> None:
    post.box.replies += [answer(451), NoAnswer(Fault.RESET_AFTER_BODY, "Reset.")]
    await post.worker.start()
    await post.send()
    await post.state("RETRYING")
    post.scene.move(6_000)

    async def thrice() -> bool:
        post.scene.move(20_000)
        return len(post.box.mails) == 3

    await post.scene.until(thrice)
    await post.state("DELIVERED")
    texts = {(it.text, it.message_id) for it in post.box.mails}
    assert len(texts) == 1


async def test_it_is_tried_no_longer_than_the_code_holds(post: Post) -> None:
    post.box.replies += [answer(451)] * 100
    await post.worker.start()
    await post.send()
    await post.state("RETRYING")

    async def over() -> bool:
        post.scene.move(MINUTE)
        return await post.scene.all_ended()

    await post.scene.until(over)
    await post.state("FAILED")
    [row] = await post.world.store.fetch(LAST)
    assert row["last"] <= row["created_at"] + LIFE


async def test_a_refused_recipient_fails_at_once_and_holds_up_nobody(
    post: Post,
) -> None:
    users = [await post.add(f"u{n}@example.com") for n in range(4)]
    post.box.replies += [answer(550, MailStage.RCPT)] * 4
    await post.worker.start()
    for user in users:
        await post.send(user)
    await post.state(*["FAILED"] * 4)
    await post.send()
    await post.state(*["FAILED"] * 4, "DELIVERED")
    [lane] = await post.world.store.fetch("SELECT * FROM lane")
    assert (lane["integration_id"], lane["channel"]) == (None, "EMAIL")
    assert (lane["failures"], lane["closed_until"]) == (0, 0)


async def test_what_was_left_unfinished_is_sent_again(post: Post, session: int) -> None:
    await post.send()
    await take(post.world, session)
    await post.world.store.turn(close_session, session)
    await post.world.store.turn(open_session)
    assert await recover(post.world.store, post.world.channels, post.world.now) == 1
    await post.state("RETRYING")
    await post.worker.start()
    await post.state("DELIVERED")


async def test_a_mail_that_another_has_replaced_is_not_sent(post: Post) -> None:
    await post.send()
    post.world.now += MINUTE
    await post.send()
    await post.worker.start()
    await post.state("SUPERSEDED", "DELIVERED")
    assert len(post.box.mails) == 1


async def test_a_mail_that_nobody_needs_any_more_is_not_sent(post: Post) -> None:
    """Claimed already, or verified otherwise before its retry."""
    post.box.replies.append(answer(451))
    await post.worker.start()
    await post.send()
    await post.state("RETRYING")
    world = post.world
    link = await world.store.turn(follow, KEYS, post.box.token, world.now)
    assert link.state is LinkState.DONE
    post.scene.move(MINUTE)
    await post.state("NOT_APPLICABLE")
    assert len(post.box.mails) == 1


async def test_a_link_is_looked_at_without_effect_and_followed_once(
    post: Post,
) -> None:
    await post.worker.start()
    await post.send()
    await post.state("DELIVERED")
    store, now, token = post.world.store, post.world.now, post.box.token
    for _ in range(3):
        seen = await look_up(store, KEYS, token, now)
        assert (seen.state, seen.address) == (LinkState.OPEN, "ann@example.com")
    assert await post.verified_at() is None
    for at in (now + 5, now + 9):
        link = await store.turn(follow, KEYS, token, at)
        assert link.state is LinkState.DONE
        assert await post.verified_at() == now + 5
    unknown = await store.turn(follow, KEYS, token[::-1], now)
    assert unknown.state is LinkState.UNKNOWN


async def test_a_link_ends_with_its_time_and_with_the_next_mail(post: Post) -> None:
    await post.worker.start()
    await post.send()
    await post.state("DELIVERED")
    store, old = post.world.store, post.box.token
    late = post.world.now + LIFE + 1
    assert (await store.turn(follow, KEYS, old, late)).state is LinkState.OVER
    post.world.now += MINUTE
    await post.send()
    await post.state("DELIVERED", "DELIVERED")
    now = post.world.now
    assert (await store.turn(follow, KEYS, old, now)).state is LinkState.OVER
    assert (await look_up(store, KEYS, old, now)).state is LinkState.OVER
    assert await post.verified_at() is None
    given = Guess(project_id=post.world.project, user_id=post.user, code=post.box.code)
    assert await store.turn(guess, KEYS, given, now) is None
    assert await post.verified_at() == now


async def test_verifications_are_forgotten_after_a_day(post: Post) -> None:
    await post.send()
    world = post.world
    keeper = Housekeeping(
        world.store, world.clock, event_retention=DAY, history_retention=DAY
    )
    count = "SELECT count(*) FROM verification"
    await keeper.clean(world.now + DAY)
    assert await world.store.fetchval(count) == 1
    await keeper.clean(world.now + DAY + 1)
    assert await world.store.fetchval(count) == 0
    await post.worker.start()
    await post.state("NOT_APPLICABLE")


async def test_projects_have_lanes_of_their_own(post: Post) -> None:
    other = await World(post.world.store, channels=post.world.channels).make()
    mine, theirs = post.world, Post(other, post.box, post.scene, post.worker, new_id())
    theirs.user = await theirs.add("ann@example.com")
    await post.send()
    await theirs.send()
    lanes = await mine.store.fetch("SELECT project_id FROM lane")
    assert {row["project_id"] for row in lanes} == {mine.project, other.project}
