"""Every root field says which scope it needs; one that says nothing is refused.

`query`, `mutation` and `subscription` make root fields. `Requires` may stand on a
field below the root too, where that is stricter. See design, section 5.
"""

import inspect
from collections.abc import Callable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from domain.scopes import Scope
from schema.context import Info, Principal, RequestContext
from schema.errors import ApiError, ErrorCode, Refusals, as_api_error

Decorator = Callable[[Callable[..., Any]], Any]


class UndeclaredScopeError(TypeError):
    """A root field does not say which scope it needs."""


class Requires(FieldExtension):
    """Lets a field be resolved only for tokens that hold the scope."""

    def __init__(self, scope: Scope) -> None:
        """Keep the scope."""
        self.scope = scope

    async def resolve_async(
        self,
        next_: Callable[..., Any],
        source: object,
        info: Info,
        **arguments: object,
    ) -> object:
        """Resolve the field if the token may."""
        check(info.context, self.scope)
        try:
            result = next_(source, info, **arguments)
            # Twice where a row's attribute is something to wait for.
            while inspect.isawaitable(result):
                result = await result
        except Exception as error:
            shown = as_api_error(error)
            if shown is None or shown is error:
                raise
            raise shown from error
        return result


def principal(context: RequestContext) -> Principal:
    """Return who asks; raise ApiError if nobody signed in."""
    if context.principal is None:
        raise ApiError(ErrorCode.UNAUTHORIZED, "A valid API token is needed.")
    return context.principal


def check(context: RequestContext, scope: Scope) -> None:
    """Raise ApiError if nobody signed in, or with a token that lacks the scope."""
    if scope not in principal(context).scopes:
        message = f"The token does not hold the scope {scope.value}."
        raise ApiError(ErrorCode.FORBIDDEN, message, scope=scope.value)


def query(scope: Scope, description: str, **options: object) -> Decorator:
    """Return the decorator of a root query's resolver."""
    return _root(scope, description, [], options)


def mutation(scope: Scope, description: str, **options: object) -> Decorator:
    """Return the decorator of a mutation's resolver; its refusals become errors of
    the payload, so it just raises RefusedError.
    """
    return _root(scope, description, [Refusals()], options)


def subscription(scope: Scope, description: str, **options: object) -> Decorator:
    """Return the decorator of a subscription's resolver."""
    return _root(scope, description, [], {"is_subscription": True, **options})


def field(
    description: str,
    scope: Scope | None = None,
    **options: Any,  # noqa: ANN401 - what strawberry.field takes
) -> Decorator:
    """Return the decorator of a resolver below the root; give a scope only where it
    is stricter than that of the root fields that lead here.
    """
    extensions: list[FieldExtension] = [] if scope is None else [Requires(scope)]
    made: Decorator = strawberry.field(
        description=description, extensions=extensions, **options
    )
    return made


def _root(
    scope: Scope,
    description: str,
    inner: list[FieldExtension],
    options: dict[str, Any],
) -> Decorator:
    text = f"{description} Needs the scope {scope.value}."
    # The last extension is the outermost: it is asked before all others.
    extensions = [*inner, Requires(scope)]
    made: Decorator = strawberry.field(
        description=text, extensions=extensions, **options
    )
    return made


def declared(*roots: type) -> dict[str, Scope]:
    """Return the scope of every field of the root types, by `Type.field`.

    Raises UndeclaredScopeError where one declares none.
    """
    scopes: dict[str, Scope] = {}
    for root in roots:
        definition = root.__strawberry_definition__  # type: ignore[attr-defined]
        for root_field in definition.fields:
            name = f"{definition.name}.{root_field.python_name}"
            found = [e.scope for e in root_field.extensions if isinstance(e, Requires)]
            if not found:
                raise UndeclaredScopeError(f"{name} declares no scope.")
            scopes[name] = found[0]
    return scopes
