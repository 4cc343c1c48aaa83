"""The configuration, beyond that it can be read."""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from server.config import Config
from server.doctor.findings import Finding, ok, problem, warning

LONG_RETENTION: Final = 90
"""Days of events after which the log is larger than what it tells of."""


def judge(
    config: Config, unknown: Sequence[str], ca_fault: str | None
) -> Iterator[Finding]:
    """Judge a configuration that could be read; `unknown` are sentences on variables
    that nothing reads, `ca_fault` why the file of authorities cannot be used.
    """
    check = "configuration"
    for sentence in unknown:
        yield warning(check, sentence, "Correct its name, or remove it.")
    if not unknown:
        yield ok(check, f"it can be read; environment {config.env}")
    yield _public_url(config)
    yield _retention(config)
    if config.ca_file is not None:
        yield _ca_file(config, ca_fault)


def unreadable(problems: Sequence[str]) -> list[Finding]:
    """Return what is said of a configuration that cannot be read."""
    mend = "See docs/configuration.md."
    return [problem("configuration", sentence, mend) for sentence in problems]


def _public_url(config: Config) -> Finding:
    check, url = "public URL", config.public_url
    if url is None:
        return ok(check, "not set")
    parts, here = urlsplit(url), _is_here(urlsplit(url).hostname or "")
    if here and not config.development:
        said = f"TOCSIN_PUBLIC_URL is {url}, which only this machine reaches."
        return warning(check, said, "Set the address that people and far ends use.")
    if parts.scheme == "http" and not here:
        said = f"TOCSIN_PUBLIC_URL is {url}: tokens would travel in the clear."
        return warning(check, said, "Serve it over https, and say so in the variable.")
    return ok(check, url)


def _retention(config: Config) -> Finding:
    check, events = "retention", config.event_retention_days
    history = config.history_retention_days
    if events > history:
        said = f"Events are kept {events} days, what they tell of only {history}."
        mend = (
            "Set TOCSIN_EVENT_RETENTION_DAYS to at most TOCSIN_HISTORY_RETENTION_DAYS."
        )
        return warning(check, said, mend)
    if events > LONG_RETENTION:
        said = f"Events are kept {events} days: the log will be most of the database."
        mend = "Set TOCSIN_EVENT_RETENTION_DAYS to as long as subscribers may be away."
        return warning(check, said, mend)
    return ok(check, f"events {events} days, history {history} days")


def _ca_file(config: Config, fault: str | None) -> Finding:
    check = "authorities"
    if fault is None:
        return ok(check, f"{config.ca_file} can be used")
    said = f"TOCSIN_CA_FILE, {config.ca_file}, cannot be used: {fault}."
    mend = "Give a file of certificates in PEM form that the server may read."
    return problem(check, said, mend)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
