"""Which addresses may be dialled: a pure rule on addresses, without names.

The ranges are those that the registries of IANA keep for special purposes, and what
clouds put their metadata on. Of IPv6 only 2000::/3 is public at all: that leaves out
nearly every form in which an IPv4 address could hide, and all that is registered
later. What goes through the translators of IPv6-only networks (64:ff9b::/96) is judged
by the IPv4 address inside.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""The well-known prefix. It must carry no private address: RFC 6052, section 3.1."""

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})

_NOT_PUBLIC: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ipaddress.ip_network(text), reason)
    for text, reason in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by carriers"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "metadata"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "6to4 relays"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarks"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
    )
)

_LOCAL: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)
"""What a developer's machine may dial besides."""

_METADATA: Final[frozenset[Address]] = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.96.0.96",  # Volcano Engine
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "169.254.0.23",  # Tencent
        "169.254.42.42",  # Scaleway
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # AWS, containers
        "169.254.170.23",  # AWS, pods
        "192.0.0.192",  # Oracle
        "fd00:42::42",  # Scaleway
        "fd00:100::100:200",  # Alibaba
        "fd00:a9fe:a9fe::1",  # Akamai
        "fd00:c1::a9fe:a9fe",  # Oracle
        "fd00:ec2::23",  # AWS, pods
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google
        "fe80::a9fe:a9fe",  # OpenStack
    )
)
"""Where clouds hand credentials to whoever asks from inside."""

_METADATA_INSIDE: Final = frozenset(int(it) for it in _METADATA if it.version == 4)  # noqa: PLR2004

_PORTS: Final = frozenset({None, *range(1, 1 << 16)})
_ENTRY: Final = re.compile(
    r"(?:\[(?P<six>[^]]+)\]|(?P<four>[^:]+))(?::(?P<port>\d{1,5}))?|(?P<bare>.+)"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an address may be dialled; the reason is for operators."""

    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """A network that the operator opened, on one port or on all."""

    network: Network
    port: int | None = None

    def covers(self, address: Address, port: int) -> bool:
        """Tell whether this entry opens an address.

        Metadata, and what is behind NAT64, is opened only by an entry that names that
        one address: who opens a range does not think of these.
        """
        named = self.network.num_addresses == 1
        return (
            self.port in (None, port)
            and address in self.network
            and (named or not _only_by_name(address))
        )


def parse_allowed(text: str) -> Allowed:
    """Read `10.1.0.0/16`, `10.1.0.0/16:443`, `127.0.0.1:8080`, `fd00::/8`, `[::1]:80`.

    Raise ValueError with a sentence for anything else, names included.
    """
    message = f"{text!r} is no address or network, with or without a port"
    match = _ENTRY.fullmatch(text.strip())
    if match is None:
        raise ValueError(message)
    port = int(match["port"]) if match["port"] else None
    if port not in _PORTS or "%" in text:
        raise ValueError(message)
    try:
        network = ipaddress.ip_network(match["six"] or match["four"] or match["bare"])
    except ValueError:
        raise ValueError(message) from None
    return Allowed(_folded_network(network), port)


def judge(
    address: Address, port: int, allowed: Sequence[Allowed] = (), *, dev: bool = False
) -> Verdict:
    """Say whether an address may be dialled on a port."""
    address = _folded(address)
    reason = _not_public(address)
    if reason is None:
        return Verdict(allowed=True, reason="public")
    if any(entry.covers(address, port) for entry in allowed):
        return Verdict(allowed=True, reason="allowed by the operator")
    if dev and _is_local(address):
        return Verdict(allowed=True, reason="allowed for development")
    return Verdict(allowed=False, reason=reason)


def _folded(address: Address) -> Address:
    """Return the IPv4 address of an IPv4-mapped one (::ffff:127.0.0.1), which is what
    the system dials; and any address without its zone, which hides none.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))


def _folded_network(network: Network) -> Network:
    if isinstance(network, ipaddress.IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    inside = int(network.network_address) & 0xFFFF_FFFF
    return ipaddress.IPv4Network((inside, network.prefixlen - _MAPPED.prefixlen))


def _not_public(address: Address) -> str | None:
    """Name the reason why an address is not public; None for a public one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return _not_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _GLOBAL_UNICAST:
            return "outside 2000::/3"
        if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
            return "ISATAP"
    return next((why for network, why in _NOT_PUBLIC if address in network), None)


def _is_local(address: Address) -> bool:
    return not _only_by_name(address) and any(address in it for it in _LOCAL)


def _only_by_name(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (
        address in _NAT64 or not _METADATA_INSIDE.isdisjoint(_inside(address))
    ):
        return True
    return address in _METADATA


def _inside(address: ipaddress.IPv6Address) -> Iterator[int]:
    """Yield each IPv4 address that an IPv6 address may carry, wherever it is put.

    Sources: RFC 5214 (ISATAP) and RFC 4291 (the last bits), RFC 4380 (Teredo, inverted),
    RFC 3056 (6to4), RFC 6052, section 2.2 (NAT64; no address spans bits 64 to 71).
    """
    bits = int(address)
    yield bits & 0xFFFF_FFFF
    yield ~bits & 0xFFFF_FFFF
    yield bits >> 80 & 0xFFFF_FFFF
    joined = bits >> 64 << 56 | bits & (1 << 56) - 1
    for prefix in (32, 40, 48, 56, 64):
        yield joined >> 88 - prefix & 0xFFFF_FFFF
