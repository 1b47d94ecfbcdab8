"""Where things are: the checkout, and the folder that holds all state."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def state() -> Path:
    """The folder of everything that `./consilium` makes; CONSILIUM_STATE, else `.consilium` in the checkout."""
    return Path(os.environ.get("CONSILIUM_STATE") or ROOT / ".consilium").absolute()
