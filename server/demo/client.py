"""The demo's client: it uses the API as anybody would, over HTTP."""

from collections.abc import Mapping
from typing import Any, Self

import aiohttp


class CallFailedError(Exception):
    """The API refused a call, or could not carry it out."""


class Client:
    """Calls the API with a token."""

    def __init__(self, url: str, token: str) -> None:
        """Take the address of the API."""
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def __aenter__(self) -> Self:
        """Open the session."""
        self._session = aiohttp.ClientSession(headers=self._headers, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session."""
        await self._session.close()

    async def call(self, document: str, **variables: object) -> Mapping[str, Any]:
        """Run a document with one root field, and return what that returned.

        Raises CallFailedError, also for errors in a payload.
        """
        body = {"query": document, "variables": variables}
        try:
            async with self._session.post(self._url, json=body) as answer:
                result = await answer.json(content_type=None)
        except (aiohttp.ClientError, ValueError) as error:
            raise CallFailedError(type(error).__name__) from None
        if result.get("errors"):
            raise CallFailedError(result["errors"][0]["message"])
        (payload,) = result["data"].values()
        if payload and payload.get("errors"):
            raise CallFailedError(payload["errors"][0]["message"])
        found: Mapping[str, Any] = payload
        return found
