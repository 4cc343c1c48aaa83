"""A small schema for tests of limits, coercion and transport: secrets in inputs, a
`@oneOf`, connections, an interface, subscriptions, and resolvers that fail.
"""

import asyncio
from collections.abc import AsyncGenerator
from enum import Enum
from typing import Self

import strawberry

from domain.faults import StorageUnavailableError
from schema.errors import ApiError, ErrorCode
from schema.execution import Schema

CANARY = "c4n4ry-5ecret"
"""Tests plant it where values go, and look for it where none may be."""


@strawberry.enum
class Mood(Enum):
    GOOD = "GOOD"
    BAD = "BAD"


@strawberry.input
class Header:
    key: str
    value: str


@strawberry.input
class WebhookInput:
    url: str
    secret: str
    port: int = 80
    headers: list[Header] = strawberry.field(default_factory=list)


@strawberry.input
class PagerInput:
    token: str


@strawberry.input(one_of=True)
class ChannelInput:
    webhook: WebhookInput | None = strawberry.UNSET
    pager: PagerInput | None = strawberry.UNSET


@strawberry.input
class CreateInput:
    name: str
    channel: ChannelInput
    moods: list[Mood] = strawberry.field(default_factory=list)


@strawberry.type
class Created:
    name: str
    channel: str
    header_count: int = 0


@strawberry.type
class PageInfo:
    has_next_page: bool = False


@strawberry.interface
class Thing:
    id: strawberry.ID


@strawberry.type
class Apple(Thing):
    weight: int = 1

    @strawberry.field
    def things(self, first: int | None = None) -> "Things":
        return Things()

    @strawberry.field
    def same(self) -> Self:
        return self


@strawberry.type
class Pear(Thing):
    colour: str = "green"


@strawberry.type
class Things:
    page_info: PageInfo = strawberry.field(default_factory=PageInfo)
    nodes: list[Thing] = strawberry.field(default_factory=list)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "you", times: int = 1) -> str:
        return f"Hello {name}"

    @strawberry.field
    def mood(self, of: Mood) -> str:
        return of.value

    @strawberry.field
    def apple(self) -> Apple:
        return Apple(id=strawberry.ID("1"))

    @strawberry.field
    def things(self, first: int | None = None, last: int | None = None) -> Things:
        return Things(nodes=[Apple(id=strawberry.ID("1"))])

    @strawberry.field
    def fails(self) -> str | None:
        raise ValueError(CANARY)

    @strawberry.field
    def refuses(self) -> str:
        raise ApiError(ErrorCode.FORBIDDEN, "Not for you.", scope="ADMIN")

    @strawberry.field
    def nothing_there(self) -> str:
        raise StorageUnavailableError(CANARY)

    @strawberry.field
    async def slow(self, seconds: float = 30) -> str:
        await asyncio.sleep(seconds)
        return "at last"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def create(self, input: CreateInput) -> Created:  # noqa: A002
        channel = "webhook" if input.channel.webhook else "pager"
        webhook = input.channel.webhook or None
        count = len(webhook.headers) if webhook else 0
        return Created(name=input.name, channel=channel, header_count=count)


class Watch:
    """The context of all operations: what became of the subscriptions."""

    def __init__(self) -> None:
        self.open = 0
        self.sent = 0


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int = 3, fail_at: int = -1) -> AsyncGenerator[int, None]:
        for number in range(to):
            if number == fail_at:
                raise ValueError(CANARY)
            yield number

    @strawberry.subscription
    async def expired(self, before: bool = True) -> AsyncGenerator[int, None]:
        if before:
            raise ApiError(ErrorCode.CURSOR_EXPIRED, "Too old.", oldestCursor="c1")
        yield 0

    @strawberry.subscription
    async def forever(
        self, info: strawberry.Info[Watch, None]
    ) -> AsyncGenerator[int, None]:
        info.context.open += 1
        try:
            yield 0
            await asyncio.Event().wait()
        finally:
            info.context.open -= 1

    @strawberry.subscription
    async def flood(
        self, info: strawberry.Info[Watch, None], size: int = 10_000
    ) -> AsyncGenerator[str, None]:
        info.context.open += 1
        try:
            while True:
                info.context.sent += 1
                yield "x" * size
                await asyncio.sleep(0)
        finally:
            info.context.open -= 1


def make_schema() -> Schema:
    return Schema(
        query=Query, mutation=Mutation, subscription=Subscription, types=[Apple, Pear]
    )
