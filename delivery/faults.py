"""What a failed exchange means: exceptions of the HTTP client to faults.

The sentences are for people and are stored: none holds an address, a header or what
an exception says, because those may hold secrets.
"""

import socket
import ssl
from typing import Final

import aiohttp

from delivery.guard import BlockedError
from domain.steps import Fault, NoAnswer

FAILURES: Final = (aiohttp.ClientError, OSError, ValueError)
"""All that an exchange raises when it fails. (TimeoutError is an OSError.)"""

_SENTENCES: Final = {
    Fault.BLOCKED: str(BlockedError()),
    Fault.DNS: "The name of the far end was not found.",
    Fault.REFUSED: "The far end refused the connection.",
    Fault.UNREACHABLE: "The far end cannot be reached.",
    Fault.CONNECT_TIMEOUT: "No connection to the far end came about in time.",
    Fault.TIMEOUT: "The far end did not answer in time.",
    Fault.RESET_BEFORE_BODY: "The connection was lost before the request was sent.",
    Fault.RESET_AFTER_BODY: "The connection was lost before the far end answered.",
    Fault.PROTOCOL: "The far end and Tocsin could not make themselves understood in HTTP.",
    Fault.TLS: "A secure connection to the far end failed.",
}

Table = tuple[tuple[type[BaseException], Fault], ...]

_CONNECTING: Final[Table] = (
    (BlockedError, Fault.BLOCKED),
    (socket.gaierror, Fault.DNS),
    (ssl.SSLError, Fault.TLS),
    (ConnectionRefusedError, Fault.REFUSED),
    (TimeoutError, Fault.CONNECT_TIMEOUT),
    (ConnectionError, Fault.RESET_BEFORE_BODY),
    (OSError, Fault.UNREACHABLE),
)
"""What stood behind a connection that did not come about; the first that fits."""

_OTHERS: Final[Table] = (
    (aiohttp.InvalidURL, Fault.UNREACHABLE),
    (aiohttp.NonHttpUrlClientError, Fault.UNREACHABLE),
    (Exception, Fault.PROTOCOL),
)

_CERTIFICATES: Final = {
    9: "The certificate of the far end is not yet valid.",
    10: "The certificate of the far end has expired.",
    18: "The certificate of the far end is signed by itself.",
    19: "The certificate of the far end is signed by an unknown authority.",
    20: "The certificate of the far end is signed by an unknown authority.",
    26: "The certificate of the far end is not meant for servers.",
    62: "The certificate of the far end is for another name.",
    64: "The certificate of the far end is for another address.",
    66: "The certificate of the far end has a key that is too short.",
}
"""By the codes of OpenSSL's X509_V_ERR_…"""


def no_answer(failure: BaseException, *, connected: bool, sent: bool) -> NoAnswer:
    """Say why there was no answer, from how far the exchange had come.

    `connected`: a connection was there. `sent`: the whole request was handed to the
    operating system, so that the far end may have got it.
    """
    if isinstance(failure, aiohttp.ClientConnectorCertificateError):
        return NoAnswer(Fault.TLS, insecure(failure.certificate_error))
    fault = _fault(failure, connected=connected, sent=sent)
    return NoAnswer(fault, _SENTENCES[fault])


def insecure(failure: BaseException) -> str:
    """Say what is wrong with a certificate, or that TLS failed otherwise."""
    code = getattr(failure, "verify_code", None)
    return _CERTIFICATES.get(code or 0, _SENTENCES[Fault.TLS])


def _fault(failure: BaseException, *, connected: bool, sent: bool) -> Fault:
    if isinstance(failure, aiohttp.ClientConnectorError):
        return _first(_CONNECTING, failure.os_error)
    if isinstance(failure, TimeoutError):
        return Fault.TIMEOUT if connected else Fault.CONNECT_TIMEOUT
    if isinstance(failure.__cause__, ssl.SSLError):
        return Fault.TLS
    if isinstance(failure, aiohttp.ClientConnectionError | ConnectionError):
        return Fault.RESET_AFTER_BODY if sent else Fault.RESET_BEFORE_BODY
    return _first(_OTHERS, failure)


def _first(table: Table, failure: BaseException) -> Fault:
    return next(fault for kind, fault in table if isinstance(failure, kind))
