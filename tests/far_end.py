"""The far ends of a world: what they answer is scripted, what they see is kept."""

import asyncio
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

from domain.ids import Id
from domain.steps import Answer, ReadyRequest, Reply
from tests.world import address

OK = Answer(status=200, body=b"fine")


@dataclass
class FarEnds:
    """Answers requests by their address: as scripted, else with OK.

    A far end that hangs answers when it is let go.
    """

    seen: list[tuple[str, str]] = field(default_factory=list)
    scripts: defaultdict[str, deque[Reply]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    always: dict[str, Reply] = field(default_factory=dict)
    in_flight: Counter[str] = field(default_factory=Counter)
    peak: Counter[str] = field(default_factory=Counter)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)

    def hang(self, integration: Id) -> asyncio.Event:
        """Let an integration's far end hang until the event is set."""
        return self.gates.setdefault(address(integration), asyncio.Event())

    def script(self, integration: Id, *replies: Reply) -> None:
        """Have these answers given, in order, before all others."""
        self.scripts[address(integration)].extend(replies)

    def bodies(self, integration: Id) -> list[str]:
        """Return what an integration's far end was sent."""
        return [body for url, body in self.seen if url == address(integration)]

    async def send(self, request: ReadyRequest) -> Reply:
        """Take a request and answer it."""
        url = request.url
        self.seen.append((url, request.body.decode()))
        self.in_flight[url] += 1
        self.peak[url] = max(self.peak[url], self.in_flight[url])
        try:
            await asyncio.sleep(0)
            if gate := self.gates.get(url):
                await gate.wait()
        finally:
            self.in_flight[url] -= 1
        if script := self.scripts[url]:
            return script.popleft()
        return self.always.get(url, OK)
