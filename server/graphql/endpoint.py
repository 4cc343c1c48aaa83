"""What both transports of `/graphql` need: documents, who asks, a fresh context."""

from collections.abc import Callable
from dataclasses import dataclass, field

from graphql import OperationDefinitionNode

from schema.context import Principal
from schema.documents import Document
from schema.runner import Runner
from server.auth import Authenticator
from server.graphql.origins import Origins
from server.graphql.request import GraphQLRequest
from server.graphql.watch import Watch

MakeContext = Callable[[Principal | None, str | None], object]
"""Makes the context of one operation: who asks, and after which event it resumes."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may run."""

    document: Document
    operation: OperationDefinitionNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The API at one address. With `open_to_all` who has no credential may run
    operations too: root fields refuse them, introspection does not.
    """

    runner: Runner
    authenticator: Authenticator
    context: MakeContext
    origins: Origins
    open_to_all: bool = False
    watch: Watch = field(default_factory=Watch)

    async def principal(self, credential: str | None) -> Principal | None:
        """Return who asks; raise ApiError (UNAUTHORIZED)."""
        if credential is None and self.open_to_all:
            return None
        return await self.authenticator.principal(credential)

    def prepare(self, request: GraphQLRequest) -> Prepared:
        """Return the operation of a request. Raises RequestError."""
        document = self.runner.documents.get(request.query)
        return Prepared(document, document.operation(request.operation_name))
