"""Requests that were made to break the server, and what they must not do to others."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.databases import copy_sqlite
from tests.transport import Api, running

DEEP = "{" + "a{" * 3000 + "b" + "}" * 3000 + "}"
DEEP_VALUE = "{a(b:" + "[" * 900 + "]" * 900 + ")}"


@pytest.fixture
async def api(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Api]:
    """Give a server on SQLite; nothing here is about the database."""
    copy_sqlite(migrated_sqlite, tmp_path / "tocsin.db")
    async with running(f"sqlite://{tmp_path / 'tocsin.db'}") as made:
        yield made


async def test_a_body_that_cannot_be_unpacked_closes_only_its_own_connection(
    api: Api,
) -> None:
    """The rest of such a body is no request; the client is told that the line ends."""
    headers = {**api.bearer, "Content-Type": "application/json"}
    good = {"query": "{ __typename }"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        broken = {"Content-Encoding": "gzip"}
        url = f"{api.url}/graphql"
        answer = await client.post(url, content=b"no gzip", headers=broken)
        assert answer.status_code == 400
        assert answer.headers["Connection"] == "close"
        assert (await client.post(url, json=good)).status_code == 200


@pytest.mark.parametrize("document", [DEEP, DEEP_VALUE])
async def test_what_is_nested_too_deeply_is_told_so(api: Api, document: str) -> None:
    """Not "Syntax error": there is none to be found."""
    answer = await api.post({"query": document})
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "nested" in error["message"]
