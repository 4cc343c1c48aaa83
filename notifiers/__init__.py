"""The channels: one file each, and one line here. Pure: no database, no network."""

from domain.channels import Channel
from notifiers import email, webhook

CHANNELS: tuple[Channel, ...] = (webhook.CHANNEL, email.CHANNEL)
"""All channels; the order is that of the API's inputs and metadata."""
