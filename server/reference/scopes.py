"""The page about scopes: what each root field needs."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic.alias_generators import to_camel

from domain.scopes import Scope

_HEAD: Final = """# Scopes

Made from the declarations in `schema/` by `make reference`.
A token holds scopes: `ADMIN` holds `WRITE`, and `WRITE` holds `READ`; `INGEST` only reports incidents, `DEVICES` only registers devices.
What no scope is declared for is refused.
"""


def page(needed: Mapping[str, Scope]) -> str:
    """Return the page, in Markdown, of scopes by `Type.field`."""
    return "\n".join([_HEAD, *_sections(needed), ""])


def _shown(name: str) -> str:
    root, _, field = name.partition(".")
    return f"{root}.{to_camel(field)}"


def _sections(needed: Mapping[str, Scope]) -> Iterator[str]:
    for scope in Scope:
        names = (name for name, needs in needed.items() if needs is scope)
        fields = sorted(_shown(name) for name in names)
        if fields:
            yield f"## {scope}\n"
            yield from (f"- `{name}`" for name in fields)
            yield ""
