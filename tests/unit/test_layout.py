"""The general names of our packages are ours, and no file ties us to a machine."""

import importlib
import re
import subprocess
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
PACKAGES: list[str] = TOOLS["hatch"]["build"]["targets"]["wheel"]["packages"]
PROVIDERS = packages_distributions()

# Put together from pieces, so that this file does not find itself.
REGISTRIES = (
    "pypi" + r"\.org",
    "pythonhosted" + r"\.org",
    "registry" + r"\.npmjs",
    "index" + "-url[ =]+.*://",
    "deb" + r"\.debian\.org",
)
MACHINES = (
    "/" + "root/",
    "/" + "work/",
    "/" + r"home/[a-z]",
    "/" + "Users/[A-Za-z]",
)


@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_the_checkouts(name: str) -> None:
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file) == ROOT / name / "__init__.py"


@pytest.mark.parametrize("name", [*PACKAGES, "tests", "benchmarks"])
def test_no_other_distribution_brings_our_names(name: str) -> None:
    assert set(PROVIDERS.get(name, ())) <= {"tocsin"}


def test_every_package_is_built_and_its_imports_are_checked() -> None:
    assert sorted(file.parent.name for file in ROOT.glob("*/__init__.py")) == PACKAGES
    assert TOOLS["importlinter"]["root_packages"] == PACKAGES


def files_of_the_project() -> list[Path]:
    wanted = ["--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(
        ["git", "ls-files", "-z", *wanted],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    files = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def test_no_file_names_a_registry_or_a_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what belongs to the project is unknown")
    forbidden = re.compile("|".join(REGISTRIES + MACHINES).encode())
    found = [
        f"{file.relative_to(ROOT)}: {hit.group().decode()}"
        for file in files_of_the_project()
        if (hit := forbidden.search(file.read_bytes()))
    ]
    assert found == []
