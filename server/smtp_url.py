"""The operator's mail server, as `TOCSIN_SMTP_URL` and `TOCSIN_SMTP_FROM` give it.

`smtps://user:password@host` speaks TLS from the first byte (port 465),
`smtp://user:password@host` turns to it by STARTTLS and never goes on without (587);
`smtp://host?security=none` does without (25), for a server on this machine or in a
network that the operator trusts. Source: RFC 8314, section 3.
"""

import ipaddress
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from delivery.mailer import MailSecurity, MailServer

_PORTS: Final = {
    MailSecurity.TLS: 465,
    MailSecurity.STARTTLS: 587,
    MailSecurity.NONE: 25,
}
_FORM: Final = (
    "must be smtps://user:password@host or smtp://user:password@host, with special "
    "characters of the password percent-encoded."
)


def smtp_url(text: str) -> str:
    """Return the URL of a mail server that mails can be sent over."""
    mail_server(text, "")
    return text


def sender(text: str) -> str:
    """Return whom mails come from: an address, or a name and an address."""
    name, address = parseaddr(text)
    try:
        Address(display_name=name, addr_spec=address).addr_spec.encode("ascii")
    except (ValueError, HeaderParseError, IndexError):
        address = ""
    if "@" not in address or not text.isprintable():
        raise ValueError("must be an address such as Tocsin <alerts@example.com>.")
    return text


def mail_server(url: str, sender: str) -> MailServer:
    """Return the mail server of a URL. ValueError says what is wrong with the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(_FORM) from None
    if not host or parts.scheme not in {"smtp", "smtps"} or parts.path.strip("/"):
        raise ValueError(_FORM)
    security = _security(parts.scheme, parts.query)
    user, password = _unquoted(parts.username), _unquoted(parts.password)
    if (user is None) is not (password is None):
        raise ValueError("must have a user and a password, or neither.")
    if user is not None and security is MailSecurity.NONE and not _loopback(host):
        raise ValueError(
            "must not send a password without encryption: leave out security=none."
        )
    return MailServer(
        host=host,
        port=port or _PORTS[security],
        security=security,
        sender=sender,
        user=user,
        password=password,
    )


def _security(scheme: str, query: str) -> MailSecurity:
    given = parse_qsl(query, keep_blank_values=True)
    if scheme == "smtps" and not given:
        return MailSecurity.TLS
    if scheme == "smtp" and not given:
        return MailSecurity.STARTTLS
    if scheme == "smtp" and given == [("security", "none")]:
        return MailSecurity.NONE
    raise ValueError("takes no other parameter than security=none, with smtp://.")


def _unquoted(text: str | None) -> str | None:
    return None if text is None else unquote(text)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
