"""Figures: on the screen as a table, and in the state folder as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number. ``least`` or ``most`` is the target, where there is one; ``load`` the machine's, per core."""

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None
    load: float = 0.0

    @property
    def verdict(self) -> str:
        """Say what the number is to its target."""
        if self.least is None and self.most is None:
            return ""
        target = f"≥ {self.least:,g}" if self.least is not None else f"≤ {self.most:,g}"
        good = (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)
        return f"{target}: {'met' if good else 'MISSED'}"


def load_per_core() -> float:
    """Return the load of the last minute, per core: well above 1 means that others had a part of the machine."""
    return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)


def show(one: Figure) -> None:
    """Print a row of the table."""
    print(f"  {one.name:<62} {one.value:>10,.1f} {one.unit:<10} {one.verdict:<18} load/core {one.load}", flush=True)


def keep(figures: Sequence[Figure], folder: Path) -> Path:
    """Write all figures of a run to a file named after its time, and return its path."""
    now = datetime.now(UTC)
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{now:%Y%m%d-%H%M%S}.json"
    known = {"at": now.isoformat(), "machine": machine, "figures": [asdict(one) for one in figures]}
    file.write_text(json.dumps(known, indent=1))
    return file
