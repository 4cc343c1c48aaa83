"""Whether a server runs, answers, and is of this version."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.doctor.findings import Finding, ok, problem, warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What is known. `status` is what answered to /readyz, None where nothing did;
    `ours` whether that was Tocsin; `here` whether a server holds the data directory;
    `running` are the versions of that one and of those connected to the database.
    """

    url: str
    status: int | None
    ours: bool = False
    here: bool = False
    running: Sequence[str] = ()


def judge(facts: Serving, version: str) -> Iterator[Finding]:
    """Judge whether it is served."""
    yield _answer(facts)
    others = sorted(set(facts.running) - {version})
    if others:
        said = f"A server of version {', '.join(others)} runs, this is {version}."
        yield warning("version", said, "Restart what is older.")
    else:
        yield ok("version", version)


def _answer(facts: Serving) -> Finding:
    check, url = "server", facts.url
    if facts.status is not None and not facts.ours:
        said = f"Something else answers at {url}."
        return warning(check, said, "Serve on another --port, or see --url.")
    match facts.status:
        case None if facts.here:
            said = f"A server runs, but does not answer at {url}."
            return warning(
                check, said, "Say with --url where it listens, or see its log."
            )
        case None if facts.running:
            return ok(check, f"none answers at {url}; others use the database")
        case None:
            return ok(check, f"none runs; {url} is free")
        case 200:
            return ok(check, f"it answers at {url}")
        case status:
            said = f"It answers {status} at {url}: it cannot work."
            return problem(
                check, said, "See its log, and what is said of the database."
            )
