"""Enums of the domain that several nouns show.

Registered before any type names them: a type that names an unregistered enum gets
one of its own, and the schema then has two.
"""

import strawberry

from domain.channels import Plan
from domain.incidents import EventKind

__all__ = ["EventKind", "Plan"]

strawberry.enum(Plan, description="What a project pays for.")
strawberry.enum(
    EventKind,
    name="IncidentEventKind",
    description="What can happen to an incident.",
)
