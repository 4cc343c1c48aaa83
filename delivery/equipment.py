"""Integrations as they are right before a try: settings, secrets decrypted, obstacles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import orjson
import structlog

from delivery.id_lists import within
from delivery.jobs import Equipment
from delivery.verification_equipment import equip as equip_verifications
from domain.channels import Channel
from domain.deliveries import CancelReason
from domain.ids import Id, encode
from domain.redact import Scrubber, masked_url
from domain.settings import ChannelSettings, Mark, settings_of
from domain.settings_storage import join
from models.crypto import CannotOpenError, KeyRing, UnknownKeyError
from models.secret_storage import open_all
from models.store import Row, Store

_log = structlog.get_logger(__name__)

REMEMBERED: Final = 2_000
"""Integrations whose settings are kept in memory, with their secrets."""

_READ: Final = """
SELECT id, project_id, type, name, term, active, verified, deleted_at, settings,
 secrets
FROM integration WHERE id """


class Equipper:
    """Reads integrations, and remembers what stored settings stand for: decrypting and
    checking them costs more than a small message. What was stored anew is read anew.
    """

    def __init__(self, channels: Mapping[str, Channel], keys: KeyRing) -> None:
        """Begin with nothing remembered."""
        self._channels = channels
        self._keys = keys
        self._known: dict[tuple[Any, ...], Equipment] = {}

    async def equip(
        self, store: Store, integrations: Sequence[Id]
    ) -> dict[Id, Equipment]:
        """Return what is to be known of these integrations now."""
        condition, listed = within(store.dialect, integrations)
        rows = await store.fetch(_READ + condition, *listed)
        return {row["id"]: self._equipment(row) for row in rows}

    async def equip_outside(
        self, store: Store, deliveries: Sequence[Id]
    ) -> dict[Id, Equipment]:
        """Return what is to be known of messages outside incidents, by their ids."""
        return await equip_verifications(store, self._channels, self._keys, deliveries)

    def _equipment(self, row: Row) -> Equipment:
        stored = tuple(row)
        known = self._known.pop(stored, None)
        if known is None:
            known = _read(row, self._channels, self._keys)
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
        self._known[stored] = known  # the last used stand last
        return known


def _read(row: Row, channels: Mapping[str, Channel], keys: KeyRing) -> Equipment:
    named = {"type": row["type"], "name": row["name"], "term": row["term"]}
    channel = channels.get(row["type"])
    if obstacle := _obstacle(row, channel):
        return Equipment(**named, channel=channel, obstacle=obstacle)
    assert channel is not None  # noqa: S101 - or there is an obstacle
    try:
        secrets = open_all(
            keys, row["project_id"], row["id"], orjson.loads(row["secrets"])
        )
        settings = join(channel.settings, orjson.loads(row["settings"]), secrets)
    except (UnknownKeyError, CannotOpenError, ValueError, TypeError, KeyError) as error:
        integration = encode("Integration", row["id"])
        _log.warning("settings_unusable", integration=integration, exc_info=True)
        return Equipment(**named, channel=channel, fault=_fault(error))
    scrubber = Scrubber([*secrets.values(), *_in_addresses(settings)])
    return Equipment(
        **named,
        channel=channel,
        settings=settings,
        scrubber=scrubber,
        stored=row["settings"],
    )


def _obstacle(row: Row, channel: Channel | None) -> CancelReason | None:
    if row["deleted_at"] is not None:
        return CancelReason.INTEGRATION_DELETED
    if not row["active"]:
        return CancelReason.INTEGRATION_DISABLED
    if not row["verified"]:
        return CancelReason.INTEGRATION_UNVERIFIED
    return None if channel else CancelReason.NOT_APPLICABLE


def _fault(error: Exception) -> str:
    if isinstance(error, UnknownKeyError | CannotOpenError):
        return f"The secrets of the integration cannot be read. {error}"
    return "The settings are no longer valid: set them again."


def _in_addresses(settings: ChannelSettings) -> Iterator[str]:
    """Yield what may be a credential in addresses that are stored plain."""
    for row in settings_of(type(settings)):
        value: Any = getattr(settings, row.name)
        if Mark.URL in row.marks and isinstance(value, str):
            yield from credentials(value)


def credentials(url: str) -> Iterator[str]:
    """Yield the parts of an address that are masked when it is shown, and the whole."""
    try:
        parts = urlsplit(url)
        shown = urlsplit(masked_url(url))
    except ValueError:
        return
    found = [parts.password, *(value for _, value in parse_qsl(parts.query))]
    segments = zip(parts.path.split("/"), shown.path.split("/"), strict=False)
    found += [segment for segment, masked in segments if segment != masked]
    if any(found):
        yield url
        yield from filter(None, found)
