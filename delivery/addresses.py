"""Which addresses may be dialled: a pure rule on addresses, without names.

The ranges are those that the registries of IANA keep for special purposes, and what
clouds put their metadata on. Of IPv6 only 2000::/3 is public at all: that leaves out
every form in which an IPv4 address could hide, and all that is registered later.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
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
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # AWS, containers
        "169.254.170.23",  # AWS, pods
        "192.0.0.192",  # Oracle
        "fd00:ec2::23",  # AWS, pods
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google
    )
)
"""Where clouds hand credentials to whoever asks from inside."""


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
        """Tell whether this entry opens an address. A range opens no metadata."""
        return (
            self.port in (None, port)
            and address in self.network
            and (self.network.num_addresses == 1 or address not in _METADATA)
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
    if port not in _PORTS:
        raise ValueError(message)
    try:
        network = ipaddress.ip_network(match["six"] or match["four"] or match["bare"])
    except ValueError:
        raise ValueError(message) from None
    return Allowed(network, port)


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
    if dev and address not in _METADATA and any(address in it for it in _LOCAL):
        return Verdict(allowed=True, reason="allowed for development")
    return Verdict(allowed=False, reason=reason)


def _folded(address: Address) -> Address:
    """Return the IPv4 address inside an IPv4-mapped one (::ffff:127.0.0.1)."""
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _not_public(address: Address) -> str | None:
    """Name the reason why an address is not public; None for a public one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _GLOBAL_UNICAST:
            return "outside 2000::/3"
        if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
            return "ISATAP"
    return next((why for network, why in _NOT_PUBLIC if address in network), None)
