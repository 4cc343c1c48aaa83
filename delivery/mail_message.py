"""A mail as the text that goes over the wire.

Every mail is made by a machine and says so (RFC 3834, 5.2). No text can add a header:
the standard library refuses line ends in headers, and ours are free of them.
"""

import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final

from domain.product import USER_AGENT
from domain.steps import ReadyMail
from domain.timing import SECOND

_BREAKS: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
"""What must not stand in a header: one space takes its place."""

_UNSENDABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

SUBJECT_LENGTH: Final = 200
"""Characters of a subject; more is cut off by mail programs anyway."""


def address_of(sender: str) -> str:
    """Return the bare address of a sender that may have a name."""
    return parseaddr(sender)[1]


def message_id(mail: ReadyMail, sender: str) -> str:
    """Return the Message-ID, the same on every try: the id of the delivery at the
    domain of the sender.
    """
    domain = address_of(sender).rpartition("@")[2]
    return f"<{mail.message_id}@{domain}>"


def as_bytes(mail: ReadyMail, sender: str) -> bytes:
    """Return the mail as it is sent: text first, HTML last."""
    name, address = parseaddr(sender)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=name, addr_spec=address)
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = _one_line(mail.subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(mail.date / SECOND, UTC))
    message["Message-ID"] = message_id(mail, sender)
    if mail.answers:
        message["In-Reply-To"] = message["References"] = mail.answers
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    message["User-Agent"] = USER_AGENT
    message.set_content(_sendable(mail.text))
    if mail.html:
        message.add_alternative(_sendable(mail.html), subtype="html")
    return message.as_bytes()


def _one_line(text: str) -> str:
    line = _BREAKS.sub(" ", text).strip()
    cut = line[: SUBJECT_LENGTH - 1]
    return line if len(line) <= SUBJECT_LENGTH else f"{cut}…"


def _sendable(text: str) -> str:
    return _UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", text)
