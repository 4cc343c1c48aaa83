"""What the replies of a mail server mean: the table for every channel that sends mail.

The first digit decides, servers use the others loosely. Only what is said of the
recipient counts against an integration: the mail server is the operator's, and what
it holds against us ends no integration. Sources: RFC 5321, 4.2.1; RFC 4954, 6.
"""

from typing import Final

from domain.deliveries import Outcome, OutcomeKind
from domain.steps import MailAnswer, MailStage

_WORDS: Final = {
    MailStage.GREETING: "The mail server does not take connections",
    MailStage.EHLO: "The mail server refused the greeting",
    MailStage.STARTTLS: "The mail server offers no secure connection",
    MailStage.AUTH: "The mail server refused the operator's user name and password",
    MailStage.MAIL: "The mail server refused the operator's sender address",
    MailStage.RCPT: "The mail server refused the recipient",
    MailStage.DATA: "The mail server refused the mail",
}

_PERMANENT: Final = {
    MailStage.RCPT: OutcomeKind.GONE,
    MailStage.DATA: OutcomeKind.REJECTED,
}
"""What 5xx means where it is about the recipient or the mail."""


def classify_mail(answer: MailAnswer) -> Outcome:
    """Give the verdict on the reply that decided how a mail fared.

    The first mail of a thread leaves its Message-ID for those that follow it.
    """
    kind = _kind(answer)
    if kind is OutcomeKind.SENT:
        root = {} if answer.answers else {"messageId": answer.message_id}
        return Outcome(
            kind=kind, status_code=answer.code, excerpt=answer.text, far_end=root
        )
    error = f"{_WORDS[answer.stage]} ({answer.code})."
    return Outcome(
        kind=kind, error=error, status_code=answer.code, excerpt=answer.text or None
    )


def _kind(answer: MailAnswer) -> OutcomeKind:
    positive = 200 <= answer.code < 300  # noqa: PLR2004 - the first digit
    if positive and answer.stage is MailStage.DATA:
        return OutcomeKind.SENT
    permanent = answer.code >= 500  # noqa: PLR2004 - the first digit
    if permanent:
        return _PERMANENT.get(answer.stage, OutcomeKind.RETRY)
    return OutcomeKind.RETRY
