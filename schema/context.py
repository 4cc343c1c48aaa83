"""What a resolver may reach: the services, who asks, and this operation's loaders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import strawberry

from delivery.feed import Feed
from delivery.guard import Guard
from delivery.spans import SILENT, Spans
from domain.channels import Channel, Provider
from domain.clock import Clock
from domain.ids import ZERO, Id, encode
from domain.scopes import Scope
from models.crypto import KeyRing
from models.store import Store
from schema.loaders import Loaders


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What one process has for all its operations. `channels` are by type name,
    `providers` what the operator has set up for them; `public_url` is where people
    reach this server, if that is known.
    """

    store: Store
    feed: Feed
    channels: Mapping[str, Channel]
    keys: KeyRing
    guard: Guard
    clock: Clock
    spans: Spans = SILENT
    providers: frozenset[Provider] = frozenset()
    public_url: str | None = None
    development: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: a token of a project, with all the scopes that it holds.

    `scopes` is closed (ADMIN comes with WRITE and READ); `expires_at` is in ms.
    """

    project_id: Id
    token_id: Id
    user_id: Id | None
    scopes: frozenset[Scope]
    expires_at: int | None

    @property
    def actor(self) -> str:
        """The text that incident events keep: the user, or else the token."""
        if self.user_id is not None:
            return encode("User", self.user_id)
        return encode("ApiToken", self.token_id)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The context of one operation; `principal` is None where nobody signed in.

    `resume_after` is the cursor with which a transport comes back by itself; it wins
    over that of the document, which is older.
    """

    services: Services
    principal: Principal | None
    loaders: Loaders
    resume_after: str | None = None

    @classmethod
    def fresh(
        cls,
        services: Services,
        principal: Principal | None,
        resume_after: str | None = None,
    ) -> Self:
        """Return the context for one operation, with loaders of its own."""
        project_id = principal.project_id if principal else ZERO
        return cls(
            services, principal, Loaders(services.store, project_id), resume_after
        )

    @property
    def project_id(self) -> Id:
        """The project that the operation sees; ZERO owns nothing."""
        return self.loaders.project_id

    @property
    def actor(self) -> str | None:
        """The text by which incident events name who acts."""
        return self.principal.actor if self.principal else None


Info = strawberry.Info[RequestContext, None]
