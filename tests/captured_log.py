"""All that the program logs while a test runs, as production writes it."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from server.logs import configure

_OF_THE_TEST: Final = ("httpx", "httpcore")
"""Loggers of the client that the test itself uses."""


@contextmanager
def captured() -> Iterator[io.StringIO]:
    """Give the stream that the log is written to."""
    stream = io.StringIO()
    configure(development=False, level="DEBUG", stream=stream)
    for name in _OF_THE_TEST:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    yield stream
    logging.basicConfig(force=True)
