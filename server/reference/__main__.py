"""Writes the reference, or with `--check` says whether what is there is fresh."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from notifiers import CHANNELS
from schema.build import Mutation, Query, Subscription
from schema.scopes import declared
from server.reference import channels, errors, scopes

FOLDER: Final = Path(__file__).parent.parent.parent / "docs" / "reference"


def pages() -> Mapping[str, str]:
    """Return all pages by the names of their files."""
    return {
        "channels.md": channels.page(CHANNELS),
        "errors.md": errors.page(),
        "scopes.md": scopes.page(declared(Query, Mutation, Subscription)),
    }


def stale() -> list[str]:
    """Return the names of the pages that are missing or not as they would be made."""
    found = []
    for name, text in pages().items():
        path = FOLDER / name
        if not path.exists() or path.read_text("utf-8") != text:
            found.append(name)
    return found


def main() -> None:
    """Write, or check."""
    if "--check" not in sys.argv:
        FOLDER.mkdir(exist_ok=True)
        for name, text in pages().items():
            (FOLDER / name).write_text(text, "utf-8")
    elif names := stale():
        sys.exit(f"docs/reference is stale ({', '.join(names)}): run make reference")


if __name__ == "__main__":
    main()
