"""What messages outside incidents need right before they are sent: of each, the sealed
contents of its verification, if that is still open.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson
import structlog

from delivery.id_lists import within
from delivery.jobs import Equipment
from delivery.outside import outside
from delivery.verification_mail import Sealed
from domain.channels import Channel
from domain.deliveries import CancelReason
from domain.ids import Id, encode
from domain.redact import Scrubber
from models.crypto import CannotOpenError, KeyRing, UnknownKeyError, secret_binding
from models.store import Row, Store

_log = structlog.get_logger(__name__)

_READ: Final = """
SELECT id, project_id, delivery_id, channel, sealed, verified_at, withdrawn_at
FROM verification WHERE delivery_id """


def binding(project_id: Id, verification_id: Id) -> str:
    """Return the place of what a verification holds sealed."""
    return secret_binding(project_id, "verification", verification_id, "sealed")


async def equip(
    store: Store,
    channels: Mapping[str, Channel],
    keys: KeyRing,
    deliveries: Sequence[Id],
) -> dict[Id, Equipment]:
    """Return what is to be known of these deliveries, by their ids."""
    if not deliveries:
        return {}
    condition, listed = within(store.dialect, deliveries)
    rows = await store.fetch(_READ + condition, *listed)
    return {row["delivery_id"]: _equipment(row, channels, keys) for row in rows}


def _equipment(row: Row, channels: Mapping[str, Channel], keys: KeyRing) -> Equipment:
    declared = channels.get(row["channel"])
    channel = declared and outside(declared)
    sealed, name = row["sealed"], row["channel"]
    if sealed is None or channel is None:  # used, or another has taken its place
        reason = CancelReason.NOT_APPLICABLE
        return Equipment(type=name, name="", channel=channel, obstacle=reason)
    try:
        opened = keys.open(sealed, binding(row["project_id"], row["id"]))
        contents = Sealed.model_validate(orjson.loads(opened))
    except (UnknownKeyError, CannotOpenError, ValueError) as error:
        delivery = encode("Delivery", row["delivery_id"])
        _log.warning("verification_unreadable", delivery=delivery, exc_info=True)
        fault = f"What it says cannot be read. {error}"
        return Equipment(type=name, name="", channel=channel, fault=fault)
    return Equipment(
        type=name,
        name="",
        channel=channel,
        settings=contents,
        scrubber=Scrubber(_secrets(contents)),
    )


def _secrets(contents: Sealed) -> list[str]:
    link = contents.link.get_secret_value() if contents.link else ""
    return [contents.code.get_secret_value(), link, link.rpartition("/")[2]]
