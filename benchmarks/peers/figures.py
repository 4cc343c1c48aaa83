"""Figures of the rounds of a run, and their ratios."""

import statistics
from collections import defaultdict


class Skipped(Exception):  # noqa: N818 - it is no error that a peer is not here
    """A peer is missing; says how to install it."""


class Figures:
    """Keeps what each round measured, in order."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._found: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, name: str, value: float) -> None:
        """Keep what a round measured."""
        self._found[name].append(value)

    def ratio(self, name: str, ours: str, theirs: str) -> None:
        """Print both, and the ratio of each round: median, least and most."""
        for side in (ours, theirs):
            print(f"  {side:<52} {_spread(self._found[side], 1)}", flush=True)
        pairs = zip(self._found[ours], self._found[theirs], strict=True)
        print(f"{name + ' ÷':<54} {_spread([a / b for a, b in pairs], 2)}", flush=True)


def _spread(values: list[float], digits: int) -> str:
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({least:,.{digits}f}-{most:,.{digits}f})"
