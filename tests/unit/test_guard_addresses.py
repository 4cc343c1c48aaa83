"""The rule on addresses: what is public, and what an operator or developer opens."""

import ipaddress

import pytest

from delivery.addresses import Allowed, judge, parse_allowed

REFUSED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255
127.0.0.1 127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2
169.254.170.23 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::a00:1 100::1
2001::1 2001:0:7f00:1::1 2001:2::1 2001:db8::1 2002:7f00:1::1 2002:a00:1::1 3fff::1
5f00::1 fc00::1 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd12:3456::1 fe80::1 fe80::1%lo
fec0::1 ff02::1 ff0e::1
"""

POLICY = """
192.0.0.9 192.0.0.10 192.31.196.1 192.52.193.1 192.175.48.1 2001:4:112::1 2001:20::1
2001:3::1 2620:4f:8000::1 2001:470::5efe:7f00:1 2001:470::200:5efe:7f00:1
"""
"""Reachable by the registry, but never a webhook's far end."""

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0
126.255.255.255 128.0.0.1 168.63.129.15 168.63.129.17 169.253.255.255 172.15.255.255
172.32.0.0 192.0.1.1 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
223.255.255.255 ::ffff:8.8.8.8 2001:200::1 2001:4860:4860::8888 2606:4700:4700::1111
2620:4f:8001::1 2a00:1450:4001::1
"""

STILL_REFUSED = """
169.254.169.254 169.254.0.1 fe80::1 fd00:ec2::254 fd20:ce::254 100.100.100.200
168.63.129.16 192.0.0.192 0.0.0.0 :: 224.0.0.1 64:ff9b::7f00:1
"""


@pytest.mark.parametrize("text", (REFUSED + POLICY).split())
def test_what_is_not_public_is_refused(text: str) -> None:
    assert not judge(ipaddress.ip_address(text), 443).allowed


@pytest.mark.parametrize("text", PUBLIC.split())
def test_what_is_public_is_allowed(text: str) -> None:
    assert judge(ipaddress.ip_address(text), 443).allowed


@pytest.mark.parametrize(
    ("entry", "opened", "closed"),
    [
        ("10.1.0.0/16", ("10.1.2.3", 80), ("10.2.0.1", 80)),
        ("10.1.0.0/16:443", ("10.1.2.3", 443), ("10.1.2.3", 80)),
        ("127.0.0.1", ("127.0.0.1", 8080), ("127.0.0.2", 8080)),
        ("127.0.0.1:8080", ("::ffff:127.0.0.1", 8080), ("127.0.0.1", 80)),
        ("fd00::/8", ("fd12::1", 25), ("fc00::1", 25)),
        ("[fd00::/8]:443", ("fd12::1", 443), ("fd12::1", 80)),
        (" ::1 ", ("::1", 80), ("127.0.0.1", 80)),
    ],
)
def test_an_entry_opens_its_network_and_nothing_else(
    entry: str, opened: tuple[str, int], closed: tuple[str, int]
) -> None:
    allowed = [parse_allowed(entry)]
    for (text, port), expected in ((opened, True), (closed, False)):
        assert judge(ipaddress.ip_address(text), port, allowed).allowed is expected


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("0.0.0.0/0", "169.254.169.254"),
        ("168.63.129.0/24", "168.63.129.16"),
        ("fd00::/8", "fd00:ec2::254"),
    ],
)
def test_metadata_is_opened_by_its_own_address_only(entry: str, address: str) -> None:
    target = ipaddress.ip_address(address)
    assert not judge(target, 80, [parse_allowed(entry)]).allowed
    assert judge(target, 80, [parse_allowed(address)]).allowed


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "example.com",
        "10.0.0.1/8",
        "10.0.0.0/8:0",
        "10.0.0.0/8:65536",
        "[::1]x",
        "::1]",
    ],
)
def test_an_entry_that_is_no_network_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="is no address or network"):
        parse_allowed(entry)


def test_an_entry_with_a_port_holds_it() -> None:
    assert parse_allowed("10.0.0.0/8:443") == Allowed(
        ipaddress.ip_network("10.0.0.0/8"), 443
    )


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "fd12::1"]
)
def test_development_opens_this_machine_and_private_networks(text: str) -> None:
    assert judge(ipaddress.ip_address(text), 80, dev=True).allowed


@pytest.mark.parametrize(
    "text",
    STILL_REFUSED.split(),
)
def test_development_opens_nothing_else(text: str) -> None:
    assert not judge(ipaddress.ip_address(text), 80, dev=True).allowed
