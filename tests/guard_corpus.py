"""Addresses that must not be dialled, in every way in which they can be written, and
public ones that must be.

Facts: IANA's registries of special-purpose IPv4 and IPv6 addresses and of IPv6 unicast
assignments, the RFCs named there, and what cloud vendors document of their metadata.
"""

import ipaddress
import random
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_SPECIAL = """
0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
192.0.0.0/24 192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32
192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24
192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 168.63.129.16/32
::/128 ::1/128 ::/96 ::ffff:0:0:0/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23
2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32
2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16
2620:4f:8000::/48 3fff::/20 4000::/3 5f00::/16 fc00::/7 fd00::/8 fe80::/10 fec0::/10
ff00::/8
"""
SPECIAL = tuple(ipaddress.ip_network(text) for text in _SPECIAL.split())
"""What is registered for special purposes, reachable or not, what was, and what is not
given out."""

METADATA = {
    "100.96.0.96": "Volcano Engine",
    "100.100.100.200": "Alibaba Cloud",
    "168.63.129.16": "Azure WireServer",
    "169.254.0.23": "Tencent Cloud",
    "169.254.42.42": "Scaleway",
    "169.254.169.254": "AWS, Google, Azure, Oracle, Akamai, Hetzner, OpenStack …",
    "169.254.170.2": "AWS ECS",
    "169.254.170.23": "AWS EKS",
    "192.0.0.192": "Oracle Classic",
    "fd00:42::42": "Scaleway",
    "fd00:100::100:200": "Alibaba Cloud",
    "fd00:a9fe:a9fe::1": "Akamai",
    "fd00:c1::a9fe:a9fe": "Oracle",
    "fd00:ec2::23": "AWS EKS",
    "fd00:ec2::254": "AWS",
    "fd20:ce::254": "Google",
    "fe80::a9fe:a9fe": "OpenStack",
}

_HIDDEN = """
0.0.0.0 10.0.0.1 100.100.100.200 127.0.0.1 127.1.2.3 168.63.129.16 169.254.169.254
172.16.0.1 192.0.0.192 192.168.1.1 255.255.255.255
"""
HIDDEN = tuple(IPv4Address(text) for text in _HIDDEN.split())
"""What somebody would want to reach inside of another address, or written otherwise."""

_RESOLVERS = """
1.0.0.1 1.1.1.1 4.2.2.2 8.8.4.4 8.8.8.8 9.9.9.9 64.6.64.6 76.76.2.0 84.200.69.80
94.140.14.14 149.112.112.112 185.228.168.9 193.110.81.0 208.67.220.220 208.67.222.222
2001:4860:4860::8844 2001:4860:4860::8888 2001:67c:2b0::4 2606:4700:4700::1001
2606:4700:4700::1111 2610:a1:1018::1 2620:0:ccc::2 2620:119:35::35 2620:fe::9
2620:fe::fe 2a0d:2a00:1::2 2a10:50c0::ad1:ff
"""
RESOLVERS = tuple(ipaddress.ip_address(text) for text in _RESOLVERS.split())
"""Public name servers that everybody knows."""

_ASSIGNED = """
2001:200::/23 2001:400::/23 2001:600::/23 2001:800::/22 2001:c00::/23 2001:e00::/23
2001:1200::/23 2001:1400::/22 2001:1800::/23 2001:1c00::/22 2001:2000::/19
2001:4200::/23 2001:4400::/23 2001:4800::/23 2001:5000::/20 2001:8000::/19
2001:a000::/20 2001:b000::/20 2003::/18 2400::/12 2410::/12 2600::/12 2610::/23
2620::/23 2630::/12 2800::/12 2a00::/12 2a10::/12 2c00::/12
"""
ASSIGNED = tuple(IPv6Network(text) for text in _ASSIGNED.split())
"""IPv6 that registries give out."""


def not_public() -> list[Address]:
    """Return both ends and the inside of each special range, metadata, and IPv4
    addresses hidden in IPv6 ones.
    """
    found: dict[Address, None] = {}
    for network in SPECIAL:
        first, last = int(network[0]), int(network[-1])
        kind = type(network[0])
        for value in (first, first + 1, (first + last) // 2, last - 1, last):
            if first <= value <= last:
                found[kind(value)] = None
    found |= {ipaddress.ip_address(text): None for text in METADATA}
    for inner in HIDDEN:
        found |= dict.fromkeys(carriers(inner))
    return [*found]


def carriers(inner: IPv4Address) -> Iterator[IPv6Address]:
    """Yield the IPv6 addresses that carry an IPv4 address, by every known way."""
    low = int(inner)
    yield IPv6Address(0xFFFF << 32 | low)  # mapped
    yield IPv6Address(0xFFFF << 48 | low)  # translated, RFC 2765
    yield IPv6Address(low)  # compatible
    yield translated(inner)
    local = int(IPv6Address("64:ff9b:1::"))
    yield IPv6Address(local | low)  # /96
    yield IPv6Address(local | low >> 16 << 64 | (low & 0xFFFF) << 40)  # /48
    yield IPv6Address(local | low >> 24 << 64 | (low & 0xFFFFFF) << 32)  # /56
    yield IPv6Address(local | low << 24)  # /64
    yield IPv6Address(0x2002 << 112 | low << 80 | 1)  # 6to4
    teredo = 0x2001_0000 << 96
    yield IPv6Address(teredo | low << 64 | 0xF7F7_F7F7)  # its server
    yield IPv6Address(teredo | 0x0808_0808 << 64 | ~low & 0xFFFF_FFFF)  # its client
    for prefix in ("fe80::", "2001:470::"):  # ISATAP, global and local bit
        for mark in (0x0000_5EFE, 0x0200_5EFE):
            yield IPv6Address(int(IPv6Address(prefix)) | mark << 32 | low)


def translated(inner: IPv4Address) -> IPv6Address:
    """Return the address under which NAT64 networks reach an IPv4 address."""
    return IPv6Address(int(IPv6Address("64:ff9b::")) | int(inner))


def public(seed: int) -> list[Address]:
    """Return public addresses: well-known ones, the neighbours of special ranges, and
    ones drawn all over what is given out.
    """
    drawn = random.Random(seed)  # noqa: S311 - no secret
    found: dict[Address, None] = dict.fromkeys(RESOLVERS)
    for network in SPECIAL:
        for value in (int(network[0]) - 1, int(network[-1]) + 1):
            if address := _unicast(value, network.version):
                found[address] = None
    while sum(it.version == 4 for it in found) < 700:
        if address := _unicast(drawn.randrange(1 << 24, 224 << 24), 4):
            found[address] = None
    while len(found) < 1300:
        network = drawn.choice(ASSIGNED)
        value = int(network[0]) + drawn.randrange(network.num_addresses)
        if address := _unicast(value, 6):
            found[address] = None
    inside = [it for it in found if isinstance(it, IPv4Address)][:100]
    found |= {translated(it): None for it in inside}
    found |= {IPv6Address(0xFFFF << 32 | int(it)): None for it in inside}
    return [*found]


def _unicast(value: int, version: int) -> Address | None:
    """Return an address that is in no special range, if it can be given out at all."""
    if not 0 <= value < 1 << (32 if version == 4 else 128):
        return None
    address: Address = IPv4Address(value) if version == 4 else IPv6Address(value)
    given = IPv4Network("0.0.0.0/0") if version == 4 else IPv6Network("2000::/3")
    taken = any(address.version == it.version and address in it for it in SPECIAL)
    return address if address in given and not taken else None


def odd_spellings(address: IPv4Address) -> list[str]:
    """Return what the C library or a browser reads as this address; no URL of ours may
    hold it.
    """
    value, (a, b, c, d) = int(address), address.packed
    text = str(address)
    return [
        f"{value}",
        f"{value:#x}",
        f"0X{value:X}",
        f"0{value:o}",
        f"00{value:o}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a:#x}.0{b:o}.{c}.{d}",
        f"{a}.{b}.{c}.0{d:o}",
        f"{a}.{b}.{c << 8 | d}",
        f"{a}.{b << 16 | c << 8 | d}",
        f"{a:#x}.{value & 0xFFFFFF}",
        f"{text}.",
        "".join(chr(0xFF10 + int(it)) if it.isdigit() else it for it in text),
        "".join("⓪①②③④⑤⑥⑦⑧⑨"[int(it)] if it.isdigit() else it for it in text),
        "".join(chr(0x1D7CE + int(it)) if it.isdigit() else it for it in text),
        *(text.replace(".", dot) for dot in "\u3002\uff0e\uff61"),
    ]


def six_spellings(address: IPv6Address) -> list[str]:
    """Return ways to write an IPv6 address, all of them valid: RFC 4291, section 2.2."""
    words = address.exploded.split(":")
    short = [word.lstrip("0") or "0" for word in words]
    tail = str(IPv4Address(int(address) & 0xFFFF_FFFF))
    mixed = [word.upper() if n % 2 else word for n, word in enumerate(words)]
    return list(
        dict.fromkeys(
            [
                address.compressed,
                address.compressed.upper(),
                address.exploded,
                address.exploded.upper(),
                ":".join(short),
                ":".join(mixed),
                ":".join([*short[:6], tail]),
                ":".join([*words[:6], tail]).upper(),
                *_shortened(short),
            ]
        )
    )


def _shortened(words: list[str]) -> Iterator[str]:
    """Yield the address with each run of zeros left out, not only the longest one."""
    for start in range(8):
        end = start
        while end < 8 and words[end] == "0":
            end += 1
        if end > start:
            yield f"{':'.join(words[:start])}::{':'.join(words[end:])}"
