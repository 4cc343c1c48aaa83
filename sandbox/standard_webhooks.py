"""Signatures of webhooks, judged by code of the sandbox's own.

Source: Standard Webhooks 1.0.0. Nothing here comes from the channel that signs.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

PREFIX: Final = "whsec_"
TOLERANCE: Final = 300
"""Seconds that a request may be old, or ahead of our clock."""


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the entry `v1,…` that a request must carry. `secret`: `whsec_…`."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()


def fault(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: float
) -> str | None:
    """Say what is wrong with a request's headers, None if nothing is.

    `now`: seconds since the epoch. Without secrets, signatures are not looked at.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not message_id or "." in message_id:
        return "webhook-id is missing or has a full stop"
    if not (timestamp.isascii() and timestamp.isdigit()):
        return "webhook-timestamp is not whole seconds"
    if abs(now - int(timestamp)) > TOLERANCE:
        return "webhook-timestamp is too old or ahead"
    given = headers.get("webhook-signature", "").split(" ")
    wanted = [signature(it, message_id, timestamp, body) for it in secrets]
    if secrets and not _any_equal(given, wanted):
        return "no webhook-signature fits"
    return None


def _any_equal(given: Sequence[str], wanted: Sequence[str]) -> bool:
    pairs = [(one.encode(), other.encode()) for one in given for other in wanted]
    return any([hmac.compare_digest(one, other) for one, other in pairs])  # noqa: C419
