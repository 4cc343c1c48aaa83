"""What the demo shows: servers, integrations, and what may happen to them."""

from typing import Final

SERVERS: Final = (
    ("web-1", "web-1.shop.example"),
    ("web-2", "web-2.shop.example"),
    ("checkout", "checkout.shop.example"),
    ("search", "search.shop.example"),
    ("db-primary", "db-1.internal.example"),
    ("db-replica", "db-2.internal.example"),
    ("mail-relay", "relay.internal.example"),
    ("backup-nas", "nas.internal.example"),
)
"""Name and host."""

INTEGRATIONS: Final = (
    ("Operations dashboard", "steady"),
    ("On-call relay", "brisk"),
    ("Data warehouse", "slow"),
    ("Old ticket system", "flaky"),
    ("Partner status page", "limited"),
    ("Forgotten test hook", "broken"),
)
"""Name, and how its far end behaves: a path of the built-in sink."""

INCIDENTS: Final = (
    ("timeout", "Request timeout after 30 seconds", "HIGH"),
    ("http_5xx", "502 Bad Gateway for 3 checks in a row", "CRITICAL"),
    ("tls_expiry", "The certificate expires in 6 days", "LOW"),
    ("disk_full", "/var is 94 % full and grows by 1 GB an hour", "MEDIUM"),
    ("replication_lag", "The replica is 180 seconds behind", "HIGH"),
    ("cpu", "Load has been above 12 for 10 minutes", "MEDIUM"),
    ("ping", "No answer to 5 pings", "CRITICAL"),
    ("queue", "14,000 mails wait in the queue", "LOW"),
)
"""Type, message and severity."""
