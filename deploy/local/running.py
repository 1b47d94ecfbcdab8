"""Who runs: at most one instance for each state folder, told by a lock that ends with its holder."""

import fcntl
import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self

from deploy.local.trouble import Trouble


@dataclass(frozen=True)
class Running:
    """An instance: its supervisor's process id, its address, and whether it is ready."""

    pid: int
    url: str
    ready: bool

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """The instance that holds the folder's lock; None when nobody does."""
        lock = folder / "run.lock"
        if not lock.exists():
            return None
        with lock.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                note = folder / "run.json"
                return cls(**json.loads(note.read_text())) if note.exists() else cls(0, "", ready=False)
        return None

    def note(self, folder: Path) -> None:
        """Write down that we are this instance."""
        draft = folder / "run.json.new"
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(folder / "run.json")


def claim(folder: Path) -> IO[str]:
    """Hold the folder until the returned file is closed. Raises Trouble when an instance runs."""
    file = (folder / "run.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        other = Running.find(folder)
        where = f" at {other.url} (process {other.pid})" if other and other.pid else ""
        raise Trouble(f"Consilium runs already{where}. Stop it with `./consilium down`, or use it as it is.") from None
    (folder / "run.json").unlink(missing_ok=True)
    return file


def stop(folder: Path, seconds: float = 40) -> bool:
    """Stop the instance that runs and wait until it is gone; False when there was none. Raises Trouble when it won't go."""
    running = Running.find(folder)
    if running is None:
        return False
    if running.pid:
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while Running.find(folder) is not None:
        if time.monotonic() > deadline:
            raise Trouble(
                f"Process {running.pid} does not stop. End it with `kill -9 {running.pid}`; what it started ends with it."
            )
        time.sleep(0.1)
    return True
