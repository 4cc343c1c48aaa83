"""What `tocsin doctor` finds, as tests look at it."""

from collections.abc import Sequence

from server.doctor.findings import Finding

OF_THE_MACHINE = {"disk", "file system", "open files", "names"}
"""What these tests cannot decide: the machine that they run on may be anything."""

OF_THE_TESTS = {"durability"}
"""PostgreSQL is run without fsync here, which is told, and rightly so."""


def out_of_order(findings: Sequence[Finding]) -> dict[str, str]:
    """Return, by check and level, what is said and how it is to be mended."""
    said: dict[str, str] = {}
    for it in findings:
        if it.level != "ok" and it.check not in OF_THE_MACHINE | OF_THE_TESTS:
            assert it.mend, it.said
            name = f"{it.check} {it.level}"
            said[name] = f"{said.get(name, '')}{it.said} {it.mend}"
    return said
