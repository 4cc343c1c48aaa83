"""Random operations of several clients against the model: bounded, and always the same."""

from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.state_machines.machine import PROFILE, on_database

EXAMPLES = {"sqlite": 15, "postgres": 5}
"""A few seconds on each database; the long form is `benchmarks/state_machines.py`."""


def test_every_step_has_a_lawful_explanation(database_url: str) -> None:
    """On PostgreSQL the clients are spread over two processes' parts."""
    kind = database_url.partition(":")[0]
    nodes = 2 if kind == "postgres" else 1
    short = settings(
        PROFILE,
        max_examples=EXAMPLES[kind],
        stateful_step_count=20,
        derandomize=True,
        phases=[Phase.generate],
    )
    run_state_machine_as_test(on_database(database_url, nodes), settings=short)
