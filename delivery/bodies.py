"""Stored bodies: the steps of a delivery as JSON, references in the place of settings;
and how a stored step becomes the request of a try.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from domain.settings import ChannelSettings
from domain.settings_storage import MissingSettingError, resolve
from domain.steps import HttpRequest, ReadyRequest, Ref, Step, Template


def dump(steps: Iterable[Step]) -> str:
    """Return the text to store; equal steps give equal texts."""
    return orjson.dumps({"steps": [_plain(step) for step in steps]}).decode()


def load(text: str) -> tuple[Step, ...]:
    """Return the steps that a stored text stands for."""
    return tuple(_step(plain) for plain in orjson.loads(text)["steps"])


def ready(step: Step, settings: ChannelSettings) -> ReadyRequest:
    """Return the request with every reference resolved from the settings as they are.

    A header whose setting was removed since is left out. Raise MissingSettingError
    where anything else is missing.
    """
    return ReadyRequest(
        method=step.method,
        url=_text(step.url, settings),
        headers=tuple(_headers(step, settings)),
        body=_text(step.body, settings).encode(),
    )


def _headers(step: Step, settings: ChannelSettings) -> Iterable[tuple[str, str]]:
    for name, template in step.headers:
        try:
            yield name, _text(template, settings)
        except MissingSettingError:
            continue


def _text(template: Template, settings: ChannelSettings) -> str:
    return "".join(
        [it if isinstance(it, str) else resolve(settings, it.path) for it in template]
    )


def _plain(step: Step) -> dict[str, Any]:
    return {
        "kind": "http",
        "method": step.method,
        "url": _parts(step.url),
        "headers": [[name, _parts(template)] for name, template in step.headers],
        "body": _parts(step.body),
    }


def _parts(template: Template) -> list[str | dict[str, str]]:
    return [it if isinstance(it, str) else {"ref": it.path} for it in template]


def _step(plain: dict[str, Any]) -> Step:
    headers = ((name, _template(parts)) for name, parts in plain["headers"])
    return HttpRequest(
        method=plain["method"],
        url=_template(plain["url"]),
        headers=tuple(headers),
        body=_template(plain["body"]),
    )


def _template(parts: Sequence[str | dict[str, str]]) -> Template:
    return tuple(it if isinstance(it, str) else Ref(it["ref"]) for it in parts)
