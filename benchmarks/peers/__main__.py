"""Tocsin beside its peers. Peers that are missing are skipped; see the README."""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.peers import fan_out, sending, yoga
from benchmarks.peers.figures import Figures, Skipped
from benchmarks.peers.wire import pin

FOLDER = "scratch folder with `npm install graphql-yoga graphql`"
PYTHON = "Python of a scratch environment with `pip install apprise`"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--apprise", type=Path, metavar="PYTHON", help=PYTHON)
    parser.add_argument("--yoga", type=Path, metavar="FOLDER", help=FOLDER)
    parser.add_argument("--only", choices=("alertmanager", "apprise", "yoga"))
    given = parser.parse_args()
    pin(1)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_compare(given, Path(folder)))


async def _compare(given: argparse.Namespace, folder: Path) -> None:
    figures, rounds = Figures(), given.rounds
    parts: dict[str, Callable[[], Awaitable[None]]] = {
        "alertmanager": lambda: fan_out.compare(figures, folder, rounds),
        "apprise": lambda: sending.compare(figures, given.apprise, rounds),
        "yoga": lambda: yoga.compare(figures, given.yoga, folder / "yoga", rounds),
    }
    for name, part in parts.items():
        if given.only in (None, name):
            try:
                await part()
            except Skipped as why:
                print(f"skipped: {why}")


if __name__ == "__main__":
    main()
