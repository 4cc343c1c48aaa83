"""What is derived from all channels, once, when the schema is imported."""

from collections.abc import Mapping
from typing import Final

from domain.channels import Channel
from notifiers import CHANNELS
from schema.derive import Inputs, derive_inputs, typename

BY_TYPE: Final[Mapping[str, Channel]] = {c.type_name: c for c in CHANNELS}
BY_KEY: Final[Mapping[str, Channel]] = {c.key: c for c in CHANNELS}

TYPENAMES: Final[Mapping[str, str]] = {t: typename(c) for t, c in BY_TYPE.items()}
"""The stored type of an integration to the name of its GraphQL type."""

INPUTS: Final[Inputs] = derive_inputs(CHANNELS)
