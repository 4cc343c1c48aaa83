"""Verification: that an address belongs to whom it should, and how that stands."""

from enum import StrEnum, unique

import strawberry

from schema.times import DateTime


@strawberry.enum(
    description="How the verification of an integration's address stands: what is "
    "UNVERIFIED is sent nothing."
)
@unique
class VerificationStatus(StrEnum):
    """Whether anything has to be verified, and has been."""

    NOT_REQUIRED = "NOT_REQUIRED"
    UNVERIFIED = "UNVERIFIED"
    VERIFIED = "VERIFIED"


@strawberry.type(description="Whether an integration's address has been verified.")
class Verification:
    """Made from an integration's flags."""

    status: VerificationStatus
    verified_at: DateTime | None


def verification(*, verified: bool, verified_at: int | None) -> Verification:
    """Return how the verification of an integration stands."""
    if not verified:
        return Verification(status=VerificationStatus.UNVERIFIED, verified_at=None)
    if verified_at is None:
        return Verification(status=VerificationStatus.NOT_REQUIRED, verified_at=None)
    at = DateTime(verified_at)
    return Verification(status=VerificationStatus.VERIFIED, verified_at=at)
