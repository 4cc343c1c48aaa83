"""An honest receiver of webhooks: it refuses what a careful customer's would refuse.

In a test: `async with WebhookSink(secrets=[…]) as sink: … sink.url("/hook")`.
By hand: `python -m sandbox.webhook_sink --port 9000 --secret whsec_…`.
"""

import argparse
import asyncio
import hashlib
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self

from aiohttp import web

from sandbox.ledger import Ledger, Seen
from sandbox.script import Act, Reset, Respond, play
from sandbox.standard_webhooks import fault

KEYS: Final[dict[str, tuple[type, ...]]] = {
    "resource_name": (str,),
    "resource_url": (str,),
    "resource_type": (str,),
    "incident_type": (str,),
    "incident_status": (str,),
    "incident_duration": (int, type(None)),
    "incident_message": (str,),
}
"""The body, all of it. Source: the API that this webhook comes from."""

STATUSES: Final = ("ongoing", "resolved")

Refusal = tuple[int, str]


class WebhookSink:
    """A server on loopback. `ledger` has all that it saw, `script` says what to do."""

    def __init__(
        self,
        *,
        secrets: Sequence[str] = (),
        ledger: Ledger | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Verify signatures if there are secrets (any one may fit)."""
        self.ledger: Final = ledger or Ledger()
        self._secrets = secrets
        self._clock = clock
        self._scripts: defaultdict[str, deque[Act]] = defaultdict(deque)
        self._always: dict[str, Act] = {}
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on a port of loopback; 0 picks a free one."""
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(
            application, handler_cancellation=True, access_log=None, shutdown_timeout=0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close all connections."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        """Start on a free port."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def url(self, path: str = "/hook") -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def script(self, path: str, *acts: Act, always: Act | None = None) -> None:
        """Say what to do with the next requests for a path, then `always`.

        What is told applies to good requests only; a bad one is refused at any time.
        """
        self._scripts[path].extend(acts)
        if always is not None:
            self._always[path] = always

    async def _take(self, request: web.Request) -> web.StreamResponse:
        """Judge, write down, then answer or play."""
        waiting = self._scripts[request.path]
        if waiting and waiting[0] == Reset(body_read=False):
            await self._write_down(request, b"", None)
            return await play(waiting.popleft(), request)
        body = await request.read()
        refusal = self._judge(request, body)
        await self._write_down(request, body, refusal and refusal[1])
        if refusal is not None:
            return web.Response(status=refusal[0], text=refusal[1])
        act = waiting.popleft() if waiting else self._always.get(request.path)
        return await play(act or Respond(status=204), request)

    def _judge(self, request: web.Request, body: bytes) -> Refusal | None:
        if request.method != "POST":
            return 405, f"method {request.method}"
        if request.content_type != "application/json":
            return 415, f"content type {request.content_type}"
        if problem := fault(request.headers, body, self._secrets, self._clock()):
            return 401, problem
        if problem := _wrong_body(body):
            return 422, problem
        digest = hashlib.sha256(body).hexdigest()
        if self.ledger.is_reused(request.headers["webhook-id"], digest):
            return 409, "webhook-id came before with another body"
        return None

    async def _write_down(
        self, request: web.Request, body: bytes, refused: str | None
    ) -> None:
        await self.ledger.add(
            Seen(
                at=int(self._clock() * 1000),
                method=request.method,
                path=request.path,
                message_id=request.headers.get("webhook-id"),
                timestamp=request.headers.get("webhook-timestamp"),
                body_sha256=hashlib.sha256(body).hexdigest(),
                refused=refused,
            )
        )


def _wrong_body(body: bytes) -> str | None:
    """Say what is wrong with a body, None if nothing is."""
    try:
        fields = json.loads(body)
    except ValueError:
        return "the body is not JSON"
    if not isinstance(fields, dict) or fields.keys() != KEYS.keys():
        return "the body has not exactly the seven keys"
    wrong = [key for key, kinds in KEYS.items() if type(fields[key]) not in kinds]
    if wrong:
        return f"wrong type: {', '.join(wrong)}"
    if fields["incident_status"] not in STATUSES:
        return "incident_status is neither ongoing nor resolved"
    return None


async def serve(port: int, secrets: Sequence[str], file: Path | None) -> None:
    """Run until interrupted, and say what arrives."""
    sink = WebhookSink(secrets=secrets, ledger=Ledger(file))
    await sink.start(port)
    shown = 0
    print(f"Listening on {sink.url('/')}", flush=True)  # noqa: T201
    while True:
        seen = await sink.ledger.until(lambda it: len(it) > shown, seconds=1e9)  # noqa: B023
        for it in seen[shown:]:
            print(f"{it.path} {it.message_id} {it.refused or 'ok'}", flush=True)  # noqa: T201
        shown = len(seen)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Receive webhooks and judge them.")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--secret", action="append", default=[], help="whsec_…")
    parser.add_argument("--ledger", type=Path, help="a file of JSON lines to append to")
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.secret, given.ledger))


if __name__ == "__main__":
    main()
