"""The page about channels, from their declarations."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic.alias_generators import to_camel

from domain.channels import Channel
from domain.moments import duration
from domain.settings import Constraints, Kind, Mark, Setting, settings_of

_HEAD: Final = """# Channels

Made from the declarations in `notifiers/` by `make reference`.
`createIntegration` and `updateIntegration` take the settings of one channel under its key;
`integrationTypes` returns all of this as data, enough to draw a form.
A secret can be set and not read; where it is bound to other settings, changing those asks for it again.
"""


def page(channels: Sequence[Channel]) -> str:
    """Return the page, in Markdown."""
    return "\n".join([_HEAD, *("\n".join(_section(each)) for each in channels)])


def _section(channel: Channel) -> Iterator[str]:
    yield f"## {channel.label}\n"
    yield f"{channel.description} [More]({channel.docs_url}).\n"
    yield f"- Key `{channel.key}`, type `{channel.type_name}`, plan `{channel.plan}`."
    yield f"- Is told of {', '.join(sorted(kind.value for kind in channel.wants))}."
    longest = duration(channel.retry.max_age)
    yield f"- Tries for up to {longest}, at most {channel.retry.attempts} times."
    if not channel.repeatable:
        yield "- Is never repeated after an unclear end."
    if channel.provider:
        yield f"- Needs the operator to set up {channel.provider.value}."
    yield ""
    yield from _table(settings_of(channel.settings))
    example = json.dumps({channel.key: channel.example}, indent=2)
    yield f"\n```json\n{example}\n```\n"


def _table(settings: Sequence[Setting]) -> Iterator[str]:
    yield "| setting | what it is | meaning |"
    yield "|---|---|---|"
    for name, setting in _flat(settings):
        meaning = (setting.description or "").replace("|", "\\|")
        yield f"| `{name}` | {_what(setting)} | {meaning} |"


def _flat(
    settings: Sequence[Setting], above: str = ""
) -> Iterator[tuple[str, Setting]]:
    for setting in settings:
        name = f"{above}{setting.alias}{'[]' if setting.many else ''}"
        yield name, setting
        if setting.kind is Kind.OBJECT:
            yield from _flat(settings_of(setting.of), f"{name}.")


def _what(setting: Setting) -> str:
    kind = setting.kind.value.lower()
    if setting.kind is Kind.ENUM:
        kind = " or ".join(f"`{member.name}`" for member in setting.of)
    words = [kind]
    if Mark.OUTPUT_ONLY in setting.marks:
        words.append("shown only")
    elif setting.required:
        words.append("required")
    elif setting.default not in {None, ()}:
        words.append(f"default `{setting.default}`")
    words += _limits(setting.constraints)
    if setting.bound:
        names = ", ".join(f"`{to_camel(name)}`" for name in setting.bound)
        words.append(f"bound to {names}")
    return ", ".join(words)


def _limits(limits: Constraints) -> Iterator[str]:
    for unit, least, most in (
        ("characters", limits.min_length, limits.max_length),
        ("entries", limits.min_items, limits.max_items),
        ("", limits.minimum, limits.maximum),
    ):
        if most is not None:
            range_ = f"{least} to {most}" if least else f"up to {most}"
            yield f"{range_} {unit}".strip()
