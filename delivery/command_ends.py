"""What the ends of commands mean: the table for every channel that runs some.

Only an exit status of 0 is a success, and the loss of the connection where that is what
the command does. Nothing that may have run is run again. Sources: the reference on
channels, 3.2 and 3.4; sudo(8), "EXIT VALUE".
"""

import re
from typing import Final

from domain.deliveries import Outcome, OutcomeKind
from domain.host_keys import unconfirmed
from domain.steps import CommandEnd, CommandNotRun, NotRun, SshCommand, Step

ASKS_FOR_PASSWORD: Final = re.compile(r"^sudo: .*password is required", re.MULTILINE)
"""What sudo says with -n where it would ask."""

_OF_SUDO: Final = re.compile(r"^(?:sudo:|Sorry, )", re.MULTILINE)

NOT_FOUND: Final = frozenset({126, 127})
"""What shells end with where there is no such program, or none that can be run.
Source: POSIX, Shell Command Language, 2.8.2."""


def classify_end(step: Step, end: CommandEnd, said: str | None) -> Outcome:
    """Give the verdict on a command that was begun; `said` is its output as text."""
    assert isinstance(step, SshCommand)  # noqa: S101 - nothing else ends like this
    if end.status == 0:
        return Outcome(kind=OutcomeKind.SENT, status_code=0, excerpt=said)
    if end.status is not None:
        kind, error = _failed(end.status, said or "")
    elif end.signal is not None:
        kind, error = (
            _unclear(step),
            f"The command was ended by the signal {end.signal}.",
        )
    elif end.timed_out:
        kind, error = _unclear(step), "The command did not end in time."
    elif step.disconnects:
        return Outcome(kind=OutcomeKind.SENT_UNCONFIRMED, excerpt=said)
    else:
        lost = "The connection was lost" if end.dropped else "The channel was closed"
        kind, error = _unclear(step), f"{lost} before the command had ended."
    return Outcome(
        kind=kind, error=error, status_code=end.status, excerpt=said, final=step.once
    )


def _unclear(step: SshCommand) -> OutcomeKind:
    """What changes nothing may be tried again."""
    return OutcomeKind.UNKNOWN if step.once else OutcomeKind.RETRY


def _failed(status: int, said: str) -> tuple[OutcomeKind, str]:
    """GONE means that the command itself was not even begun."""
    if ASKS_FOR_PASSWORD.search(said):
        words = "sudo asks for a password: allow the command without one (NOPASSWD), or"
        return OutcomeKind.GONE, f"{words} store the user's password."
    if _OF_SUDO.search(said):
        return OutcomeKind.GONE, f"sudo refused the command (exit status {status})."
    if status in NOT_FOUND:
        words = "The server has no such command, or it cannot be run"
        return OutcomeKind.GONE, f"{words} (exit status {status})."
    return OutcomeKind.REJECTED, f"The command failed with exit status {status}."


_KINDS: Final = {
    NotRun.HOST_KEY_UNCONFIRMED: OutcomeKind.REJECTED,
    NotRun.HOST_KEY_CHANGED: OutcomeKind.REJECTED,
    NotRun.KEY_UNREADABLE: OutcomeKind.REJECTED,
    NotRun.LOGIN_REFUSED: OutcomeKind.GONE,
    NotRun.COMMAND_REFUSED: OutcomeKind.GONE,
}


def classify_not_run(it: CommandNotRun) -> Outcome:
    """Give the verdict on a command that was not begun, for certain.

    An unconfirmed host key is kept, to be shown to whoever is to confirm it.
    """
    if it.why is NotRun.WITHHELD:
        kind = OutcomeKind.REJECTED if it.cancels else OutcomeKind.RETRY
        return Outcome(kind=kind, error=it.message, cancels=it.cancels)
    learned = {}
    if it.why is NotRun.HOST_KEY_UNCONFIRMED and it.host_key:
        learned = unconfirmed(it.host_key)
    final = it.why is NotRun.COMMAND_REFUSED
    return Outcome(kind=_KINDS[it.why], error=it.message, final=final, learned=learned)
