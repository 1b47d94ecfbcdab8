"""Where things are: the checkout, and the folder that holds all state."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]


BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""Names of a Chromium, the lightest first: one without windows takes a fifth less of the machine."""


def chromium_path() -> str | None:
    """The Chromium that drives pages: CHROMIUM, else the first on PATH; None leaves it to playwright."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def state() -> Path:
    """The folder of everything that `./consilium` makes; CONSILIUM_STATE, else `.consilium` in the checkout."""
    return Path(os.environ.get("CONSILIUM_STATE") or ROOT / ".consilium").absolute()
