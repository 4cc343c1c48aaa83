"""One follower's way through the log: first from storage, then live."""

from collections import deque
from typing import Final, Self

from delivery.cursor import CursorExpiredError, CursorInvalidError, decode
from delivery.event_filter import EventFilter
from delivery.live import Live
from delivery.log import LoggedEvent
from delivery.log_reader import Bounds, LogReader
from delivery.tail import Tail
from domain.ids import Id

PAGE: Final = 500
"""Events read from the log at once."""


class Following:
    """The events of a project in order, each once: an asynchronous iterator.

    `open` (or the first step) raises CursorInvalidError or CursorExpiredError; later
    steps raise CursorExpiredError if what comes next was purged before it was taken.
    """

    def __init__(
        self,
        log: LogReader,
        tail: Tail,
        project_id: Id,
        after: str | None,
        wanted: EventFilter,
    ) -> None:
        """Nothing is read before `open`."""
        self._log = log
        self._tail = tail
        self._project_id = project_id
        self._after = after
        self._wanted = wanted
        self._page: deque[LoggedEvent] = deque()
        self._page_end = 0
        self._position = 0
        self._live = Live(wanted)
        self._opened = False

    async def open(self) -> Self:
        """Check the cursor. What is committed from now on will be seen."""
        if not self._opened and not self._live.closed:
            bounds = await self._log.bounds()
            self._position = self._start(bounds)
            self._opened = True
            self._attach(bounds.head)
        return self

    @property
    def cursor(self) -> str:
        """Resume here after all that was taken; moves on past what is not wanted."""
        self._move_on()
        return self._log.cursor(self._project_id, self._position)

    @property
    def held(self) -> int:
        """How many events wait in memory to be taken."""
        return len(self._page) + len(self._live.events)

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> LoggedEvent:
        """Return the next event, as soon as there is one."""
        await self.open()
        while not self._live.closed:
            if event := self._take():
                return event
            await self._look_further()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End it; a step that is waiting ends too."""
        self._tail.detach(self._project_id, self._live)

    def _start(self, bounds: Bounds) -> int:
        if self._after is None:
            return bounds.head
        cursor = decode(self._after)
        if cursor.project_id != self._project_id:
            raise CursorInvalidError
        # A position that was never given is one of the days before a restore.
        if cursor.epoch != self._log.epoch or cursor.position > bounds.head:
            raise self._expired(bounds)
        return self._still_kept(cursor.position, bounds)

    def _still_kept(self, position: int, bounds: Bounds) -> int:
        if position < bounds.purged:
            raise self._expired(bounds)
        return position

    def _expired(self, bounds: Bounds) -> CursorExpiredError:
        return CursorExpiredError(self._log.cursor(self._project_id, bounds.purged))

    def _attach(self, position: int) -> None:
        if not self._live.closed:
            self._tail.attach(self._project_id, self._live, position)

    def _up_to_date(self) -> bool:
        return not self._page and self._position >= self._live.start

    def _move_on(self) -> None:
        if self._up_to_date():
            self._position = max(self._position, self._live.seen)

    def _take(self) -> LoggedEvent | None:
        if self._page:
            event = self._page.popleft()
            self._position = event.position if self._page else self._page_end
            return event
        while self._up_to_date() and self._live.events:
            event = self._live.events.popleft()
            if event.position > self._position:
                self._position = event.position
                return event
        return None

    async def _look_further(self) -> None:
        if self._position < self._live.start:
            await self._read_page()
        elif self._live.lost:
            self._move_on()
            self._attach(self._position)
        else:
            await self._live.wait()

    async def _read_page(self) -> None:
        page = await self._log.page(
            self._project_id, self._position, self._wanted, PAGE
        )
        self._still_kept(self._position, page.bounds)
        self._page.extend(page.events)
        self._page_end = page.end
        if not page.events:
            self._position = page.end
