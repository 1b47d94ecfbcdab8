"""Keeps the processes running from which jails are forked, one a module, and has jails cast from them.

A mould that ended is started again when it is needed, or at once where it is ``kept``; two in a row that end before they
answered are an error that a person must see.
"""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from services.records.sandbox.mould import ANSWER, ORDER, UNKNOWN
from shared import log

PATIENCE = 60.0
"""Seconds in which a mould has loaded everything, on a machine that does much else."""
SHORT_LIFE = 10.0
"""Seconds: one that ends sooner, and for the second time, is started again only after as long."""
TRIES = 2
_ROOT = Path(__file__).parents[3]
_log = log.get(__name__)


class NoMould(Exception):
    """The process that jails are forked from doesn't start here: its module can't be loaded, or the system lets it not."""


class Mould:
    """The process from which jails for one module are forked."""

    def __init__(self, module: str, scratch: Path) -> None:
        self._module, self._scratch = module, scratch
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None

    def start(self) -> None:
        """Have it running; whether it has loaded everything, the first ``cast`` waits for."""
        with self._lock:
            self._running()

    def cast(self, line: socket.socket) -> tuple[int, int]:
        """Return number and handle (pidfd) of a new jail that has ``line``. It blocks. Raises ``NoMould``."""
        with self._lock:
            for _ in range(TRIES):
                orders = self._running()
                with suppress(OSError):
                    socket.send_fds(orders, [ORDER.pack(0)], [line.fileno()])
                    said, handles, _, _ = socket.recv_fds(orders, ANSWER.size, 1)
                    if handles:
                        return ANSWER.unpack(said)[0], handles[0]
                self._end()
        raise NoMould(self._module)

    def how_ended(self, jail: int) -> int | None:
        """Return the exit status of a jail that ended (negative: the signal that ended it), once; None where nobody knows."""
        with self._lock:
            if self._orders is None:
                return None
            try:
                self._orders.sendall(ORDER.pack(jail))
                answer = ANSWER.unpack(self._orders.recv(ANSWER.size, socket.MSG_WAITALL))
            except (OSError, struct.error):
                self._end()
                return None
        return None if answer[1] == UNKNOWN else int(answer[1])

    @property
    def pid(self) -> int | None:
        """The process's number, None while there is none."""
        return None if self._process is None else self._process.pid

    async def keep(self) -> None:
        """Have it running for as long as this isn't cancelled."""
        short_lives = 0
        while True:
            began = time.monotonic()
            await asyncio.to_thread(self.start)
            await self._ended()
            _log.warning("sandbox_mould_ended", module=self._module)
            short_lives = short_lives + 1 if time.monotonic() - began < SHORT_LIFE else 0
            await asyncio.sleep(SHORT_LIFE if short_lives > 1 else 0)

    def end(self) -> None:
        """End it."""
        with self._lock:
            self._end()

    def _running(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None or self._orders is None:
            self._orders, theirs = socket.socketpair()
            self._orders.settimeout(PATIENCE)
            code = [sys.executable, "-P", "-m", "services.records.sandbox.mould"]
            told = {"PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
            with theirs:
                self._process = subprocess.Popen(
                    [*code, str(theirs.fileno()), str(self._scratch), self._module], pass_fds=[theirs.fileno()],
                    env=told, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
                )  # fmt: skip
        return self._orders

    def _end(self) -> None:
        if self._orders is not None:
            self._orders.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._orders = None

    async def _ended(self) -> None:
        process, over = self._process, asyncio.Event()
        if process is None or process.poll() is not None:
            return
        handle, loop = os.pidfd_open(process.pid), asyncio.get_running_loop()
        loop.add_reader(handle, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(handle)
            os.close(handle)


_moulds: dict[tuple[str, Path], Mould] = {}
_lock = threading.Lock()


def mould_of(module: str, scratch: Path) -> Mould:
    """Return the one mould of this process for a module."""
    with _lock:
        return _moulds.setdefault((module, scratch), Mould(module, scratch))


def end_all() -> None:
    """End every mould of this process."""
    for mould in [*_moulds.values()]:
        mould.end()
