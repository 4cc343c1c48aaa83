"""The channels: one file each, and one line here. Pure: no database, no network."""

from domain.channels import Channel
from notifiers import email, ssh_server_restart, webhook

CHANNELS: tuple[Channel, ...] = (
    webhook.CHANNEL,
    email.CHANNEL,
    ssh_server_restart.CHANNEL,
)
"""All channels; the order is that of the API's inputs and metadata."""
