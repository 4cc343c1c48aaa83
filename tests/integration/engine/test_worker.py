"""The worker against scripted far ends, on both databases."""

from dataclasses import replace
from typing import Any

import orjson
from pydantic import SecretStr

from domain.deliveries import DeliveryStatus, Outcome, OutcomeKind
from domain.ids import new_id
from domain.settings import ChannelSettings
from domain.steps import Answer, Fault, HttpRequest, NoAnswer, ReadyRequest, Ref
from domain.timing import DAY, HOUR
from models.crypto import KeyRing
from models.secret_storage import seal_all
from tests.far_end import OK
from tests.scene import KEYS, Scene
from tests.world import CHANNELS, PROBE, START

FAILED = Answer(status=500, body=b"oops")


async def test_it_delivers_and_records(scene: Scene) -> None:
    """One request; status, attempt, excerpt and the steps with references are kept."""
    integration = await scene.world.integration()
    await scene.worker.start()
    await scene.world.report()
    await scene.status(DeliveryStatus.DELIVERED)
    assert scene.far_ends.bodies(integration) == ["OPENED 1 no answer"]
    [row] = await scene.world.deliveries()
    [step] = orjson.loads(row["body"])["steps"]
    assert step["url"] == [{"ref": "url"}]
    assert step["body"] == ["OPENED 1 no answer"]
    [attempt] = await scene.attempts()
    assert (attempt["status_code"], attempt["excerpt"]) == (200, "fine")
    assert scene.stages == ["claimed", "rendered", "before_commit", "committed"]


async def test_a_retry_sends_the_same_bytes_to_the_address_of_now(
    scene: Scene,
) -> None:
    """What was rendered is kept, references are resolved anew."""
    integration, moved = await scene.world.integration(), new_id()
    scene.far_ends.script(integration, FAILED)
    await scene.worker.start()
    await scene.world.report()
    await scene.status(DeliveryStatus.RETRYING)
    settings = orjson.dumps({"url": f"http://127.0.0.1:9/{moved.hex()}"}).decode()
    await scene.world.set(integration, settings=settings)
    scene.move(HOUR)
    await scene.status(DeliveryStatus.DELIVERED)
    assert scene.far_ends.bodies(integration) == scene.far_ends.bodies(moved)
    codes = [(it["number"], it["status_code"]) for it in await scene.attempts()]
    assert codes == [(1, 500), (2, 200)]


class SignedSettings(ChannelSettings):
    """Settings with a secret that signs."""

    url: str
    key: SecretStr


def sign(
    request: ReadyRequest, settings: SignedSettings, message_id: str, now: int
) -> ReadyRequest:
    """Put key, id and time where the far end can see them."""
    signature = f"|{settings.key.get_secret_value()}|{message_id}|{now}"
    return replace(request, body=request.body + signature.encode())


SIGNED = replace(
    PROBE, key="signedProbe", settings=SignedSettings, finish=sign, example={}
)


async def test_each_try_is_finished_anew_with_the_secrets_of_now(scene: Scene) -> None:
    """Same message id; time and key are those of the try. The key is stored nowhere."""
    scene.world.channels = {**CHANNELS, SIGNED.type_name: SIGNED}
    scene.worker = scene.a_worker()
    integration = await scene.world.integration(SIGNED.type_name)

    async def keep(secret: str) -> None:
        stored = seal_all(KEYS, scene.world.project, integration, {"key": secret}, 1)
        await scene.world.set(integration, secrets=orjson.dumps(stored).decode())

    echo = Answer(status=500, body=b"you signed with canary-one")
    scene.far_ends.script(integration, echo)
    await keep("canary-one")
    await scene.worker.start()
    await scene.world.report()
    await scene.status(DeliveryStatus.RETRYING)
    await keep("canary-two")
    scene.move(HOUR)
    await scene.status(DeliveryStatus.DELIVERED)
    [row] = await scene.world.deliveries()
    first, second = scene.far_ends.bodies(integration)
    text = "OPENED 1 no answer"
    assert first == f"{text}|canary-one|{row['message_id']}|{START}"
    assert second == f"{text}|canary-two|{row['message_id']}|{START + HOUR}"
    assert (await scene.attempts())[0]["excerpt"] == "you signed with [secret]"
    assert "canary" not in row["body"]


async def test_secrets_that_do_not_open_are_a_fault_that_may_pass(
    scene: Scene,
) -> None:
    """A key that the operator forgot is retried, and nothing is dialled without it."""
    scene.world.channels = {**CHANNELS, SIGNED.type_name: SIGNED}
    scene.worker = scene.a_worker()
    integration = await scene.world.integration(SIGNED.type_name)
    other = KeyRing({"lost": bytes(32)})
    stored = seal_all(other, scene.world.project, integration, {"key": "k"}, 1)
    await scene.world.set(integration, secrets=orjson.dumps(stored).decode())
    await scene.worker.start()
    await scene.world.report()
    await scene.status(DeliveryStatus.RETRYING)
    assert scene.far_ends.seen == []
    assert "'lost'" in (await scene.world.deliveries())[0]["error"]


async def test_a_delivery_may_have_steps(scene: Scene) -> None:
    """A retry starts at the first unfinished one; what was returned is kept."""
    step = HttpRequest(url=(Ref("url"),), body=("one",))
    far_ends: list[dict[str, Any]] = []

    def render(context: Any) -> tuple[HttpRequest, ...]:  # noqa: ANN401
        far_ends.append(dict(context.far_end))
        return (step, replace(step, body=("two",)), replace(step, body=("three",)))

    def classify(_step: Any, reply: Any, _now: int) -> Any:  # noqa: ANN401
        kinds = {200: OutcomeKind.SENT, 500: OutcomeKind.RETRY}
        returned = {"ts": reply.body.decode()}
        return Outcome(kind=kinds[reply.status], far_end=returned)

    card = replace(PROBE, key="stepProbe", render=render, classify=classify)
    scene.world.channels = {**CHANNELS, card.type_name: card}
    scene.worker = scene.a_worker()
    integration = await scene.world.integration(card.type_name)
    scene.far_ends.script(integration, OK, FAILED)
    await scene.worker.start()
    opened = await scene.world.report()
    await scene.status(DeliveryStatus.RETRYING)
    assert [it["step"] for it in await scene.attempts()] == [1]
    scene.move(HOUR)
    await scene.status(DeliveryStatus.DELIVERED)
    assert scene.far_ends.bodies(integration) == ["one", "two", "two", "three"]
    await scene.world.resolve(opened)
    await scene.until(scene.all_ended)
    assert far_ends == [{}, {"ts": "fine"}]


async def test_what_is_too_old_is_not_sent(scene: Scene) -> None:
    """Never tried: STALE. Tried before: FAILED. Neither is dialled."""
    stale, failing = await scene.world.integration(), await scene.world.integration()
    scene.far_ends.always[f"http://127.0.0.1:9/{failing.hex()}"] = FAILED
    await scene.world.report()
    await scene.world.execute(
        "UPDATE delivery SET due_at = $2 WHERE integration_id = $1",
        *(stale, START + HOUR),
    )
    await scene.worker.start()
    await scene.state(failing, "RETRYING")
    dialled = len(scene.far_ends.seen)
    scene.move(3 * DAY)
    await scene.until(scene.all_ended)
    assert await scene.world.states(stale) == [("OPENED", "STALE")]
    assert await scene.world.states(failing) == [("OPENED", "FAILED")]
    assert len(scene.far_ends.seen) == dialled == 1


async def test_what_was_disabled_meanwhile_is_not_sent(scene: Scene) -> None:
    """The integration is looked at right before the dial."""
    integration = await scene.world.integration()
    await scene.world.report()
    await scene.world.set(integration, active=False)
    await scene.worker.start()
    await scene.state(integration, "INTEGRATION_DISABLED")
    assert scene.far_ends.seen == []
    assert await scene.attempts() == []


async def test_a_channel_may_have_nothing_to_say(scene: Scene) -> None:
    """Skip is a reason of its own."""
    integration = await scene.world.integration()
    await scene.worker.start()
    await scene.world.report(message="skip")
    await scene.state(integration, "NOT_APPLICABLE")
    assert scene.far_ends.seen == []


async def test_a_broken_message_stops_nobody_else(scene: Scene) -> None:
    """A channel that raises fails its own delivery, without its words."""

    def broken(_context: Any) -> Any:  # noqa: ANN401
        raise ZeroDivisionError("canary")

    bad = replace(PROBE, key="brokenProbe", render=broken)
    scene.world.channels = {**CHANNELS, bad.type_name: bad}
    scene.worker = scene.a_worker()
    failing = await scene.world.integration(bad.type_name)
    fine = await scene.world.integration()
    await scene.worker.start()
    await scene.world.report()
    await scene.until(scene.all_ended)
    assert await scene.world.states(failing) == [("OPENED", "FAILED")]
    assert await scene.world.states(fine) == [("OPENED", "DELIVERED")]
    errors = [row["error"] or "" for row in await scene.world.deliveries()]
    assert not [it for it in errors if "canary" in it]


async def test_rows_that_cannot_be_read_stop_nobody_else(scene: Scene) -> None:
    """Settings and snapshots may be damaged; the others of the batch are sent."""
    damaged, fine = await scene.world.integration(), await scene.world.integration()
    await scene.world.report()
    await scene.world.set(damaged, settings="{")
    await scene.worker.start()
    await scene.state(fine, "DELIVERED")
    await scene.state(damaged, "RETRYING")
    await scene.world.execute("UPDATE incident_event SET snapshot = '{'")
    scene.move(HOUR)
    await scene.state(damaged, "NOT_APPLICABLE")


async def test_a_reset_is_unknown_and_repeated_only_where_that_is_safe(
    scene: Scene,
) -> None:
    """At least once where the channel may be repeated, at most once where not."""
    plain = await scene.world.integration()
    once = await scene.world.integration("ONCE_PROBE")
    reset = NoAnswer(Fault.RESET_AFTER_BODY, "The connection was reset.")
    for it in (plain, once):
        scene.far_ends.script(it, reset)
    await scene.worker.start()
    await scene.world.report()
    await scene.state(once, "FAILED")
    await scene.state(plain, "RETRYING")
    scene.move(HOUR)
    await scene.until(scene.all_ended)
    assert len(scene.far_ends.bodies(once)) == 1
    assert len(scene.far_ends.bodies(plain)) == 2
