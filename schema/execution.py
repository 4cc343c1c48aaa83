"""Our Strawberry schema: Strawberry makes the types, `schema.runner` runs them."""

from collections.abc import Iterable
from contextlib import aclosing
from typing import Any, Final

import strawberry
from graphql import GraphQLError, GraphQLInputObjectType, OperationType
from strawberry.schema.schema import SubscriptionResult
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType as AllowedType

from schema.errors import ApiError, ErrorCode
from schema.masking import RequestError, masked, request_error
from schema.runner import Runner, Variables

_NOT_ONE_ANSWER: Final = ApiError(
    ErrorCode.GRAPHQL_VALIDATION_FAILED, "A subscription has more than one answer."
)


class Schema(strawberry.Schema):
    """A schema whose documents are bounded and kept, and whose errors are masked."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Strawberry's options
        """Build the schema, with `@oneOf` faults that are told with all others."""
        super().__init__(**options)
        self.runner = Runner(self._schema)
        for of in self._schema.type_map.values():
            if isinstance(of, GraphQLInputObjectType) and _is_one_of(of):
                of.is_one_of = True
                # Strawberry's own raises, and so hides all other faults.
                of.out_type = _as_it_is  # type: ignore[method-assign]

    async def execute(  # noqa: PLR0917
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: object = None,
        root_value: object = None,  # noqa: ARG002 - Strawberry's signature
        operation_name: str | None = None,
        allowed_operation_types: Iterable[AllowedType] | None = None,  # noqa: ARG002
        operation_extensions: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> ExecutionResult:
        """Run a query or mutation; what keeps it from beginning is in the result."""
        try:
            document = self.runner.documents.get(query or "")
            operation = document.operation(operation_name)
            if operation.operation is OperationType.SUBSCRIPTION:
                return _only(request_error(_NOT_ONE_ANSWER))
            result = await self.runner.run(
                document, operation, variable_values or {}, context_value
            )
            return ExecutionResult(result.data, result.errors)
        except RequestError as error:
            return _only(error)

    async def subscribe(  # noqa: PLR0917
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: object = None,
        root_value: object = None,  # noqa: ARG002 - Strawberry's signature
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> SubscriptionResult:
        """Follow a subscription; what ends it is the last result."""
        return self._follow(
            query or "", variable_values or {}, context_value, operation_name
        )

    async def _follow(
        self, query: str, variables: Variables, context: object, name: str | None
    ) -> SubscriptionResult:
        try:
            document = self.runner.documents.get(query)
            operation = document.operation(name)
            results = self.runner.follow(document, operation, variables, context)
            async with aclosing(results):
                async for told in results:
                    yield ExecutionResult(told.result.data, told.result.errors)
        except RequestError as error:
            yield _only(error)

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,  # noqa: ARG002
    ) -> None:
        """Log errors of Strawberry's own ways to execute; it would log messages."""
        masked(errors)


def _only(error: RequestError) -> PreExecutionError:
    return PreExecutionError(data=None, errors=error.errors)


def _is_one_of(of: GraphQLInputObjectType) -> bool:
    definition = of.extensions.get("strawberry-definition")
    return bool(definition and definition.is_one_of)


def _as_it_is(value: dict[str, Any]) -> dict[str, Any]:
    return value
