"""Steps and snapshots as they are stored: what goes in comes out, and no secret goes in."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from delivery import bodies, snapshots
from domain.ids import Id
from domain.incidents import EventKind, IncidentStatus, Severity, Snapshot
from domain.settings import ChannelSettings, Key
from domain.settings_storage import MissingSettingError
from domain.steps import HttpRequest, ReadyRequest, Ref

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TEMPLATE = st.lists(TEXT | st.builds(Ref, TEXT)).map(tuple)
STEP = st.builds(
    HttpRequest,
    method=TEXT,
    url=TEMPLATE,
    headers=st.lists(st.tuples(TEXT, TEMPLATE)).map(tuple),
    body=TEMPLATE,
)
MOMENT = st.integers(0, 2**53)
SNAPSHOT = st.builds(
    Snapshot,
    kind=st.sampled_from(EventKind),
    number=st.integers(1, 2**31),
    at=MOMENT,
    incident_id=st.binary(min_size=16, max_size=16).map(Id),
    incident_type=TEXT,
    message=TEXT,
    severity=st.sampled_from(Severity),
    status=st.sampled_from(IncidentStatus),
    started_at=MOMENT,
    resolved_at=st.none() | MOMENT,
    resource_name=TEXT,
    resource_url=TEXT,
    resource_type=TEXT,
    dedup_key=st.none() | TEXT,
    test=st.booleans(),
)


class Header(ChannelSettings):
    name: Annotated[str, Key()]
    value: SecretStr


class Settings(ChannelSettings):
    url: str = "https://example.com/é"
    token: SecretStr | None = None
    headers: tuple[Header, ...] = ()


@given(st.lists(STEP).map(tuple))
def test_steps_come_out_as_they_went_in(steps: tuple[HttpRequest, ...]) -> None:
    """Also references, empty templates and any text."""
    assert bodies.load(bodies.dump(steps)) == steps


@given(SNAPSHOT)
def test_snapshots_come_out_as_they_went_in(snapshot: Snapshot) -> None:
    """Enums and ids with them: rendering from the stored one gives the same."""
    assert snapshots.load(snapshots.dump(snapshot)) == snapshot


def test_references_are_resolved_from_the_settings_of_now() -> None:
    """In the address, in headers and in the body, which is sent as UTF-8."""
    step = HttpRequest(
        url=(Ref("url"), "?a"),
        headers=(("authorization", ("Bearer ", Ref("token"))),),
        body=("é ", Ref("token")),
    )
    settings = Settings(token=SecretStr("s"))
    request = bodies.ready(step, settings)
    assert isinstance(request, ReadyRequest)
    assert request.url == "https://example.com/é?a"
    assert request.headers == (("authorization", "Bearer s"),)
    assert request.body == "é s".encode()


def test_a_header_that_was_removed_since_is_left_out() -> None:
    """Everything else that is missing is a fault."""
    gone = HttpRequest(
        url=(Ref("url"),),
        headers=(("x-key", (Ref("headers.x-key.value"),)), ("x-own", ("1",))),
    )
    request = bodies.ready(gone, Settings())
    assert isinstance(request, ReadyRequest)
    assert request.headers == (("x-own", "1"),)
    with pytest.raises(MissingSettingError):
        bodies.ready(HttpRequest(url=(Ref("token"),)), Settings())
    with pytest.raises(MissingSettingError):
        bodies.ready(HttpRequest(url=("u",), body=(Ref("token"),)), Settings())
