"""What a store has done since it was opened, to be read at any time."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """Only ever grows; changed on the event loop alone.

    Of turns, `turns` were committed and `refused` met a database that was full, busy
    or away; those that their own work undid are neither. `commits` are what the
    database was asked to make durable: many turns share one on SQLite. `waited` is how
    many seconds turns have spent, together, before they could begin.
    """

    turns: int = 0
    refused: int = 0
    commits: int = 0
    waited: float = 0.0
