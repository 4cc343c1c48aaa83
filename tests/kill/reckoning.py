"""What a receiver's ledger and the database must say of each other, after any kills."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from domain.deliveries import DeliveryStatus, OutcomeKind
from domain.ids import Id
from models.store import Row, Store
from sandbox.ledger import Seen

Promises = Mapping[Id, Collection[str]]
"""Of which incident which events were answered for with OK."""

_DELIVERIES = """
SELECT id, incident_id, integration_id, number, kind, status, message_id
FROM delivery ORDER BY number"""

_ATTEMPTS = """
SELECT delivery_id, number, worker, started_at, ended_at, outcome
FROM attempt ORDER BY delivery_id, number"""

NEVER = 2**63

REPEATED_AFTER = {
    None,
    OutcomeKind.UNKNOWN,
    OutcomeKind.RETRY,
    OutcomeKind.RATE_LIMITED,
}
"""How a try ended that another may follow; None: it has not ended."""


@dataclass
class Figures:
    """The account. All that is listed is at fault; nothing may be."""

    accepted: int
    delivered: int = 0
    requests: int = 0
    duplicates: int = 0
    lost: list[str] = field(default_factory=list)
    unexplained: list[Seen] = field(default_factory=list)
    unrecorded: list[Seen] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, Sequence[object]]:
        """What is at fault, by the rule that is broken."""
        names = ("lost", "unexplained", "unrecorded", "disordered", "refused")
        return {name: found for name in names if (found := getattr(self, name))}


@dataclass
class Reckoning:
    """Everything that is compared: rows, and requests by their message id."""

    deliveries: Sequence[Row]
    tries: Mapping[Id, Sequence[Row]]
    seen: Mapping[str | None, Sequence[Seen]]

    @classmethod
    async def of(cls, store: Store, ledger: Sequence[Seen]) -> "Reckoning":
        """Read it all."""
        tries: defaultdict[Id, list[Row]] = defaultdict(list)
        for row in await store.fetch(_ATTEMPTS):
            tries[row["delivery_id"]].append(row)
        seen: defaultdict[str | None, list[Seen]] = defaultdict(list)
        for it in ledger:
            seen[it.message_id].append(it)
        return cls(await store.fetch(_DELIVERIES), tries, seen)

    def figures(self, promises: Promises, integrations: int) -> Figures:
        """Return the account. Each promised event is one for every integration."""
        promised = sum(len(kinds) for kinds in promises.values())
        figures = Figures(accepted=promised * integrations)
        figures.requests = sum(map(len, self.seen.values()))
        figures.duplicates = figures.requests - len(self.seen)
        figures.lost = self._lost(promises, integrations)
        figures.delivered = sum(map(self._arrived, self.deliveries))
        figures.disordered = self._disordered()
        by_message = {row["message_id"]: row["id"] for row in self.deliveries}
        for message, seen in self.seen.items():
            figures.refused += [it.refused for it in seen if it.refused]
            tries = (
                self.tries.get(by_message[message], ()) if message in by_message else ()
            )
            self._judge(tries, seen, figures)
        return figures

    def _arrived(self, row: Row) -> bool:
        """Tell whether both sides say that a delivery arrived."""
        seen = self.seen.get(row["message_id"], ())
        delivered = row["status"] == DeliveryStatus.DELIVERED
        return delivered and any(it.refused is None for it in seen)

    def _lost(self, promises: Promises, integrations: int) -> list[str]:
        """Name what was promised and did not arrive everywhere, and what is stored
        and did not arrive.
        """
        arrived: defaultdict[tuple[Id, str], set[Id]] = defaultdict(set)
        lost = []
        for row in self.deliveries:
            if self._arrived(row):
                event = (row["incident_id"], row["kind"])
                arrived[event].add(row["integration_id"])
            else:
                lost.append(f"delivery {row['id'].hex()} has status {row['status']}")
        return lost + [
            f"{kind} of {incident.hex()} arrived {count} times"
            for incident, kinds in promises.items()
            for kind in kinds
            if (count := len(arrived[incident, kind])) != integrations
        ]

    def _disordered(self) -> list[str]:
        """Name deliveries that came before their predecessor was through."""
        chains: defaultdict[tuple[Id, Id], list[Row]] = defaultdict(list)
        for row in self.deliveries:
            chains[row["incident_id"], row["integration_id"]].append(row)
        return [
            later["message_id"]
            for chain in chains.values()
            for earlier, later in pairwise(chain)
            if max(self._when(earlier), default=0)
            > min(self._when(later), default=NEVER)
        ]

    def _when(self, row: Row) -> list[int]:
        return [it.at for it in self.seen.get(row["message_id"], ())]

    def _judge(
        self, tries: Sequence[Row], seen: Sequence[Seen], figures: Figures
    ) -> None:
        """Judge the requests of one message: before the nth, n tries were on disk, and
        all but the last had ended in a way that calls for another.
        """
        for earlier, it in enumerate(seen):
            begun = [row for row in tries if row["started_at"] <= it.at]
            unsettled = [row for row in begun if row["outcome"] in REPEATED_AFTER]
            if len(begun) <= earlier:
                figures.unrecorded.append(it)
            if len(unsettled) < earlier:
                figures.unexplained.append(it)
