"""Puts the nouns together: the schema, and its text in `schema.graphql`."""

from pathlib import Path
from typing import Final

import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    Undefined,
)
from strawberry.schema.config import StrawberryConfig

from schema.attachments import AttachmentMutations
from schema.deliveries import DeliveryMutations, DeliveryQueries
from schema.delivery_events import DeliverySubscriptions
from schema.delivery_operations import DeliveryOperationMutations
from schema.errors import (
    ConflictError,
    InputError,
    RateLimitedError,
    VerificationCodeError,
)
from schema.execution import Schema
from schema.host_keys import HostKeyMutations
from schema.incident_mutations import IncidentMutations
from schema.incidents import IncidentQueries
from schema.integration_metadata import IntegrationTypeQueries
from schema.integration_mutations import IntegrationMutations
from schema.integration_test import IntegrationTestMutations
from schema.integrations import INTEGRATION_TYPES, IntegrationQueries
from schema.network_monitor_mutations import NetworkMonitorMutations
from schema.network_monitors import NetworkMonitorQueries
from schema.node import NodeQueries
from schema.notification_rule_mutations import NotificationRuleMutations
from schema.notification_rules import NotificationRuleQueries
from schema.scopes import declared
from schema.server_mutations import ServerMutations
from schema.servers import ServerQueries
from schema.team_mutations import TeamMutations
from schema.teams import TeamQueries
from schema.times import SCALARS
from schema.user_mutations import UserMutations
from schema.users import UserQueries
from schema.verification_mutations import VerificationMutations
from schema.viewer import ViewerQueries

SDL: Final = Path(__file__).with_name("schema.graphql")
"""The text of the schema, committed so that a change of it is seen in review."""


USER_ERRORS: Final = (
    InputError,
    ConflictError,
    VerificationCodeError,
    RateLimitedError,
)


@strawberry.type
class Query(
    ViewerQueries,
    NodeQueries,
    ServerQueries,
    NetworkMonitorQueries,
    IntegrationQueries,
    IntegrationTypeQueries,
    IncidentQueries,
    DeliveryQueries,
    UserQueries,
    TeamQueries,
    NotificationRuleQueries,
):
    """All root queries."""


@strawberry.type
class Mutation(
    ServerMutations,
    NetworkMonitorMutations,
    IntegrationMutations,
    IntegrationTestMutations,
    HostKeyMutations,
    AttachmentMutations,
    IncidentMutations,
    DeliveryMutations,
    DeliveryOperationMutations,
    UserMutations,
    VerificationMutations,
    TeamMutations,
    NotificationRuleMutations,
):
    """All mutations."""


@strawberry.type
class Subscription(DeliverySubscriptions):
    """All subscriptions."""


def make_schema(
    query: type = Query,
    mutation: type = Mutation,
    subscription: type = Subscription,
) -> Schema:
    """Return the schema; UndeclaredScopeError if a root field declares no scope."""
    declared(query, mutation, subscription)
    made = Schema(
        query=query,
        mutation=mutation,
        subscription=subscription,
        types=[*USER_ERRORS, *INTEGRATION_TYPES.values()],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )
    _forget_null_defaults(made)
    return made


def _forget_null_defaults(schema: Schema) -> None:
    """Say `first: Int` and not `first: Int = null`: where null is the default, the
    default is Python's, and what is absent stays absent.
    """
    for made in schema._schema.type_map.values():  # noqa: SLF001 - no public way
        if isinstance(made, GraphQLObjectType | GraphQLInterfaceType):
            values = [a for f in made.fields.values() for a in f.args.values()]
        elif isinstance(made, GraphQLInputObjectType):
            values = list(made.fields.values())
        else:
            continue
        for value in values:
            if value.default_value is None:
                value.default_value = Undefined


SCHEMA: Final = make_schema()


def print_schema() -> str:
    """Return the text of the schema, the same on every run."""
    return SCHEMA.as_str() + "\n"
