"""The secret keys: there, and those that stored secrets were sealed with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from server.doctor.findings import Finding, ok, problem, warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What is known. `place` is where they come from; `fault` says why they cannot be
    read, `held` are their ids, None where there are none; `used` counts stored secrets
    by the id of their key, `unopened` those that no key opens though its id is there.
    """

    place: str
    held: Sequence[str] | None
    fault: str | None = None
    used: Mapping[str, int]
    unopened: Mapping[str, int]
    must_be_given: bool


def judge(facts: Keys) -> Iterator[Finding]:
    """Judge the keys."""
    check = "keys"
    if facts.fault is not None:
        mend = "Bring back the keys that were there, from where copies are kept."
        yield problem(check, f"{facts.place} cannot be used: {facts.fault}", mend)
    elif facts.held is None:
        yield _none(check, facts)
    else:
        faults = [*_missing(check, facts), *_unopened(check, facts)]
        sealed = sum(facts.used.values())
        said = f"{', '.join(facts.held)} of {facts.place}; {sealed} secrets open"
        yield from faults or [ok(check, said)]


def _none(check: str, facts: Keys) -> Finding:
    if facts.used:
        count = sum(facts.used.values())
        said = (
            f"There are no keys ({facts.place}), and {count} stored secrets need them."
        )
        return problem(check, said, "Bring back the keys, from where copies are kept.")
    if facts.must_be_given:
        said = "There are none, and production on PostgreSQL does not start so."
        mend = "Set TOCSIN_SECRET_KEYS, see docs/configuration.md."
        return problem(check, said, mend)
    return warning(check, "There are none yet.", "`tocsin serve` makes one.")


def _missing(check: str, facts: Keys) -> Iterator[Finding]:
    for key_id, count in sorted(facts.used.items()):
        if key_id not in (facts.held or ()):
            said = f"{count} stored secrets need the key {key_id}, which is not in {facts.place}."
            yield problem(check, said, "Add it again, after the first.")


def _unopened(check: str, facts: Keys) -> Iterator[Finding]:
    for key_id, count in sorted(facts.unopened.items()):
        said = f"{count} stored secrets do not open with the key {key_id} of {facts.place}."
        mend = "It is another key of that name: bring back the right one."
        yield problem(check, said, mend)
