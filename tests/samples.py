"""Reads metrics the way Prometheus does."""

from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from server.metrics import Metrics

Labels = dict[str, str]


async def families(metrics: Metrics) -> list[Metric]:
    """Return all metrics; each must be parsed as what it says it is."""
    text, media_type = await metrics.text()
    assert media_type.startswith("text/plain; version=0.0.4")
    return parsed(text.decode())


def parsed(text: str) -> list[Metric]:
    """Return the metrics of a scrape, without the times of their making."""
    found = list(text_string_to_metric_families(text))
    assert "unknown" not in {it.type for it in found}
    return [it for it in found if not it.name.endswith("_created")]


def sample(found: Iterable[Metric], name: str, **labels: str) -> float:
    """Return the value of one sample, which must be there."""
    [value] = [
        it.value
        for family in found
        for it in family.samples
        if it.name == name and it.labels == labels
    ]
    return value


def samples(found: Iterable[Metric], name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of a name that are not 0, by the values of their labels."""
    return {
        tuple(it.labels.values()): it.value
        for family in found
        for it in family.samples
        if it.name == name and it.value
    }


def labels(found: Iterable[Metric]) -> set[tuple[str, str]]:
    """Return all labels with their values."""
    return {
        pair for family in found for it in family.samples for pair in it.labels.items()
    }
