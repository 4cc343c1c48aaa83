"""Registers the second channel; to be imported before the schema is, in a process of
its own (`pytest -p tests.second_channel_registered`).
"""

import notifiers
from tests import second_channel

notifiers.CHANNELS = (*notifiers.CHANNELS, second_channel.CHANNEL)
