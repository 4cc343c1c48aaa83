"""What is derived from the declarations of channels; a second one finds its place."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pytest
from graphql import build_schema, parse, validate
from pydantic import SecretStr

from domain.settings import Bound, ChannelSettings
from notifiers import CHANNELS
from schema.build import SCHEMA, print_schema
from schema.derive import Chosen, derive_inputs, derive_types
from schema.integrations import Integration
from tests import second_channel
from tests.everything import everything

ROOT = Path(__file__).resolve().parents[2]
PRINT = "from schema.build import print_schema; print(print_schema(), end='')"
REGISTER = "import tests.second_channel_registered; "
CHIME = second_channel.CHANNEL


@cache
def printed(program: str, seed: str = "0") -> str:
    """Return what a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def piece(sdl: str, name: str) -> str:
    """Return the definition of a type without its descriptions and empty lines."""
    bare = re.sub(r'\s*""".*?"""', "", sdl, flags=re.DOTALL)
    found = re.search(rf"^\w+ {name}\b.*?^}}", bare, re.DOTALL | re.MULTILINE)
    assert found, name
    return re.sub(r"\n\s*\n", "\n", found[0])


def test_one_document_may_select_the_settings_of_all_channels() -> None:
    core = SCHEMA._schema  # noqa: SLF001 - no public way to graphql-core's schema
    assert core.query_type
    text = everything(core, core.query_type)["integrations"]
    assert "signingSecret" in text
    assert validate(core, parse(text)) == []


def test_the_text_of_the_schema_is_the_same_on_every_run() -> None:
    assert {printed(PRINT, seed) for seed in ("0", "1", "4711")} == {print_schema()}


def test_a_second_channel_changes_nothing_of_the_first() -> None:
    both, one = printed(REGISTER + PRINT), print_schema()
    for name in (
        "WebhookIntegration",
        "WebhookSettings",
        "WebhookSettingsInput",
        "WebhookSettingsUpdateInput",
        "WebhookHeaderInput",
    ):
        assert piece(both, name) == piece(one, name)


def test_a_second_channel_is_found_in_outputs() -> None:
    sdl = printed(REGISTER + PRINT)
    assert "DOOR_CHIME" in piece(sdl, "IntegrationType")
    assert "implements Integration & Node" in piece(sdl, "DoorChimeIntegration")
    assert piece(sdl, "DoorChimeSettings") == (
        "type DoorChimeSettings {\n"
        "  webhookUrl: String\n"
        "  apiToken: SecretState!\n"
        "  port: Int\n"
        "  priority: String\n"
        "  tone: ChimeTone\n"
        "  quiet: Boolean\n"
        "  tags: [String!]\n"
        "  room: ChimeRoom\n"
        "  responders: [ChimeResponder!]\n"
        "  firmware: String\n"
        "}"
    )
    assert piece(sdl, "ChimeResponder") == (
        "type ChimeResponder {\n  id: ID\n  pin: SecretState!\n  floors: [Int!]\n}"
    )


def test_a_second_channel_is_found_in_inputs() -> None:
    sdl = printed(REGISTER + PRINT)
    others = "".join(f"  {it.key}: {it.title}SettingsInput\n" for it in CHANNELS)
    assert piece(sdl, "IntegrationSettingsInput") == (
        "input IntegrationSettingsInput @oneOf {\n"
        f"{others}"
        "  doorChime: DoorChimeSettingsInput\n"
        "}"
    )
    assert piece(sdl, "DoorChimeSettingsInput") == (
        "input DoorChimeSettingsInput {\n"
        "  webhookUrl: String!\n"
        "  apiToken: String!\n"
        "  port: Int! = 443\n"
        "  priority: ChimePriority! = HIGH\n"
        "  tone: ChimeTone\n"
        "  quiet: Boolean! = false\n"
        '  tags: [String!]! = ["alarm"]\n'
        "  room: ChimeRoomInput\n"
        "  responders: [ChimeResponderInput!]\n"
        "  greeting: String\n"
        "}"
    )
    assert piece(sdl, "DoorChimeSettingsUpdateInput") == (
        "input DoorChimeSettingsUpdateInput {\n"
        "  webhookUrl: String\n"
        "  apiToken: String\n"
        "  port: Int\n"
        "  priority: ChimePriority\n"
        "  tone: ChimeTone\n"
        "  quiet: Boolean\n"
        "  tags: [String!]\n"
        "  room: ChimeRoomInput\n"
        "  responders: [ChimeResponderInput!]\n"
        "  greeting: String\n"
        "}"
    )
    assert piece(sdl, "ChimeResponderInput") == (
        "input ChimeResponderInput {\n"
        "  id: ID!\n"
        "  pin: String\n"
        "  floors: [Int!]! = []\n"
        "}"
    )


def test_one_document_may_select_both_channels() -> None:
    core = build_schema(printed(REGISTER + PRINT))
    assert core.query_type
    text = everything(core, core.query_type)["integrations"]
    assert "apiToken" in text
    assert "signingSecret" in text
    assert validate(core, parse(text)) == []


def test_the_text_with_two_channels_is_the_same_on_every_run() -> None:
    assert len({printed(REGISTER + PRINT, seed) for seed in ("0", "1", "4711")}) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["tests/conformance"],
        ["tests/integration/api/with_second_channel.py", "-k", "sqlite"],
    ],
)
def test_a_second_channel_passes_the_conformance_tests_and_the_api(
    arguments: list[str],
) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-p", "tests.second_channel_registered", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "doorChime" in done.stdout


def test_no_two_models_share_the_name_of_a_type() -> None:
    class ChimeRoom(ChannelSettings):
        """Not the room of the chime."""

        size: int

    class OtherSettings(ChannelSettings):
        """Settings with another room."""

        room: ChimeRoom

    channels = [CHIME, with_settings(OtherSettings)]
    with pytest.raises(TypeError, match="Two models want to be the type ChimeRoom"):
        derive_types(channels, Integration)
    with pytest.raises(TypeError, match="ChimeRoomInput"):
        derive_inputs(channels)


def test_a_secret_is_bound_to_settings_that_exist() -> None:
    class OtherSettings(ChannelSettings):
        """Settings with a mistake."""

        token: Annotated[SecretStr, Bound("nowhere")]

    with pytest.raises(TypeError, match="nowhere"):
        derive_inputs([with_settings(OtherSettings)])


def with_settings(model: type[ChannelSettings]) -> Any:  # noqa: ANN401
    """Return a channel with other settings."""
    return replace(CHIME, key="other", title="Other", settings=model)


def test_a_channel_that_is_made_elsewhere_is_no_member_of_the_inputs() -> None:
    channels = [*CHANNELS, replace(CHIME, creatable=False)]
    made = derive_inputs(channels)
    names = [f.name for f in made.create.__strawberry_definition__.fields]
    assert names == [channel.key for channel in CHANNELS]
    assert [member.name for member in made.integration_type] == [
        *(channel.type_name for channel in CHANNELS),
        "DOOR_CHIME",
    ]


def test_what_was_chosen_prints_no_value() -> None:
    chosen = Chosen("webhook", {"signingSecret": "canary"})
    assert "canary" not in f"{chosen!r} {chosen} {[chosen]}"
