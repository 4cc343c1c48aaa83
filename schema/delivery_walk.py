"""Does something to all deliveries that a filter lets through, however many: part by
part, each a short turn of its own, with a count of what came of it.

With an idempotency key the place is kept in the same commits: a call that was cut off
is carried on, not begun anew, by the next one with its key.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from delivery.many_redeliveries import AT_A_TIME, Part, Seen, SkipReason
from domain.ids import Id
from models.store import Tx
from schema.context import Info
from schema.delivery_rows import delivery_listing
from schema.idempotency import Call, call_of, further
from schema.listing import Listing, Where, read_page
from schema.pagination import Cut, Mark

Foresee = Callable[[list[Seen]], Awaitable[Part]]
"""What would become of deliveries."""

Do = Callable[[Tx, list[Seen], int], Awaitable[Part]]
"""(transaction, deliveries, now in ms): does it, and tells what became of them."""


@dataclass(slots=True)
class Progress:
    """How far a walk has come. It goes over what was there when it began."""

    began: int
    place: Mark | None = None
    done: int = 0
    skipped: Counter[SkipReason] = field(default_factory=Counter)
    over: bool = False

    @property
    def matched(self) -> int:
        """How many deliveries the filter has let through."""
        return self.done + self.skipped.total()

    def after(self, part: Part, place: Mark | None, *, over: bool) -> "Progress":
        """Return how far it is after one more part."""
        return replace(
            self,
            place=place or self.place,
            done=self.done + part.done,
            skipped=self.skipped + part.skipped,
            over=over,
        )

    def dump(self) -> dict[str, Any]:
        """Return it as JSON."""
        place = self.place and [self.place.key, self.place.id.hex()]
        skipped = {reason.value: count for reason, count in self.skipped.items()}
        return {
            "began": self.began,
            "place": place,
            "done": self.done,
            "skipped": skipped,
            "over": self.over,
        }

    @classmethod
    def load(cls, kept: dict[str, Any]) -> Self:
        """Read what was dumped."""
        skipped = {SkipReason(it): count for it, count in kept["skipped"].items()}
        place = kept["place"]
        return cls(
            began=kept["began"],
            place=place and Mark(place[0], Id(bytes.fromhex(place[1]))),
            done=kept["done"],
            skipped=Counter(skipped),
            over=kept["over"],
        )


FIRST: Final = Cut(count=AT_A_TIME, backward=False, after=None, before=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What is done to which deliveries: to the oldest first, or to the newest."""

    info: Info
    where: Where
    do: Do
    newest_first: bool = False

    async def look(self, foresee: Foresee) -> Progress:
        """Count what the walk would do."""
        progress = Progress(self.info.context.services.clock())
        while not progress.over:
            seen, place, more = await self._part(progress)
            progress = progress.after(await foresee(seen), place, over=not more)
        return progress

    async def go(self, given: object) -> Progress:
        """Walk all the way, in as many turns as it takes; `given` is the mutation's
        input. Raise RefusedError where its key was used for another.
        """
        context, name = self.info.context, self.info.field_name
        call = call_of(context.project_id, name, given)
        began = Progress(context.services.clock())
        progress = await self._turn(call, began, None) if call else began
        while not progress.over:
            progress = await self._turn(call, progress, await self._part(progress))
        context.loaders.clear()
        return progress

    async def _part(self, progress: Progress) -> tuple[list[Seen], Mark | None, bool]:
        loaders = self.info.context.loaders
        loaders.clear()
        cut = replace(FIRST, after=progress.place)
        listing = self._listing(progress.began)
        page = await read_page(loaders, listing, loaders.project_id, cut)
        seen = [(it.key, it.status, it.attempt_count) for it in page.nodes]
        return seen, page.marks[-1] if page.marks else None, page.more

    def _listing(self, began: int) -> Listing:
        where = Where(*self.where.conditions)
        where.values, where.splits = list(self.where.values), list(self.where.splits)
        where.by_filter = self.where.by_filter
        where.add("created_at <= {}", began)
        return delivery_listing("project_id", where, descending=self.newest_first)

    async def _turn(
        self,
        call: Call | None,
        progress: Progress,
        part: tuple[list[Seen], Mark | None, bool] | None,
    ) -> Progress:
        services = self.info.context.services
        now = services.clock()

        async def step(tx: Tx, before: Progress) -> Progress:
            if part is None or before != progress:  # another with this key was faster
                return before
            seen, place, more = part
            made = await self.do(tx, seen, now) if seen else Part()
            return before.after(made, place, over=not more)

        async def turn(tx: Tx) -> Progress:
            if call is None:
                return await step(tx, progress)

            async def kept_step(kept: Any) -> Any:  # noqa: ANN401 - JSON
                before = progress if kept is None else Progress.load(kept)
                return (await step(tx, before)).dump()

            return Progress.load(await further(tx, services.keys, call, now, kept_step))

        with services.spans.turn(self.info.field_name):
            return await services.store.turn(turn)
