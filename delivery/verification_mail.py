"""The mail by which an address is verified. It is stored with references only: what it
says in their place stands sealed in the verification.
"""

from typing import Final

from pydantic import SecretStr

from delivery.outside import LIFE
from domain.settings import ChannelSettings
from domain.steps import Mail, Ref, Template
from domain.timing import MINUTE


class Sealed(ChannelSettings):
    """What the references of the mail lead to."""

    email: str
    code: SecretStr
    link: SecretStr | None = None


def mail(*, with_link: bool) -> Mail:
    """Return the mail; there is a link where the server's public address is known."""
    return Mail(
        to=(Ref("email"),),
        subject=("Confirm your e-mail address",),
        text=_text(with_link=with_link),
        html=_html(with_link=with_link),
    )


_ASKED: Final = "Somebody wants to send you alerts at this address."
_ENTER: Final = (
    "To confirm that it is yours, enter this code where you were asked for it:"
)
_OPEN: Final = "Or open this page and confirm there:"
_HOLDS: Final = (
    f"Both work for {LIFE // MINUTE} minutes. If you do not know what this is about, do nothing: "
    "without your confirmation nothing more is sent."
)


def _text(*, with_link: bool) -> Template:
    link: Template = (f"{_OPEN}\n\n    ", Ref("link"), "\n\n") if with_link else ()
    return (f"{_ASKED}\n{_ENTER}\n\n    ", Ref("code"), "\n\n", *link, f"{_HOLDS}\n")


def _html(*, with_link: bool) -> Template:
    link: Template = ()
    if with_link:
        url = Ref("link")  # percent-encoded: there is nothing to escape
        link = (f'<p>{_OPEN}</p><p><a href="', url, '">', url, "</a></p>")
    head = (
        '<!doctype html><html><body style="font-family:sans-serif">'
        f"<p>{_ASKED}</p><p>{_ENTER}</p>"
        '<p style="font-size:24px;letter-spacing:4px">'
    )
    tail = f'<p style="color:#666">{_HOLDS}</p></body></html>\n'
    return (head, Ref("code"), "</p>", *link, tail)
