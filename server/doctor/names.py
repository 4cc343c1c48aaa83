"""Whether names can be looked up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.doctor.findings import Finding, ok, problem, warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What is known. `local`: the resolver knows this machine; `servers`: how many name
    servers are set, None where that cannot be told; `asked` and `unknown`: names of far
    ends that were looked up, and those that have no address.
    """

    local: bool
    servers: int | None
    asked: Sequence[str] = ()
    unknown: Sequence[str] = ()


def judge(facts: Names) -> Iterator[Finding]:
    """Judge the resolver."""
    check, mend = "names", "See /etc/resolv.conf and /etc/hosts."
    if not facts.local:
        yield problem(check, "The resolver does not know localhost.", mend)
    elif facts.servers == 0:
        yield warning(check, "No name server is set.", mend)
    elif facts.unknown:
        said = f"These have no address: {', '.join(facts.unknown)}."
        yield problem(
            check, said, "See the name servers, and the integrations' settings."
        )
    elif facts.asked:
        yield ok(check, f"{len(facts.asked)} far ends have addresses")
    else:
        yield ok(check, "the resolver answers; --network looks up the far ends, too")
