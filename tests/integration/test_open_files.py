"""A server may open as many files as the system lets it, not as few as shells do."""

import resource
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from server.open_files import allow_many
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allow_many()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted"),
    [(512, 4_096, 4_096), (512, 16_384, 8_192), (9_000, 16_384, 9_000)],
)
def test_the_limit_is_raised_as_far_as_is_wanted(
    soft: int, hard: int, wanted: int
) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        pytest.skip(f"this machine lets nobody open {hard} files")
    program = PROGRAM.format(soft=soft, hard=hard)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(wanted), str(hard)]
