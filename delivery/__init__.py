"""The engine: routing, escalation, outbox, lanes, worker and guarded network access."""
