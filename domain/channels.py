"""The declaration of an outbound channel. See design, section 2, "A channel".

Everything that other rooms need to know of a channel is a field of `Channel`; the
GraphQL types, metadata, docs page and conformance tests derive from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any

from domain.deliveries import Outcome
from domain.incidents import EventKind, Snapshot
from domain.settings import ChannelSettings
from domain.steps import ReadyStep, Reply, Skip, Step
from domain.timing import SLOTS


@unique
class Plan(StrEnum):
    """What a project pays for."""

    FREE = "FREE"
    PAID = "PAID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that rendering may know. `settings` hides its secrets (`SecretStr`);
    `far_end` is what earlier deliveries of this incident to this integration got.
    """

    snapshot: Snapshot
    settings: Any
    far_end: Mapping[str, Any] = field(default_factory=dict)


Render = Callable[[Context], tuple[Step, ...] | Skip]
Finish = Callable[[Any, Any, str, int], ReadyStep]
"""(what is ready, settings with secrets, message id, now in ms) to what is to be sent:
where a try must be signed or stamped."""
Classify = Callable[[Any, Reply, int], Outcome]
"""(step, reply, now in ms) to the verdict."""


@unique
class Provider(StrEnum):
    """What a channel may need that only the operator can set up."""

    SMTP = "SMTP"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLimits:
    """How long a channel tries: attempts and age in ms, counted from the event."""

    attempts: int
    max_age: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """An outbound channel.

    `key` is the camel-case name of its member in the settings inputs; `title`
    prefixes its GraphQL types. `name` gives an integration its default name.
    `targets` are the URLs that its settings make us dial, for warnings at creation.
    `wants` are the events that it is told of. Abilities are the optional fields.
    `provider` is what the operator has to have set up before it can be used. `mailbox`
    is the e-mail address that settings name: where that is a user's, nothing is sent
    until the user has verified it. `cool_down` makes its commands run at most once: each
    run is marked before it begins, and an integration has one in so many ms.
    """

    key: str
    title: str
    label: str
    description: str
    docs_url: str
    settings: type[ChannelSettings]
    example: Mapping[str, Any]
    name: Callable[[Any], str]
    render: Render
    retry: RetryLimits
    wants: frozenset[EventKind]
    finish: Finish | None = None
    classify: Classify | None = None
    targets: Callable[[Any], tuple[str, ...]] = lambda _settings: ()
    slots: int = SLOTS
    repeatable: bool = True
    skip_stale: bool = False
    updates_in_place: bool = False
    resolves: bool = True
    creatable: bool = True
    plan: Plan = Plan.FREE
    provider: Provider | None = None
    mailbox: Callable[[Any], str] | None = None
    cool_down: int | None = None

    @property
    def type_name(self) -> str:
        """The value of the GraphQL enum `IntegrationType`: the key in upper snake."""
        return "".join(f"_{c}" if c.isupper() else c for c in self.key).upper()
