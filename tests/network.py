"""The network of the tests ends at this machine's loopback interface."""

import ipaddress
import socket
from typing import Any

CONNECTING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
RESOLVING = {"socket.getaddrinfo", "socket.gethostbyname"}


class LeftLoopbackError(RuntimeError):
    """A test tried to reach another machine; no OSError, so that nobody retries."""


def is_loopback(host: object) -> bool:
    """Tell whether a host is this machine, without asking a resolver."""
    if isinstance(host, bytes):
        host = host.decode()
    if not host:
        return True
    name = str(host).partition("%")[0]
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def refuse_other_machines(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse connections and look-ups that leave loopback: an audit hook."""
    if event in RESOLVING:
        host = arguments[0]
        numeric = event == "socket.getaddrinfo" and is_address(host)
        if not numeric and not is_loopback(host):
            message = f"tests must not look up {host!r}: give the code a resolver"
            raise LeftLoopbackError(message)
    elif event in CONNECTING:
        refuse_connection(*arguments)


def is_address(host: object) -> bool:
    """Tell whether a look-up would only read an address, asking nobody."""
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return True


def refuse_connection(end: socket.socket, target: object) -> None:
    """Refuse an Internet address that is not this machine's loopback."""
    if end.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    if isinstance(target, tuple) and not is_loopback(target[0]):
        message = f"tests must not connect to {target[0]!r}: use a double on loopback"
        raise LeftLoopbackError(message)
