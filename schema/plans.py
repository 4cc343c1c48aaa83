"""Plans as the API shows them; two nouns have one."""

import strawberry

from domain.channels import Plan

__all__ = ["Plan"]

strawberry.enum(Plan, description="What a project pays for.")
