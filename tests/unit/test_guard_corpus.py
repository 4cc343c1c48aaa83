"""The rule on addresses over a corpus of all forms, against a second opinion, and by
the ways in which one address can be written.
"""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ssrfguard import Policy

from delivery.addresses import judge, parse_allowed
from delivery.guard import BlockedError, Guard
from domain.urls import url_fault
from tests.guard_corpus import (
    METADATA,
    SPECIAL,
    Address,
    carriers,
    not_public,
    odd_spellings,
    public,
    six_spellings,
    translated,
)

SEED = 20261124
NOT_PUBLIC = not_public()
PUBLIC = public(SEED)

OTHERS_LET_THROUGH = {
    "Azure's metadata, which has a public address": "168.63.129.16/32",
    "what RFC 2765 translates": "::ffff:0:0:0/96",
    "anycast of PCP and TURN": "192.0.0.9/32 192.0.0.10/32 2001:1::1/128 2001:1::2/128",
    "anycast of DNS-SD": "2001:1::3/128",
    "sinks of the DNS (AS112)": "192.31.196.0/24 192.175.48.0/24 2001:4:112::/48 2620:4f:8000::/48",
    "relays of multicast (AMT)": "192.52.193.0/24 2001:3::/32",
    "hashes, not places (ORCHIDv2)": "2001:20::/28",
    "identities of drones": "2001:30::/28",
    "given out to nobody": "4000::/3",
}
"""Why the second opinion takes for public what is not, or is reachable by the registry
but never the far end of a webhook."""


def opinion_differs(address: Address) -> bool:
    """Tell whether the differences that are known cover an address."""
    networks = [
        ipaddress.ip_network(text)
        for texts in OTHERS_LET_THROUGH.values()
        for text in texts.split()
    ]
    if any(it.version == address.version and address in it for it in networks):
        return True
    if address in carriers_of_azure():
        return True
    # ISATAP in a public prefix: it is judged by the prefix alone.
    inside = IPv6Address("2001:470::"), IPv6Address("2001:470:0:1::")
    return isinstance(address, IPv6Address) and inside[0] <= address < inside[1]


def carriers_of_azure() -> set[Address]:
    return {*carriers(IPv4Address("168.63.129.16"))}


def test_the_corpus_is_large() -> None:
    assert len(NOT_PUBLIC) > 380
    assert len(PUBLIC) > 1400
    for version in (4, 6):
        assert sum(it.version == version for it in PUBLIC) > 600


def test_nothing_of_the_corpus_may_be_dialled() -> None:
    assert [it for it in NOT_PUBLIC if judge(it, 443).allowed] == []


def test_nothing_public_is_refused() -> None:
    assert [it for it in PUBLIC if not judge(it, 443).allowed] == []


def test_a_second_opinion_differs_only_where_it_is_known() -> None:
    policy = Policy()
    let_through = [it for it in NOT_PUBLIC if policy.permits_address(it)]
    assert [it for it in let_through if not opinion_differs(it)] == []
    assert [it for it in PUBLIC if not policy.permits_address(it)] == []


@pytest.mark.parametrize("why", OTHERS_LET_THROUGH)
def test_each_known_difference_is_still_one(why: str) -> None:
    policy = Policy()
    for text in OTHERS_LET_THROUGH[why].split():
        network = ipaddress.ip_network(text)
        assert policy.permits_address(network[0])
        assert not judge(network[0], 443).allowed


@pytest.mark.parametrize("text", METADATA)
def test_metadata_is_refused_whatever_range_is_opened(text: str) -> None:
    """Also where an IPv6 address carries it, and in development."""
    address = ipaddress.ip_address(text)
    forms: list[Address] = [address]
    if isinstance(address, IPv4Address):
        forms += [*carriers(address)]
    whole = [parse_allowed(it) for it in ("0.0.0.0/0", "::/0", "169.254.0.0/16")]
    for form in forms:
        assert not judge(form, 80, whole, dev=True).allowed, form
        near = ipaddress.ip_network((form, form.max_prefixlen - 1), strict=False)
        assert not judge(form, 80, [parse_allowed(str(near))]).allowed, form
        assert judge(form, 80, [parse_allowed(str(form))]).allowed, form


def test_a_zone_hides_no_metadata() -> None:
    address = ipaddress.ip_address("fd00:ec2::254%eth0")
    assert not judge(address, 80, [parse_allowed("fd00::/8")], dev=True).allowed
    assert judge(ipaddress.ip_address("::1%1"), 80, dev=True).allowed


def test_behind_nat64_no_range_opens_anything() -> None:
    """RFC 6052, section 3.1: the prefix must carry no private address."""
    inside = translated(IPv4Address("10.0.0.1"))
    for entry in ("10.0.0.0/8", "10.0.0.1", "64:ff9b::/96", "::/0"):
        assert not judge(inside, 80, [parse_allowed(entry)], dev=True).allowed, entry
    assert judge(inside, 80, [parse_allowed(str(inside))]).allowed


def test_a_network_of_mapped_addresses_opens_what_it_stands_for() -> None:
    for entry in ("::ffff:10.0.0.0/104", "[::ffff:10.0.0.0/104]:80"):
        allowed = [parse_allowed(entry)]
        for text in ("10.1.2.3", "::ffff:10.1.2.3"):
            assert judge(ipaddress.ip_address(text), 80, allowed).allowed
        assert not judge(ipaddress.ip_address("192.168.0.1"), 80, allowed).allowed


def test_an_entry_with_a_zone_is_none() -> None:
    with pytest.raises(ValueError, match="is no address or network"):
        parse_allowed("fe80::1%eth0")


def interesting(version: int) -> st.SearchStrategy[int]:
    """Draw addresses as numbers, half of them in or next to special ranges."""
    bits = 32 if version == 4 else 128
    ends = [
        value
        for it in SPECIAL
        if it.version == version
        for value in (int(it[0]), int(it[-1]))
    ]
    near = st.builds(
        lambda end, step: (end + step) % (1 << bits),
        st.sampled_from(ends),
        st.integers(-300, 300),
    )
    return near | st.integers(0, (1 << bits) - 1)


async def answers(host: str, _port: int) -> list[str]:
    """Read numbers as the C library does, and know no names."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except (OSError, ValueError):
        raise socket.gaierror(socket.EAI_NONAME, "no such name") from None


GUARD = Guard(resolve=answers)


def dialled(text: str) -> bool | None:
    """Tell whether the guard lets a host through; None: it finds no address in it."""
    wants = GUARD.addresses(text, 443)
    try:
        wants.send(None)
    except StopIteration:
        return True
    except BlockedError:
        return False
    except socket.gaierror:
        return None
    raise AssertionError("the double of the resolver waits for nothing")


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(interesting(4))
def test_every_spelling_of_an_ipv4_address_gets_one_verdict(value: int) -> None:
    address = IPv4Address(value)
    verdict = judge(address, 443).allowed
    for text in odd_spellings(address):
        assert url_fault(f"http://{text}/") is not None, text
        assert dialled(text) in {verdict, None}, text
    assert url_fault(f"http://{address}/") is None
    assert dialled(str(address)) is verdict
    for text in six_spellings(IPv6Address(0xFFFF << 32 | value)):
        assert url_fault(f"http://[{text}]/") is None, text
        assert dialled(text) is verdict, text


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(interesting(6))
def test_every_spelling_of_an_ipv6_address_gets_one_verdict(value: int) -> None:
    address = IPv6Address(value)
    verdict = judge(address, 443).allowed
    for text in six_spellings(address):
        assert url_fault(f"http://[{text}]/") is None, text
        assert dialled(text) is verdict, text
        assert dialled(f"{text}%1") is verdict, text
        info = (socket.AF_INET6, socket.SOCK_STREAM, 0, "", (text, 443, 0, 0))
        if verdict:
            GUARD.socket_factory(info).close()
        else:
            with pytest.raises(BlockedError):
                GUARD.socket_factory(info)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(interesting(4) | st.sampled_from([int(it) for it in PUBLIC if it.version == 4]))
def test_nat64_is_judged_by_the_address_inside(value: int) -> None:
    inside = IPv4Address(value)
    assert judge(translated(inside), 443).allowed is judge(inside, 443).allowed
