"""The guard in the whole of Tocsin: what the API says when an integration is made, and
what becomes of its deliveries, for every form of every address that is not public.
"""

from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from delivery.guard import Guard
from domain.deliveries import DeliveryStatus, OutcomeKind
from server.config import load
from tests.guard_corpus import (
    HIDDEN,
    METADATA,
    SPECIAL,
    carriers,
    odd_spellings,
    public,
    six_spellings,
)
from tests.listeners import Listeners, listening
from tests.whole_server import tocsin
from tests.zone import Zone

LOOPBACK = ("127.0.0.1", "127.1.2.3", "::1")
"""Where the double listens: whoever gets there was let through."""

ZONE = {
    "localhost": [["127.0.0.1", "::1"]],
    "metadata": [["169.254.169.254"]],
    "metadata.google.internal": [["169.254.169.254", "fd20:ce::254"]],
    "instance-data.ec2.internal": [["169.254.169.254"]],
    "metadata.tencentyun.com": [["169.254.0.23"]],
    "127.0.0.1.dns.example": [["127.0.0.1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "nat64.example": [["64:ff9b::7f00:1"]],
    "zoned.example": [["fe80::1%1"]],
    "inside.example": [["10.0.0.1", "fd00::1", "127.0.0.1"]],
    f"{'x.' * 125}com": [["127.0.0.1"]],
    "xn--bcher-kva.example": [["127.0.0.1"]],
}
ALIASES = {"www.example": "cdn.example", "cdn.example": "localhost"}

NAMES = [
    *("localhost", "LOCALHOST", "LocalHost.", "localhost\u3002", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"),
    *("metadata", "metadata.google.internal", "METADATA.GOOGLE.INTERNAL."),
    *("metadata\u3002google\uff0einternal", "\uff4detadata.google.internal"),
    *("instance-data.ec2.internal", "metadata.tencentyun.com"),
    *("127.0.0.1.dns.example", "mapped.example", "nat64.example", "zoned.example"),
    *("inside.example", "www.example", f"{'x.' * 125}com", "bücher.example"),
]
"""Names that lead inside; valid, thus warned of."""

TRICKS = [
    *(
        "user@127.0.0.1",
        "user:password@127.0.0.1",
        "example.com@127.0.0.1",
        "@127.0.0.1",
    ),
    *("127.0.0.1\\@example.com", "example.com\\.127.0.0.1", "127.0.0.1#@example.com"),
    *("127.0.0.1\t", "127.0\n.0.1", "127.0.0.1 .example.com", "\x00127.0.0.1"),
    *("127%2e0%2e0%2e1", "%31%32%37.0.0.1", "localhos%74", "127.0.0.1%00.example.com"),
    *(
        "0127.0.0.1",
        "127.0.0.010",
        "127..1",
        "127.0.0.1..",
        ".127.0.0.1",
        "127.0.0.1.5",
    ),
    *("256.0.0.1", "1.2.3", "4294967296", "0x", "example.0x7f", "example.1"),
    *(
        "[127.0.0.1]",
        "[::1",
        "::1",
        "[::1]a",
        "[[::1]]",
        "[v1.x]",
        "[::1%251]",
        "[::1%1]",
    ),
    *("[fe80::1%25eth0]", "[]", "[::ffff:127.1]", "[::127.0.0.01]", "[1::2::3]"),
    *(
        "[::1]:80:80",
        "127.0.0.1:65536",
        "127.0.0.1:0x50",
        "127.0.0.1:\uff18\uff10",
        "127.0.0.1:-1",
    ),
    *("", ".", "..", "a" * 64, f"{'x.' * 127}com", f"{'a' * 300}.example"),
    *(
        "loc\u00adalhost",
        "127.0.0.1\u200b",
        "127.0.0\u20241",
        "-a.example",
        "xn--.example",
    ),
    *("127.0.0.1?@x y", "${host}", "{host}", "<localhost>", "local|host", "local^host"),
]
"""What is no host of a URL that we dial."""


def urls(hosts: Sequence[str], port: int) -> list[str]:
    return [f"http://{host}:{port}/hook" for host in hosts]


def refused(port: int) -> list[str]:
    """Return what must be a VALIDATION_ERROR: it is no host, whatever others read."""
    odd = [text for it in HIDDEN[3:7] for text in odd_spellings(it)]
    tricks = [f"http://{it}/hook" for it in TRICKS]
    schemes = [f"{it}://127.0.0.1:{port}/" for it in ("gopher", "ftp", "file", "dict")]
    return [*urls(odd, port), *tricks, *schemes, "//127.0.0.1/", "http:/127.0.0.1/"]


def warned(port: int) -> list[str]:
    """Return what is taken with a warning: valid, and not public.

    One of each special range, each in another spelling, and all that reach loopback or
    metadata; `test_guard_names` sends to the whole corpus.
    """
    chosen: list[IPv4Address | IPv6Address] = [
        it[it.num_addresses > 1] for it in SPECIAL
    ]
    chosen += [ip_address(text) for text in METADATA]
    for inner in ("127.0.0.1", "169.254.169.254"):
        chosen += [IPv4Address(inner), *carriers(IPv4Address(inner))]
    hosts: list[str] = list(NAMES)
    for n, address in enumerate(chosen):
        spelled = [str(address)]
        if isinstance(address, IPv6Address):
            spelled = [f"[{it}]" for it in six_spellings(address)]
        reaches = str(address) in {"::1", "::ffff:7f00:1"}
        hosts += spelled if reaches else [spelled[n % len(spelled)]]
    return urls(list(dict.fromkeys(hosts)), port)


@pytest.fixture
async def far_end() -> AsyncIterator[Listeners]:
    async with listening(*LOOPBACK) as made:
        yield made


async def test_nothing_that_is_not_public_is_reached(
    database_url: str, far_end: Listeners
) -> None:
    """Created with a warning, then refused at the dial: nobody saw a connection."""
    zone = Zone(ZONE | {"rebinding.example": [["8.8.8.8"], ["127.0.0.1"]]}, ALIASES)
    addresses = warned(far_end.port)
    async with tocsin(database_url, Guard(resolve=zone)) as running:
        for url, payload in zip(
            addresses, await running.create_all(addresses), strict=True
        ):
            assert payload["errors"] == [], url
            [warning] = payload["warnings"]
            assert "TOCSIN_EGRESS_ALLOW" in warning["message"], url
            assert warning["path"] == ["input", "settings"]
        rebinding = f"http://rebinding.example:{far_end.port}/"
        assert (await running.create(rebinding))["warnings"] == []
        attempts = await running.tell_all()
    assert len(attempts) == len(addresses) + 1
    for attempt in attempts:
        assert attempt["outcome"] == OutcomeKind.RETRY, attempt["error"]
        assert attempt["status_code"] is None
        assert attempt["error"] == (
            "The address is not public. "
            "The operator can allow it with TOCSIN_EGRESS_ALLOW."
        ), attempt["settings"]
        assert attempt["status"] in {DeliveryStatus.RETRYING, DeliveryStatus.SENDING}
    assert far_end.connections == {}
    assert running.stages["connected"] == 0


async def test_what_is_no_host_is_no_integration(
    database_url: str, far_end: Listeners
) -> None:
    zone = Zone(ZONE, ALIASES)
    addresses = refused(far_end.port)
    async with tocsin(database_url, Guard(resolve=zone)) as running:
        for url, payload in zip(
            addresses, await running.create_all(addresses), strict=True
        ):
            assert payload["integration"] is None, url
            [error] = payload["errors"]
            assert error["code"] == "VALIDATION_ERROR", url
            assert error["path"] == ["input", "settings", "webhook", "webhookUrl"]
            assert "canary" not in error["message"]
        made = await running.store.fetchval("SELECT count(*) FROM integration")
    assert made == 0
    assert zone.asked == []


async def test_nothing_public_is_warned_of(sqlite_url: str) -> None:
    """A sample over the API; the rule itself is asked about all of them elsewhere."""
    names = {
        "public.example": [["8.8.8.8"]],
        "mixed.example": [["10.0.0.1", "8.8.8.8"]],
    }
    hosts = [f"[{it}]" if it.version == 6 else str(it) for it in public(7)[::20]]
    async with tocsin(sqlite_url, Guard(resolve=Zone(names))) as running:
        for payload in await running.create_all(urls([*hosts, *names], 443)):
            assert payload["errors"] == []
            assert payload["warnings"] == []


async def test_what_the_operator_allows_is_reached(
    database_url: str, far_end: Listeners
) -> None:
    port = far_end.port
    allow = f"127.0.0.0/8:{port}, [::1]:{port}"
    guard = Guard(
        load({"TOCSIN_EGRESS_ALLOW": allow}).egress_allow, resolve=Zone(ZONE, ALIASES)
    )
    hosts = [
        *("127.0.0.1", "127.1.2.3", "localhost", "LocalHost.", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"),
        *("inside.example", "mapped.example", "www.example", f"{'x.' * 125}com"),
        *(f"[{it}]" for it in six_spellings(IPv6Address("::1"))),
        *(f"[{it}]" for it in six_spellings(IPv6Address("::ffff:127.0.0.1"))),
    ]
    async with tocsin(database_url, guard) as running:
        for payload in await running.create_all(urls(hosts, port)):
            assert (payload["errors"], payload["warnings"]) == ([], [])
        attempts = await running.tell_all()
    assert {it["outcome"] for it in attempts} == {OutcomeKind.SENT}
    assert len(attempts) == len(hosts)
    assert far_end.connections.total() == len(hosts)
    assert {*far_end.connections} == {*LOOPBACK}
