"""The command `tocsin send-test`, against a running server and what it dials."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import Result

from domain.ids import encode, new_id
from sandbox.script import Respond
from sandbox.webhook_sink import WebhookSink
from tests.command_line import run
from tests.in_process import Whole, whole_server

CREATE = """
mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) {
  integration { id } errors { message } } }"""


@pytest.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as made:
        yield made


@pytest.fixture
async def whole(database_url: str, tmp_path: Path) -> AsyncIterator[Whole]:
    async with whole_server(database_url, tmp_path) as made:
        yield made


async def integration(whole: Whole, sink: WebhookSink) -> str:
    given = {"settings": {"webhook": {"webhookUrl": sink.url("/hook")}}, "name": "ops"}
    made = await whole.ask(CREATE, input=given)
    identity: str = made["integration"]["id"]
    return identity


def said(result: Result) -> list[str]:
    """Return what the command printed, without what the server logged meanwhile."""
    begins = ("try ", "ops: ", "It is ", "Nothing ", "See ")
    return [it for it in result.stdout.splitlines() if it.startswith(begins)]


async def test_a_test_that_arrives_ends_well(
    whole: Whole, sink: WebhookSink, tmp_path: Path
) -> None:
    """The token is taken from the data directory where none is given."""
    (tmp_path / "first-token").write_text(whole.token + "\n")
    result = await run(
        *("send-test", "--integration", await integration(whole, sink)),
        *("--url", whole.url, "--data-dir", str(tmp_path)),
    )
    assert result.exit_code == 0, result.output
    first, second, third = said(result)
    assert first.startswith("try 1: SENT, status 2")
    assert second == "ops: DELIVERED"
    assert third.startswith("See delivery dlv_")
    [seen] = sink.ledger.entries
    assert seen.refused is None


async def test_a_test_that_fails_says_why(whole: Whole, sink: WebhookSink) -> None:
    sink.script("/hook", always=Respond(status=500))
    given = ["send-test", "--integration", await integration(whole, sink)]
    result = await run(*given, "--url", f"{whole.url}/graphql", "--token", whole.token)
    assert result.exit_code == 1
    first, *_, second, third, _ = said(result)  # it may be tried again very soon
    assert first.startswith("try 1: RETRY, status 500")
    assert second == "ops: RETRYING"
    assert third.startswith("It is tried again at 20")


async def test_what_cannot_be_asked_is_said_in_a_sentence(
    whole: Whole, sink: WebhookSink, tmp_path: Path
) -> None:
    unknown = encode("Integration", new_id())
    nobody = "http://127.0.0.1:9"
    token = ("--token", whole.token)
    for arguments, said in (
        (("--url", whole.url, *token), "There is no integration with this id."),
        (("--url", whole.url, "--token", "toc_no"), "The API token is malformed"),
        (("--url", nobody, *token), "Does `tocsin serve` run there?"),
        (("--url", sink.url("/x"), *token), "is not Tocsin (status 4"),
        (("--data-dir", str(tmp_path / "none")), "Give --token"),
    ):
        result = await run("send-test", "--integration", unknown, *arguments)
        assert result.exit_code in {1, 2}
        assert said in result.stderr
        assert whole.token not in result.output
        assert "Traceback" not in result.output
