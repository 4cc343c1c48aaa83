"""Stored bodies: the steps of a delivery as JSON, references in the place of settings;
and how a stored step becomes the request of a try.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from domain.settings import ChannelSettings
from domain.settings_storage import MissingSettingError, resolve
from domain.steps import (
    HttpRequest,
    Mail,
    ReadyCommand,
    ReadyMail,
    ReadyRequest,
    ReadyStep,
    Ref,
    SshCommand,
    Step,
    Template,
)

_OF_MAIL: Final = ("to", "subject", "text", "html")
"""The parts of a mail that are templates."""

_OF_COMMAND: Final = ("host", "port", "user")
"""Those of a command; all else of it is stored as it is."""

_AS_IT_IS: Final = ("command", "with_password", "once", "disconnects")


def dump(steps: Iterable[Step]) -> str:
    """Return the text to store; equal steps give equal texts."""
    return orjson.dumps({"steps": [_plain(step) for step in steps]}).decode()


def load(text: str) -> tuple[Step, ...]:
    """Return the steps that a stored text stands for."""
    return tuple(_step(plain) for plain in orjson.loads(text)["steps"])


def ready(step: Step, settings: ChannelSettings) -> ReadyStep:
    """Return the step with every reference resolved from the settings as they are.

    A header whose setting was removed since is left out. Raise MissingSettingError
    where anything else is missing.
    """
    match step:
        case HttpRequest():
            return ReadyRequest(
                method=step.method,
                url=_text(step.url, settings),
                headers=tuple(_headers(step, settings)),
                body=_text(step.body, settings).encode(),
            )
        case Mail():
            return ReadyMail(
                to=_text(step.to, settings),
                subject=_text(step.subject, settings),
                text=_text(step.text, settings),
                html=_text(step.html, settings),
                answers=step.answers,
            )
        case SshCommand():
            return ReadyCommand(
                host=_text(step.host, settings),
                port=int(_text(step.port, settings)),
                user=_text(step.user, settings),
                command=step.command,
                with_password=step.with_password,
                once=step.once,
            )


def _headers(step: HttpRequest, settings: ChannelSettings) -> Iterable[tuple[str, str]]:
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
    match step:
        case HttpRequest():
            headers = [[name, _parts(template)] for name, template in step.headers]
            return {
                "kind": "http",
                "method": step.method,
                "url": _parts(step.url),
                "headers": headers,
                "body": _parts(step.body),
            }
        case Mail():
            return {
                "kind": "mail",
                **{name: _parts(getattr(step, name)) for name in _OF_MAIL},
                "answers": step.answers,
            }
        case SshCommand():
            return {
                "kind": "ssh",
                **{name: _parts(getattr(step, name)) for name in _OF_COMMAND},
                **{name: getattr(step, name) for name in _AS_IT_IS},
            }


def _parts(template: Template) -> list[str | dict[str, str]]:
    return [it if isinstance(it, str) else {"ref": it.path} for it in template]


def _step(plain: dict[str, Any]) -> Step:
    if plain["kind"] == "mail":
        parts = {name: _template(plain[name]) for name in _OF_MAIL}
        return Mail(**parts, answers=plain["answers"])
    if plain["kind"] == "ssh":
        given: dict[str, Any] = {name: plain[name] for name in _AS_IT_IS}
        given |= {name: _template(plain[name]) for name in _OF_COMMAND}
        return SshCommand(**given)
    headers = ((name, _template(parts)) for name, parts in plain["headers"])
    return HttpRequest(
        method=plain["method"],
        url=_template(plain["url"]),
        headers=tuple(headers),
        body=_template(plain["body"]),
    )


def _template(parts: Sequence[str | dict[str, str]]) -> Template:
    return tuple(it if isinstance(it, str) else Ref(it["ref"]) for it in parts)
