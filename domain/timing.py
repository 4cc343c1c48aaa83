"""Starting values of the engine, each named once. Milliseconds unless said.

Source: design, section 3, "Starting values".
"""

from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

LEASE: Final = 10 * SECOND
LEASE_RENEWAL: Final = 3 * SECOND
TOTAL_DEADLINE: Final = 15 * SECOND
BACKOFF_FIRST: Final = 5 * SECOND
BACKOFF_MOST: Final = HOUR
RETRY_AFTER_LEAST: Final = SECOND
RETRY_AFTER_MOST: Final = HOUR
WEBHOOK_MAX_AGE: Final = DAY
IDEMPOTENCY_KEPT: Final = DAY
GRACEFUL_STOP: Final = 8 * SECOND
GONE_SPAN: Final = 10 * MINUTE
GONE_IN_A_ROW: Final = 3
"""Other signs of GONE than a 410 must come this often in a row over GONE_SPAN."""

SLOTS: Final = 8
"""Deliveries of one lane in flight at once."""

BODY_KEPT: Final = 64 * 1024
"""Bytes of an answer that are read at the most."""

EXCERPT_KEPT: Final = 2 * 1024
"""Bytes of an answer that are stored at the most."""
