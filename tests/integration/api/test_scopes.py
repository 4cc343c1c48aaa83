"""Who may call what: every root field of the schema, against every scope."""

from typing import Any

import pytest
import strawberry
from graphql import GraphQLNonNull, get_named_type, is_leaf_type

from domain.scopes import Scope, closure
from schema.build import SCHEMA, Mutation, Query, Subscription, make_schema
from schema.context import Info, RequestContext
from schema.scopes import UndeclaredScopeError, declared, query
from tests.schema_client import Client

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
EXPECTED = {
    "Query.viewer": Scope.READ,
    "Query.node": Scope.READ,
    "Query.nodes": Scope.READ,
    "Query.server": Scope.READ,
    "Query.servers": Scope.READ,
    "Query.network_monitor": Scope.READ,
    "Query.network_monitors": Scope.READ,
    "Query.integration": Scope.READ,
    "Query.integrations": Scope.READ,
    "Query.integration_types": Scope.READ,
    "Query.incident": Scope.READ,
    "Query.incidents": Scope.READ,
    "Query.delivery": Scope.READ,
    "Query.deliveries": Scope.READ,
    "Query.user": Scope.READ,
    "Query.users": Scope.READ,
    "Query.team": Scope.READ,
    "Query.teams": Scope.READ,
    "Query.notification_rule": Scope.READ,
    "Mutation.create_server": Scope.WRITE,
    "Mutation.update_server": Scope.WRITE,
    "Mutation.delete_server": Scope.WRITE,
    "Mutation.create_network_monitor": Scope.WRITE,
    "Mutation.update_network_monitor": Scope.WRITE,
    "Mutation.delete_network_monitor": Scope.WRITE,
    "Mutation.create_integration": Scope.WRITE,
    "Mutation.update_integration": Scope.WRITE,
    "Mutation.delete_integration": Scope.WRITE,
    "Mutation.test_integration": Scope.WRITE,
    "Mutation.confirm_host_key": Scope.WRITE,
    "Mutation.attach_integration_to_server": Scope.WRITE,
    "Mutation.detach_integration_from_server": Scope.WRITE,
    "Mutation.attach_integration_to_network_monitor": Scope.WRITE,
    "Mutation.detach_integration_from_network_monitor": Scope.WRITE,
    "Mutation.report_incident": Scope.INGEST,
    "Mutation.acknowledge_incident": Scope.WRITE,
    "Mutation.resolve_incident": Scope.WRITE,
    "Mutation.redeliver": Scope.WRITE,
    "Mutation.redeliver_many": Scope.WRITE,
    "Mutation.cancel_delivery": Scope.WRITE,
    "Mutation.cancel_deliveries": Scope.WRITE,
    "Mutation.create_user": Scope.WRITE,
    "Mutation.update_user": Scope.WRITE,
    "Mutation.delete_user": Scope.WRITE,
    "Mutation.send_email_verification": Scope.WRITE,
    "Mutation.verify_email": Scope.WRITE,
    "Mutation.create_team": Scope.WRITE,
    "Mutation.update_team": Scope.WRITE,
    "Mutation.delete_team": Scope.WRITE,
    "Mutation.add_user_to_team": Scope.WRITE,
    "Mutation.remove_user_from_team": Scope.WRITE,
    "Mutation.create_notification_rule": Scope.WRITE,
    "Mutation.update_notification_rule": Scope.WRITE,
    "Mutation.delete_notification_rule": Scope.WRITE,
    "Subscription.delivery_events": Scope.READ,
}


def test_every_root_field_declares_its_scope() -> None:
    assert declared(Query, Mutation, Subscription) == EXPECTED


def test_a_root_field_that_declares_none_is_refused() -> None:
    @strawberry.type
    class Open(Query):
        @strawberry.field
        def secrets(self) -> str:
            return "all of them"

    with pytest.raises(UndeclaredScopeError, match=r"Open\.secrets"):
        make_schema(query=Open)


def test_a_new_root_field_is_taken_with_its_scope() -> None:
    @strawberry.type
    class More(Query):
        @query(Scope.ADMIN, "Everything.")
        def everything(self, info: Info) -> str:
            return "all of it"

    make_schema(query=More)
    assert declared(More)["More.everything"] is Scope.ADMIN


def _call(name: str) -> tuple[str, str]:
    """Return the kind and the text of an operation that calls a root field with
    variables, without which it would not be valid.
    """
    type_name, _, python_name = name.partition(".")
    head, *tail = python_name.split("_")
    field_name = head + "".join(part.capitalize() for part in tail)
    field = CORE.type_map[type_name].fields[field_name]  # type: ignore[attr-defined]
    needed = {n: a.type for n, a in field.args.items() if _required(a.type)}
    names = ", ".join(f"${n}: {t}" for n, t in needed.items())
    given = ", ".join(f"{n}: ${n}" for n in needed)
    leaf = is_leaf_type(get_named_type(field.type))
    text = f"{type_name.lower()} {f'({names})' if names else ''} {{ {field_name}"
    text += f"{f'({given})' if given else ''} {'' if leaf else '{ __typename }'} }}"
    return type_name, text


def _required(type_: object) -> bool:
    return isinstance(type_, GraphQLNonNull)


ID = "srv_00000000000000000000000000"
GIVEN: dict[str, dict[str, Any]] = {
    "create_server": {"name": "", "host": ""},
    "create_network_monitor": {"name": "", "host": ""},
    "create_integration": {"settings": {"webhook": {"webhookUrl": "x"}}},
    "attach_integration_to_server": {"serverId": ID, "integrationId": ID},
    "detach_integration_from_server": {"serverId": ID, "integrationId": ID},
    "attach_integration_to_network_monitor": {
        "networkMonitorId": ID,
        "integrationId": ID,
    },
    "detach_integration_from_network_monitor": {
        "networkMonitorId": ID,
        "integrationId": ID,
    },
    "report_incident": {"serverId": ID, "incidentType": "", "message": ""},
    "acknowledge_incident": {},
    "resolve_incident": {},
    "redeliver": {"deliveryId": ID},
    "confirm_host_key": {"integrationId": ID, "fingerprint": ""},
    "redeliver_many": {"filter": {}},
    "cancel_delivery": {"deliveryId": ID},
    "cancel_deliveries": {"filter": {}},
    "test_integration": {"integrationId": ID},
    "update_integration": {"integrationId": ID},
    "delete_integration": {"integrationId": ID},
    "update_server": {"serverId": ID},
    "delete_server": {"serverId": ID},
    "update_network_monitor": {"networkMonitorId": ID},
    "delete_network_monitor": {"networkMonitorId": ID},
    "create_user": {"name": "", "email": ""},
    "update_user": {"userId": ID},
    "delete_user": {"userId": ID},
    "send_email_verification": {"userId": ID},
    "verify_email": {"userId": ID, "code": ""},
    "create_team": {"name": ""},
    "update_team": {"teamId": ID, "name": ""},
    "delete_team": {"teamId": ID},
    "add_user_to_team": {"teamId": ID, "userId": ID},
    "remove_user_from_team": {"teamId": ID, "userId": ID},
    "create_notification_rule": {
        "userId": ID,
        "integrationId": ID,
        "urgency": "HIGH",
    },
    "update_notification_rule": {"notificationRuleId": ID},
    "delete_notification_rule": {"notificationRuleId": ID},
}


def _variables(name: str) -> dict[str, Any]:
    field = name.partition(".")[2]
    if name.startswith("Mutation."):
        return {"input": GIVEN[field]}
    return {"ids": [ID]} if field == "nodes" else {"id": ID} if _takes_id(name) else {}


def _takes_id(name: str) -> bool:
    return name.partition(".")[2] in {
        *("node", "server", "network_monitor", "integration", "incident", "delivery"),
        *("user", "team", "notification_rule"),
    }


async def _codes(name: str, context: RequestContext) -> list[str]:
    kind, text = _call(name)
    variables = _variables(name)
    if kind == "Subscription":
        results = await SCHEMA.subscribe(text, variables, context)
        first = await anext(aiter(results))
        errors = first.errors
    else:
        errors = (await SCHEMA.execute(text, variables, context)).errors
    return [(error.extensions or {})["code"] for error in errors or ()]


async def test_the_scope_decides(client: Client) -> None:
    """One call of each root field with a token of each scope."""
    for name, needed in EXPECTED.items():
        for scope in Scope:
            allowed = needed in closure([scope])
            if allowed and name.startswith("Subscription"):
                continue  # it would wait for an event
            codes = await _codes(name, client.with_scopes(scope).context())
            assert codes == ([] if allowed else ["FORBIDDEN"]), (name, scope)


async def test_without_a_token_nothing_is_answered(client: Client) -> None:
    for name in EXPECTED:
        context = RequestContext.fresh(client.services, None)
        assert await _codes(name, context) == ["UNAUTHORIZED"], name


async def test_a_refusal_names_the_scope(client: Client) -> None:
    answer = await client.with_scopes(Scope.INGEST).ask("{ viewer { scopes } }")
    assert answer.errors[0].extensions == {"code": "FORBIDDEN", "scope": "READ"}
