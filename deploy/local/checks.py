"""`./consilium check` and `./consilium test`: what must be true of the source, and what must be true when it runs."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local import node
from deploy.local.places import ROOT, state
from deploy.local.trouble import Trouble

UNIT = ("tests/*/test_domain*.py", "tests/contracts/test_*.py", "tests/shared/test_*.py")
"""The layer that needs no server."""

SOURCE_CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "--quiet", "."],
    "types": ["mypy", "--no-incremental"],  # its cache forgets modules of namespace packages
    "imports": ["lint-imports"],
}
COUNTS = (
    "failed",
    "errors",
    "error",
    "passed",
    "skipped",
    "deselected",
    "xfailed",
    "xpassed",
    "warnings",
    "warning",
    "rerun",
)


def check() -> int:
    """Formats, lint, types, import rules, contracts and the unit layer, side by side. Gives 1 when one fails."""
    began = time.monotonic()
    unit = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *unit_files()]
    outcomes = list(_side_by_side({**_source_checks(), "unit layer and contracts": unit}))
    failed = [name for name, good in outcomes if not good]
    print(f"{'Failed: ' + ', '.join(failed) if failed else 'All good'} ({time.monotonic() - began:.0f} s)")
    return 1 if failed else 0


def test(arguments: Sequence[str]) -> int:
    """The checks of the source beside every test with branch coverage. With arguments: pytest with those, and nothing else."""
    node.install(node.DEV)
    if arguments:
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode
    coverage = state() / "coverage"
    shutil.rmtree(coverage, ignore_errors=True)
    coverage.mkdir(parents=True)
    with ThreadPoolExecutor(1) as aside:
        checked = aside.submit(lambda: [name for name, good in _side_by_side(_source_checks()) if not good])
        runs = [
            # one at a time to whoever is free, in the order of tests/conftest.py; one more than cores, for each waits at times
            _pytest("-m", "not alone", "-n", str((os.cpu_count() or 1) + 1), "--no-loadscope-reorder"),
            _pytest("-m", "alone", *_files_with("mark.alone")),  # to read all the others takes a quarter of a minute
        ]
    failed = checked.result()
    failed += ["tests"] if any(status not in {0, 5} for status, _ in runs) else []
    failed += [] if _coverage_is_enough() else ["coverage"]
    if failed:
        print(f"Failed: {', '.join(failed)}")
    print(summed([line for _, line in runs]))
    return 1 if failed else 0


def unit_files() -> list[str]:
    """The test files of the unit layer."""
    return sorted(str(file.relative_to(ROOT)) for pattern in UNIT for file in ROOT.glob(pattern))


def _files_with(words: str) -> list[str]:
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if words in file.read_text(encoding="utf-8")]


def _source_checks() -> dict[str, list[str]]:
    folder = Path(sys.executable).parent
    return {name: [str(folder / argv[0]), *argv[1:]] for name, argv in SOURCE_CHECKS.items()}


def _side_by_side(commands: dict[str, list[str]]) -> Iterator[tuple[str, bool]]:
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        running = {name: pool.submit(_run, argv) for name, argv in commands.items()}
        for name, future in running.items():
            done, seconds = future.result()
            good = done.returncode == 0
            print(f"  {'ok    ' if good else 'FAILED'}  {name} ({seconds:.0f} s)", flush=True)
            if not good:
                print(done.stdout + done.stderr, flush=True)
            yield name, good


def _run(argv: list[str]) -> tuple[subprocess.CompletedProcess[str], float]:
    began = time.monotonic()
    done = subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return done, time.monotonic() - began


def _pytest(*arguments: str) -> tuple[int, str]:
    """Run pytest under coverage; what it prints is shown as it comes. Gives its status and its last line."""
    argv = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "--color=no", "-q", "--durations=15", *arguments]
    running = subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "CONSILIUM_STATE": str(state())}
    )
    if running.stdout is None:
        raise Trouble("pytest has no output")
    last = ""
    for line in running.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        last = line.strip() or last
    return running.wait(), last


def _coverage_is_enough() -> bool:
    subprocess.run([sys.executable, "-m", "coverage", "combine", "--quiet"], cwd=ROOT, check=False)
    return subprocess.run([sys.executable, "-m", "coverage", "report"], cwd=ROOT, check=False).returncode == 0


def summed(lines: Sequence[str]) -> str:
    """Several last lines of pytest as one: what was counted is added, and so are the seconds."""
    counts: dict[str, int] = {}
    seconds = 0.0
    for line in lines:
        for number, word in re.findall(r"(\d+) ([a-z]+)", line):
            if word in COUNTS:
                counts[word] = counts.get(word, 0) + int(number)
        if spent := re.search(r"in ([\d.]+)s", line):
            seconds += float(spent.group(1))
    return f"{', '.join(f'{counts[word]} {word}' for word in COUNTS if word in counts) or 'no tests ran'} in {seconds:.2f}s"
