"""Verifying an address by a code, through the API, as in production. The mail itself is
followed in tests/acceptance/test_verification.py.
"""

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast

import orjson
import pytest

from delivery.verification_equipment import binding
from domain.channels import Provider
from domain.ids import Id, decode
from domain.timing import MINUTE, SECOND
from schema.build import SCHEMA
from schema.context import Services
from tests.people import add_user
from tests.schema_client import Client, Clock, faults

SEND = (
    "user { id } expiresAt resendAvailableAt warnings { message } "
    "delivery { id kind status integration { id } incident { id } attempts { number } }"
)
VERIFY = "user { emailVerifiedAt } warnings { message }"
DATA = "errors { ... on VerificationCodeError { attemptsRemaining } ... on RateLimitedError { retryAt } }"


@dataclass
class Production(Client):
    """A client of a server in production, with a mail server that nothing reads."""

    @property
    def clock(self) -> Clock:
        return cast("Clock", self.services.clock)

    async def send(self, user: str, **more: object) -> Any:  # noqa: ANN401 - JSON
        given = {"userId": user, **more}
        return await self.mutate("sendEmailVerification", given, f"{SEND} {DATA}")

    async def verify(self, user: str, code: str) -> Any:  # noqa: ANN401 - JSON
        given = {"userId": user, "code": code}
        return await self.mutate("verifyEmail", given, f"{VERIFY} {DATA}")

    async def code(self, user: str) -> str:
        """Return the code that the last mail says."""
        row = await self.services.store.fetchrow(
            "SELECT id, sealed FROM verification WHERE user_id = $1 "
            "AND sealed IS NOT NULL ORDER BY created_at DESC LIMIT 1",
            decode(user)[1],
        )
        assert row is not None
        place = binding(self.project_id, Id(row["id"]))
        opened = self.services.keys.open(row["sealed"], place)
        return str(orjson.loads(opened)["code"])

    async def wrong(self, user: str) -> str:
        """Return a code that is not the one."""
        return f"{(int(await self.code(user)) + 1) % 1_000_000:06}"


@pytest.fixture
def production(client: Client) -> Production:
    services: Services = replace(
        client.services,
        development=False,
        providers=frozenset({Provider.SMTP}),
        public_url="https://alerts.example.com",
    )
    return Production(services, client.project_id)


async def test_the_code_verifies_once_and_for_all(production: Production) -> None:
    user = await add_user(production)
    sent = await production.send(user)
    assert faults(sent) == []
    assert sent["warnings"] == []
    delivery = sent["delivery"]
    assert delivery.pop("id").startswith("dlv_")
    assert delivery == {
        "kind": "VERIFICATION",
        "status": "PENDING",
        "integration": None,
        "incident": None,
        "attempts": [],
    }
    code = await production.code(user)
    assert len(code) == 6
    verified = await production.verify(user, f" {code[:3]} {code[3:]} ")
    assert faults(verified) == []
    at = verified["user"]["emailVerifiedAt"]
    assert at is not None
    again = await production.verify(user, "anything")
    assert again["user"]["emailVerifiedAt"] == at
    assert faults(await production.send(user)) == [("ALREADY_VERIFIED", "input/userId")]


async def test_five_wrong_codes_lock(production: Production) -> None:
    """The right one does no more; another has to be sent."""
    user = await add_user(production)
    await production.send(user)
    wrong, right = await production.wrong(user), await production.code(user)
    for left in (4, 3, 2, 1, 0):
        payload = await production.verify(user, wrong)
        assert faults(payload) == [("VERIFICATION_CODE_INVALID", "input/code")]
        [error] = payload["errors"]
        assert error["__typename"] == "VerificationCodeError"
        assert error["attemptsRemaining"] == left
    payload = await production.verify(user, right)
    assert faults(payload) == [("VERIFICATION_LOCKED", "input/code")]
    assert payload["user"] is None
    production.clock.now += MINUTE
    await production.send(user)
    assert faults(await production.verify(user, right)) != []
    right = await production.code(user)
    assert faults(await production.verify(user, right)) == []


async def test_one_document_full_of_guesses_spends_five(production: Production) -> None:
    user = await add_user(production)
    await production.send(user)
    wrong = await production.wrong(user)
    calls = "".join(
        f'g{n}: verifyEmail(input: {{userId: "{user}", code: "{wrong}"}}) '
        "{ errors { code } } "
        for n in range(15)
    )
    found = await production.ask(f"mutation {{ {calls} }}")
    codes = [found[f"g{n}"]["errors"][0]["code"] for n in range(15)]
    assert codes == ["VERIFICATION_CODE_INVALID"] * 5 + ["VERIFICATION_LOCKED"] * 10


async def test_guesses_that_meet_spend_five(production: Production) -> None:
    user = await add_user(production)
    await production.send(user)
    wrong = await production.wrong(user)
    payloads = await asyncio.gather(
        *(production.verify(user, wrong) for _ in range(20))
    )
    codes = Counter(code for payload in payloads for code, _ in faults(payload))
    assert codes == {"VERIFICATION_CODE_INVALID": 5, "VERIFICATION_LOCKED": 15}


async def test_sends_that_meet_send_one_mail(production: Production) -> None:
    users = [await add_user(production, f"u{n}@example.com") for n in range(3)]
    payloads = await asyncio.gather(*map(production.send, users * 3))
    assert sum(faults(payload) == [] for payload in payloads) == 3
    found = await production.ask("{ deliveries { totalCount } }")
    assert found["deliveries"]["totalCount"] == 3


async def test_a_code_expires(production: Production) -> None:
    user = await add_user(production)
    refused = [("VERIFICATION_CODE_EXPIRED", "input/code")]
    assert faults(await production.verify(user, "000000")) == refused, "none was sent"
    await production.send(user)
    code = await production.code(user)
    production.clock.now += 10 * MINUTE
    assert faults(await production.verify(user, code)) == refused


async def test_another_mail_ends_the_one_before(production: Production) -> None:
    user = await add_user(production)
    first = await production.send(user)
    old = await production.code(user)
    production.clock.now += MINUTE
    await production.send(user)
    while await production.code(user) == old:  # one in a million
        production.clock.now += MINUTE
        await production.send(user)
    refused = [("VERIFICATION_CODE_INVALID", "input/code")]
    assert faults(await production.verify(user, old)) == refused
    text = "query($id: ID!) { delivery(id: $id) { status cancelReason } }"
    found = await production.ask(text, id=first["delivery"]["id"])
    assert found["delivery"] == {"status": "CANCELLED", "cancelReason": "SUPERSEDED"}
    assert faults(await production.verify(user, await production.code(user))) == []


async def test_another_address_ends_the_code(production: Production) -> None:
    user = await add_user(production)
    await production.send(user)
    code = await production.code(user)
    given = {"userId": user, "email": "new@example.com"}
    await production.mutate("updateUser", given)
    refused = [("VERIFICATION_CODE_EXPIRED", "input/code")]
    assert faults(await production.verify(user, code)) == refused


async def test_sends_to_an_address_are_limited(production: Production) -> None:
    """One a minute, five an hour; it is told when the next may be."""
    user = await add_user(production)
    begun = production.clock.now
    for n in range(5):
        production.clock.now = begun + n * MINUTE + n * SECOND
        assert faults(await production.send(user)) == []
        payload = await production.send(user)
        assert faults(payload) == [("LIMIT_REACHED", "input/userId")]
        [error] = payload["errors"]
        assert error["__typename"] == "RateLimitedError"
        assert error["retryAt"].startswith("2027-01-15T")
    production.clock.now = begun + 59 * MINUTE
    assert faults(await production.send(user)) != []
    production.clock.now = begun + 61 * MINUTE
    assert faults(await production.send(user)) == []


async def test_a_repeated_call_sends_one_mail(production: Production) -> None:
    user = await add_user(production)
    sent = [await production.send(user, idempotencyKey="k") for _ in range(2)]
    assert sent[0] == sent[1]
    found = await production.ask("{ deliveries { totalCount } }")
    assert found["deliveries"]["totalCount"] == 1


async def test_followers_see_the_mail_go(production: Production) -> None:
    """With neither integration nor incident; replayed from the log."""
    start = await production.services.feed.cursor(production.project_id)
    sent = await production.send(await add_user(production))
    text = """
      subscription($after: String) { deliveryEvents(after: $after) { delivery {
        id kind status attemptCount integration { id } incident { id } } attempt {
        number } } }"""
    results: Any = await SCHEMA.subscribe(text, {"after": start}, production.context())
    async with aclosing(results), asyncio.timeout(20):
        first = await anext(results)
    assert first.errors is None
    assert first.data["deliveryEvents"] == {
        "delivery": {
            "id": sent["delivery"]["id"],
            "kind": "VERIFICATION",
            "status": "PENDING",
            "attemptCount": 0,
            "integration": None,
            "incident": None,
        },
        "attempt": None,
    }


async def test_what_was_sent_is_not_redelivered(production: Production) -> None:
    sent = await production.send(await add_user(production))
    given = {"deliveryId": sent["delivery"]["id"]}
    refused = [("UNPROCESSABLE_ENTITY", "input/deliveryId")]
    assert faults(await production.mutate("redeliver", given)) == refused


async def test_without_a_mail_server_nothing_is_promised(
    production: Production, client: Client
) -> None:
    """In production it is refused; in development any code does, and that is said."""
    user = await add_user(client)
    bare = Production(
        replace(production.services, providers=frozenset()), client.project_id
    )
    refused = [("CHANNEL_NOT_CONFIGURED", "input/userId")]
    assert faults(await bare.send(user)) == refused
    payload = await client.mutate("sendEmailVerification", {"userId": user}, SEND)
    assert payload["delivery"] is None
    unsent, any_code = [it["message"] for it in payload["warnings"]]
    assert "TOCSIN_SMTP_URL" in unsent
    assert "any code" in any_code
    given = {"userId": user, "code": "whatever"}
    payload = await client.mutate("verifyEmail", given, VERIFY)
    assert payload["user"]["emailVerifiedAt"] is not None
    assert "not checked" in payload["warnings"][0]["message"]
