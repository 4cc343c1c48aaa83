"""What may be logged of an exception: classes and places, never its message.

Messages of libraries repeat values, and values may be secret.
"""

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FRAMES: Final = 12
"""Places that are kept, the innermost."""

_ROOT: Final = Path(__file__).parent.parent


def summary(error: BaseException) -> dict[str, object]:
    """Return the class with those that led to it, where it passed (innermost last),
    and for errors of the operating system their standard text.
    """
    told: dict[str, object] = {
        "exception": " < ".join(map(_class_of, _chain(error))),
        "frames": _frames(error),
    }
    if isinstance(error, OSError) and error.strerror:
        told["reason"] = error.strerror
    return told


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _class_of(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _frames(error: BaseException) -> list[str]:
    passed = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in passed]


def _short(filename: str) -> str:
    path = Path(filename)
    if path.is_relative_to(_ROOT) and "site-packages" not in path.parts:
        return str(path.relative_to(_ROOT))
    return "/".join(path.parts[-2:])
