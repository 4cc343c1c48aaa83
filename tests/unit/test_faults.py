"""Failures that no double on loopback can bring about, and what they mean."""

import errno
import ssl

import pytest
from aiohttp import ClientConnectorError, ClientOSError, ServerDisconnectedError
from aiohttp.client_reqrep import ConnectionKey

from delivery.faults import no_answer
from domain.steps import Fault

KEY = ConnectionKey("canary.example", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ENETUNREACH, Fault.UNREACHABLE),
        (errno.EHOSTUNREACH, Fault.UNREACHABLE),
        (errno.EMFILE, Fault.UNREACHABLE),
        (errno.ECONNREFUSED, Fault.REFUSED),
        (errno.ETIMEDOUT, Fault.CONNECT_TIMEOUT),
        (errno.ECONNRESET, Fault.RESET_BEFORE_BODY),
    ],
)
def test_a_connection_that_fails_is_told_by_its_error(
    number: int, fault: Fault
) -> None:
    failure = ClientConnectorError(KEY, OSError(number, "canary"))
    reply = no_answer(failure, connected=False, sent=False)
    assert reply.fault is fault
    assert "canary" not in reply.message


@pytest.mark.parametrize(
    "failure",
    [
        ClientOSError(errno.ECONNRESET, "canary"),
        ServerDisconnectedError("canary"),
        ConnectionResetError("canary"),
        BrokenPipeError("canary"),
    ],
)
@pytest.mark.parametrize("sent", [True, False])
def test_a_loss_is_certain_only_before_all_was_sent(
    failure: Exception, sent: bool
) -> None:
    reply = no_answer(failure, connected=True, sent=sent)
    assert reply.fault is (Fault.RESET_AFTER_BODY if sent else Fault.RESET_BEFORE_BODY)
    assert "canary" not in reply.message


def test_an_alert_after_the_request_is_a_failure_of_tls() -> None:
    failure = ClientOSError(1, "canary")
    failure.__cause__ = ssl.SSLError(1, "certificate required")
    assert no_answer(failure, connected=True, sent=True).fault is Fault.TLS


def test_every_fault_has_a_sentence() -> None:
    for failure in (TimeoutError(), ValueError("canary"), RuntimeError("canary")):
        message = no_answer(failure, connected=True, sent=True).message
        assert message.endswith(".")
        assert "canary" not in message
