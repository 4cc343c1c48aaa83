"""The table of kinds of resources: whole, and told as URLs are written."""

from typing import Any

import pytest

from delivery import housekeeping_removal as removal
from domain.faults import Code
from domain.ids import PREFIXES
from domain.resources import NETWORK_MONITOR, RESOURCES, SERVER, ResourceKind
from schema.build import SCHEMA

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core


@pytest.mark.parametrize("kind", RESOURCES.values(), ids=RESOURCES)
def test_a_kind_is_known_everywhere(kind: ResourceKind) -> None:
    """Whoever adds one is told what it lacks."""
    assert kind.noun in PREFIXES
    made = CORE.type_map[kind.noun]
    assert "Resource" in {it.name for it in made.interfaces}  # type: ignore[attr-defined]
    assert set(kind.fields) <= set(made.fields)  # type: ignore[attr-defined]
    reported: Any = CORE.type_map["ReportIncidentInput"]
    assert kind.id_alias in reported.fields
    assert kind.not_found in Code
    assert removal.deleted_resources(kind) in {it.find for it in removal.KINDS}
    assert kind.required <= set(kind.fields)


@pytest.mark.parametrize(
    ("host", "port", "url", "told"),
    [
        ("example.com", None, None, "example.com"),
        ("example.com", 443, None, "example.com:443"),
        ("2001:db8::1", 53, None, "[2001:db8::1]:53"),
        ("2001:db8::1", None, None, "2001:db8::1"),
        ("example.com", 443, "https://example.com/x", "https://example.com/x"),
    ],
)
def test_what_is_told_as_url(
    host: str, port: int | None, url: str | None, told: str
) -> None:
    row = {"host": host, "port": port, "url": url}
    assert NETWORK_MONITOR.address(row) == told
    assert SERVER.address(row) == (url or host)
