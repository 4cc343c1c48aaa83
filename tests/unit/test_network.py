"""The tests cannot reach another machine, whatever the code under test does."""

import socket

import pytest

from tests.network import LeftLoopbackError, is_loopback


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "a.localhost"],
)
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "fe80::1%lo", "localhost.example"],
)
def test_another_machine_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_connecting_to_another_machine_is_refused(kind: socket.SocketKind) -> None:
    with (
        socket.socket(socket.AF_INET, kind) as end,
        pytest.raises(LeftLoopbackError, match=r"192\.0\.2\.1"),
    ):
        end.connect(("192.0.2.1", 9))


def test_sending_to_another_machine_is_refused() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end,
        pytest.raises(LeftLoopbackError, match=r"192\.0\.2\.1"),
    ):
        end.sendto(b"", ("192.0.2.1", 9))


def test_looking_up_a_name_is_refused() -> None:
    with pytest.raises(LeftLoopbackError, match=r"tocsin\.example"):
        socket.getaddrinfo("tocsin.example", 443)


def test_an_address_needs_no_look_up() -> None:
    assert socket.getaddrinfo("192.0.2.1", 443)
