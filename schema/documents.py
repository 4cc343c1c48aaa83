"""Documents: parsed, bounded and validated once, then kept while they are used.

Only valid ones are kept, so that wrong documents push out no good ones.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
)

from schema.errors import ApiError, ErrorCode
from schema.limits import (
    DOCUMENT_MOST,
    TOKENS_MOST,
    Fragments,
    fragments_of,
    limit_error,
    operations_of,
    refuse_shape,
)
from schema.literals import LiteralsRule
from schema.masking import ERRORS_MOST, RequestError, invalid, request_error

KEPT_MOST: Final = 512 * 1024
"""Characters of all documents that are kept; their trees take about a hundredfold."""

_RULES: Final = tuple(
    LiteralsRule if rule is ValuesOfCorrectTypeRule else rule
    for rule in specified_rules
)
_TOO_DEEP: Final = ApiError(
    ErrorCode.LIMIT_EXCEEDED, "The document is nested too deeply to be read."
)
_EXPECTED: Final = re.compile(r"Expected [^,]{1,40}(?=, found)")


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document. `prices` keeps those that no variable changes, by name."""

    text: str
    node: DocumentNode
    operations: tuple[OperationDefinitionNode, ...]
    fragments: Fragments
    prices: dict[str, int] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation with this name, or the only one where None is given.

        Raises RequestError.
        """
        if name is None and len(self.operations) > 1:
            raise _refused("The document has several operations: name one.")
        for node in self.operations:
            if name is None or (node.name and node.name.value == name):
                return node
        raise _refused("The document has no such operation.")


class Documents:
    """The documents of a schema that were used lately."""

    def __init__(self, schema: GraphQLSchema, kept_most: int = KEPT_MOST) -> None:
        """Start with none; keep at most so many characters."""
        self._schema = schema
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._size = 0
        self._kept_most = kept_most

    def get(self, text: str) -> Document:
        """Return a document, ready to run. Raises RequestError."""
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            return document
        document = prepare(self._schema, text)
        self._keep(document)
        return document

    def _keep(self, document: Document) -> None:
        self._kept[document.text] = document
        self._size += len(document.text)
        while self._size > self._kept_most:
            text, _ = self._kept.popitem(last=False)
            self._size -= len(text)

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)


def prepare(schema: GraphQLSchema, text: str) -> Document:
    """Parse, bound and validate a document. Raises RequestError."""
    node = _parsed(text)
    try:
        refuse_shape(node)
    except ApiError as error:
        raise request_error(error) from None
    # The last error says that there are more.
    errors = validate(
        schema, node, _RULES, max_errors=ERRORS_MOST - 1, hide_suggestions=True
    )
    if errors:
        raise invalid(errors)
    return Document(text, node, tuple(operations_of(node)), fragments_of(node))


def _parsed(text: str) -> DocumentNode:
    if len(text) > DOCUMENT_MOST:
        raise request_error(limit_error("characters", DOCUMENT_MOST))
    try:
        return parse(text, max_lexical_tokens=TOKENS_MOST, max_comments=TOKENS_MOST)
    except GraphQLSyntaxError as error:
        if error.description.startswith("Document contains more than"):
            raise request_error(limit_error("tokens", TOKENS_MOST)) from None
        if error.description.startswith("Document is nested"):
            raise request_error(_TOO_DEEP) from None
        raise _syntax_error(error) from None
    except GraphQLError:  # the same, found elsewhere in the parser
        raise request_error(_TOO_DEEP) from None


def _syntax_error(error: GraphQLSyntaxError) -> RequestError:
    """Keep what was expected; what was found may be a secret."""
    expected = _EXPECTED.search(error.description)
    message = f"Syntax error. {expected.group()}." if expected else "Syntax error."
    return request_error(ApiError(ErrorCode.GRAPHQL_PARSE_FAILED, message), error)


def _refused(message: str) -> RequestError:
    return request_error(ApiError(ErrorCode.GRAPHQL_VALIDATION_FAILED, message))
