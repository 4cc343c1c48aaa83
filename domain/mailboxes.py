"""E-mail addresses: their normal form, and when two of them are the same mailbox."""

from typing import Final

from email_validator import EmailNotValidError, validate_email

ADDRESS_LENGTH: Final = 254
"""Characters of an address. Source: RFC 5321, 4.5.3.1.3, less the angle brackets."""


class BadAddressError(ValueError):
    """The text is no e-mail address that we can send to; it is never repeated."""

    def __init__(self) -> None:
        """Say what is wanted."""
        super().__init__("Must be an e-mail address such as alerts@example.com.")


def normal_address(text: str) -> str:
    """Return an address in its normal form, the domain in ASCII.

    Raise BadAddressError.
    """
    try:
        found = validate_email(
            text,
            allow_smtputf8=False,
            check_deliverability=False,
            test_environment=True,
            strict=True,
        )
    except EmailNotValidError:
        raise BadAddressError from None
    return found.ascii_email or found.normalized


def mailbox(address: str) -> str:
    """Return what is equal for all spellings of an address in its normal form. The
    local part may be case-sensitive by RFC 5321, 2.4, and nowhere is.
    """
    return address.lower()
