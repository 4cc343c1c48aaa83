"""Sending a test through a running server: over its API, as any client does."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from domain.product import USER_AGENT

TRY: Final = """
mutation ($input: TestIntegrationInput!) { testIntegration(input: $input) {
  delivery { id } errors { message } } }"""

LOOK: Final = """
query ($id: ID!) { delivery(id: $id) { id status cancelReason error nextAttemptAt
  integration { name } attempts { number outcome statusCode durationMs error } } }"""

LOOK_EVERY_S: Final = 0.2
ANSWER_WITHIN_S: Final = 15.0
ENDED: Final = frozenset({"DELIVERED", "FAILED", "CANCELLED"})


class TrialError(Exception):
    """The server could not be asked, or refused; the message is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is tried, and through which server; it is waited for so many seconds."""

    url: str
    token: str
    integration: str
    wait_s: float
    ca_file: str | None = None


async def carry_out(wish: Wish) -> dict[str, Any]:
    """Have a test sent and return the delivery once something has become of it: it
    ended, or its first try failed. Raise TrialError.
    """
    headers = {"Authorization": f"Bearer {wish.token}", "User-Agent": USER_AGENT}
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        asked = {"input": {"integrationId": wish.integration}}
        payload = (await _ask(session, wish, TRY, asked))["testIntegration"]
        if payload["errors"]:
            raise TrialError(" ".join(it["message"] for it in payload["errors"]))
        return await _outcome(session, wish, payload["delivery"]["id"])


async def _outcome(
    session: aiohttp.ClientSession, wish: Wish, delivery: str
) -> dict[str, Any]:
    until = asyncio.get_running_loop().time() + wish.wait_s
    while True:
        found: dict[str, Any] | None
        found = (await _ask(session, wish, LOOK, {"id": delivery}))["delivery"]
        if found is None:
            raise TrialError("The delivery is no longer there.")
        tried = found["status"] == "RETRYING" and found["attempts"]
        if found["status"] in ENDED or tried:
            return found
        if asyncio.get_running_loop().time() > until:
            return found
        await asyncio.sleep(LOOK_EVERY_S)


async def _ask(
    session: aiohttp.ClientSession, wish: Wish, query: str, given: dict[str, Any]
) -> dict[str, Any]:
    body, trust = {"query": query, "variables": given}, _trust(wish.ca_file)
    status = 0
    try:
        async with session.post(wish.url, json=body, ssl=trust) as answer:
            status = answer.status
            told = await answer.json(content_type=None)
            data, errors = told.get("data"), told.get("errors")
    except (TimeoutError, aiohttp.ClientError) as fault:
        said = f"({type(fault).__name__})"
        text = f"No answer from {wish.url} {said}. Does `tocsin serve` run there?"
        raise TrialError(text) from None
    except (ValueError, AttributeError):
        text = f"What answers at {wish.url} is not Tocsin (status {status})."
        raise TrialError(text) from None
    if errors or not isinstance(data, dict):
        raise TrialError(" ".join(it["message"] for it in errors or ()) or "No data.")
    return data


def _trust(ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    return context
