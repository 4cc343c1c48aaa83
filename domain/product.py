"""What this program calls itself."""

from importlib.metadata import version
from typing import Final

VERSION: Final = version("tocsin")

USER_AGENT: Final = f"Tocsin/{VERSION}"
"""Sent with every request of ours, so that a far end can tell who calls."""
