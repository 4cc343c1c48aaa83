"""Media types: what a client sends and what it wants back.

Clients that ask for `application/json` alone are of the time before there was a media
type of GraphQL's own: they get status 200 for every document, also for a wrong one.
"""

from dataclasses import dataclass
from typing import Final

GRAPHQL: Final = "application/graphql-response+json"
JSON: Final = "application/json"
HTML: Final = "text/html"
EVENTS: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The media type of the answer, and whether a wrong document is a 200."""

    media_type: str
    legacy: bool = False


def wanted(accept: str | None) -> Wanted | None:
    """Return what an Accept header wants of us; None if that is nothing we have."""
    weights = _weights(accept) if accept and accept.strip() else {"*/*": 1.0}
    graphql, json = weights.get(GRAPHQL), weights.get(JSON)
    if graphql and graphql >= (json or 0):
        return Wanted(GRAPHQL)
    if json:
        return Wanted(JSON, legacy=True)
    anything = weights.get("application/*", weights.get("*/*", 0.0))
    if not anything or json == 0.0:
        return Wanted(GRAPHQL) if anything and graphql != 0.0 else None
    return Wanted(JSON)


def wants_events(accept: str | None) -> bool:
    """Whether the answer shall be a stream of events rather than one document."""
    weights = _weights(accept or "")
    others = (weights.get(GRAPHQL, 0.0), weights.get(JSON, 0.0))
    return weights.get(EVENTS, 0.0) > max(0.0, *others)


def wants_page(accept: str | None) -> bool:
    """Whether this is a browser that opens the address."""
    return bool(_weights(accept or "").get(HTML))


def is_json(content_type: str | None) -> bool:
    """Whether a Content-Type is JSON in an encoding that we read."""
    media_type, _, parameters = (content_type or "").partition(";")
    if media_type.strip().lower() != JSON:
        return False
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() in {"utf-8", "utf8"}
    return True


def _weights(accept: str) -> dict[str, float]:
    """Return the media ranges of an Accept header and how much each is wanted."""
    weights = {}
    for entry in accept.split(","):
        media_range, *parameters = entry.split(";")
        weights[media_range.strip().lower()] = _quality(parameters)
    return weights


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
