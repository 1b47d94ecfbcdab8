"""Each service is its own distribution, declares what it imports, and the locks name no index."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.local.places import ROOT
from deploy.local.plan import SERVICES

DISTRIBUTIONS = ("shared", *(f"services/{name}" for name in SERVICES))
TELLING = (
    r"files\.[p]ythonhosted",
    r"registry\.[n]pmjs",
    r"[p]ypi\.org/simple",
    r"repo1?\.[m]aven",
    r"\"[r]esolved\":",
    "^--(extra-)?index-url",
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    built = {}
    for path in DISTRIBUTIONS:
        target = folder / path.replace("/", "-")
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
        subprocess.run(command, cwd=ROOT / path, check=True, capture_output=True, env=unmeasured)
        built[path] = next(target.glob("*.whl"))
    return built


@pytest.mark.parametrize("path", DISTRIBUTIONS)
def test_a_wheel_holds_its_own_folder_and_nothing_else(path: str, wheels: dict[str, Path]) -> None:
    names = [name for name in zipfile.ZipFile(wheels[path]).namelist() if ".dist-info/" not in name]
    assert names
    assert all(name.startswith(f"{path}/") for name in names)
    assert not [name for name in names if name.endswith((".pyc", "pyproject.toml"))]
    data = {Path(name).suffix for name in names}
    assert ".sql" in data
    assert path == "services/notify" or {".html", ".jinja"} & data


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_lives_without_the_others(name: str, wheels: dict[str, Path], tmp_path: Path) -> None:
    for wheel in (wheels["shared"], wheels[f"services/{name}"]):
        zipfile.ZipFile(wheel).extractall(tmp_path)
    other = next(service for service in SERVICES if service != name)
    story = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import services.{name}.__main__ as main
assert main.SERVICE.name == {name!r}
assert main.__file__.startswith({str(tmp_path)!r}), main.__file__
try:
    import services.{other}
except ModuleNotFoundError:
    print("alone")
"""
    said = subprocess.run(
        [sys.executable, "-I", "-c", story], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert said.stdout == "alone\n", said.stderr


@pytest.mark.parametrize("path", DISTRIBUTIONS)
def test_what_a_distribution_imports_it_declares(path: str) -> None:
    declared = {canonicalize_name(Requirement(line).name) for line in dependencies(path)}
    if path != "shared":
        assert "consilium-shared" in declared
        declared |= {canonicalize_name(Requirement(line).name) for line in dependencies("shared")}
    owners = dict(packages_distributions())
    owners["pydantic_core"] = owners["pydantic"]  # pinned by pydantic, and half of it
    undeclared = {
        f"{file.relative_to(ROOT)}: {module}"
        for file, module in imports(ROOT / path)
        if module in owners and not {canonicalize_name(owner) for owner in owners[module]} & declared
    }
    assert not undeclared


def dependencies(path: str) -> list[str]:
    lines: list[str] = tomllib.loads((ROOT / path / "pyproject.toml").read_text())["project"]["dependencies"]
    return lines


def imports(folder: Path) -> Iterator[tuple[Path, str]]:
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, name.name.partition(".")[0]) for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield file, node.module.partition(".")[0]


@pytest.mark.parametrize("name", ["dev", "local", "bench", "uv", *SERVICES])
def test_a_lock_pins_everything_with_hashes(name: str) -> None:
    lock = (ROOT / "requirements" / f"{name}.txt").read_text()
    pinned = re.findall(r"^[\w.-]+==\S+.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)+", lock, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^\S", lock, re.MULTILINE)) > 0


def test_a_lock_has_what_its_project_declares() -> None:
    for name in SERVICES:
        locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE)
        wanted = {
            canonicalize_name(Requirement(line).name)
            for line in (*dependencies(f"services/{name}"), *dependencies("shared"))
        }
        assert wanted - {"consilium-shared"} <= set(map(canonicalize_name, locked)), name


def test_nothing_in_the_repository_says_where_packages_come_from() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert not [name for name in tracked if Path(name).name in {"uv.lock", "pip.conf", ".npmrc", ".pypirc", "uv.toml"}]
    hosts = re.compile("|".join(TELLING), re.MULTILINE)
    telling = [
        name for name in tracked
        if (ROOT / name).is_file() and Path(name).suffix in {".txt", ".json", ".toml", ".cfg", ".yml", ".yaml", ".py", ".sh", ""}
        and hosts.search((ROOT / name).read_text(errors="ignore"))
    ]  # fmt: skip
    assert not telling
