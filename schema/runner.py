"""Runs operations of valid documents on graphql-core, without Strawberry's shell.

Wrong values are told by `schema.coercion`, errors pass `schema.masking`.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Self, TypeGuard, cast

from graphql import (
    ExecutionResult,
    Executor,
    GraphQLSchema,
    OperationDefinitionNode,
    create_source_event_stream,
    map_source_to_response_event,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.coercion import variable_problems
from schema.documents import Document, Documents
from schema.errors import ApiError
from schema.masking import (
    RequestError,
    masked,
    masked_exception,
    request_error,
    wrong_values,
)
from schema.price import Prices, refuse_price

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What one event of a subscription, or an operation, came to.

    `cursor` resumes right after it, where the events of the subscription have one.
    """

    result: ExecutionResult
    cursor: str | None = None


class Runner:
    """Runs operations of one schema, and keeps its documents."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Start without documents."""
        self.schema = schema
        self.documents = Documents(schema)

    async def run(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Variables,
        context: object,
    ) -> ExecutionResult:
        """Run a query or mutation. Raises RequestError if it cannot begin."""
        executor = self._executor(document, operation, variables, context)
        result = executor.execute_operation()
        result = await result if isawaitable(result) else result
        return _shown(cast("ExecutionResult", result))

    async def follow(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Variables,
        context: object,
    ) -> AsyncGenerator[Told, None]:
        """Run a subscription. Raises RequestError if it cannot begin, or breaks."""
        executor = self._executor(document, operation, variables, context)
        try:
            source = Remembering(await _source(executor))
            events = map_source_to_response_event(executor, source)
            async with aclosing(events):
                async for result in events:
                    yield Told(_shown(result), source.cursor)
        except Exception as error:  # noqa: BLE001 - resolvers raise whatever they like
            raise masked_exception(error) from None

    def _executor(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Variables,
        context: object,
    ) -> Executor[Any]:
        self._refuse_price(document, operation, variables)
        executor = StrawberryGraphQLCoreExecutionContext.build(
            self.schema,
            document.node,
            context_value=context,
            raw_variable_values=dict(variables),
            operation_name=operation.name.value if operation.name else None,
            is_awaitable=_is_awaitable,
            hide_suggestions=True,
        )
        if isinstance(executor, list):
            problems = variable_problems(self.schema, operation, variables)
            raise request_error(wrong_values(problems))
        return executor

    def _refuse_price(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Variables,
    ) -> None:
        name = operation.name.value if operation.name else ""
        price = document.prices.get(name)
        if price is None:
            prices = Prices(self.schema, document.fragments, variables)
            price = prices.of(operation)
            if not prices.varies:
                document.prices[name] = price
        try:
            refuse_price(price)
        except ApiError as error:
            raise request_error(error) from None


class Remembering:
    """A source of events that knows the cursor of the last; they are told one by one."""

    def __init__(self, source: AsyncIterable[Any]) -> None:
        """Take the source."""
        self._source = aiter(source)
        self.cursor: str | None = None

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> object:
        """Return the next event."""
        event = await anext(self._source)
        self.cursor = getattr(event, "cursor", None)
        return event

    async def aclose(self) -> None:
        """End the source."""
        if end := getattr(self._source, "aclose", None):
            await end()


async def _source(executor: Executor[Any]) -> AsyncIterable[Any]:
    source = create_source_event_stream(executor)
    source = await source if isawaitable(source) else source
    if isinstance(source, ExecutionResult):
        raise RequestError(masked(source.errors or ()))
    return source


def _is_awaitable(value: object) -> TypeGuard[Awaitable[Any]]:
    return optimized_is_awaitable(value)


def _shown(result: ExecutionResult) -> ExecutionResult:
    if result.errors:
        result.errors = masked(result.errors)
    return result
