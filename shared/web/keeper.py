"""A web server that is there again at once: a parent that has read everything keeps a child that answers.

The listening socket is the parent's: who connects while nobody answers waits a moment, and isn't refused. A child that
is killed (out of memory, a library that crashes) has an heir some hundredths of a second later, for nothing has to be
read again. One that can't start, or ends by itself, ends the parent with its status: whoever runs it must know.
"""

import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from shared import log

_STOPS = (signal.SIGTERM, signal.SIGINT)
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
"""Seconds before another heir is tried while each dies before it answers."""
_CANT_START = 3
_log = log.get(__name__)


class _Server(uvicorn.Server):
    """Tells whoever reads the other end of ``ready`` that it answers."""

    def __init__(self, config: uvicorn.Config, ready: int) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            os.write(self._ready, b".")
            os.close(self._ready)


def serve(config: uvicorn.Config, begin: Callable[[], None]) -> int:
    """Serve in this very process, after ``begin``, and return its status."""
    begin()
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else _CANT_START


def keep(config: uvicorn.Config, begin: Callable[[], None]) -> int:
    """Serve until SIGTERM or SIGINT, or until a child ends by itself, and return its status.

    ``begin`` is called in each child: what must not be shared, such as threads and connections, begins there.
    """
    config.load()
    listening = config.bind_socket()
    gc.collect()
    gc.freeze()  # what was read until here is looked through by no child, and so stays shared
    return _Children(config, listening, begin).live()


class _Children:
    """One child after the other. Each ends when this process does: it holds the other end of ``alive``."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket, begin: Callable[[], None]) -> None:
        self._config, self._listening, self._begin = config, listening, begin
        self._alive = os.pipe()
        self._child = 0
        self._stopping = False

    def _stop(self, *_: object) -> None:
        self._stopping = True
        if self._child:
            os.kill(self._child, signal.SIGTERM)

    def live(self) -> int:
        """Have one child after the other live, until one isn't to have an heir; return its status."""
        for number in _STOPS:
            signal.signal(number, self._stop)
        wait = 0.0
        while not self._stopping:
            time.sleep(wait)
            answered, status = self._one()
            if self._stopping:
                return 0
            if not os.WIFSIGNALED(status):
                return os.waitstatus_to_exitcode(status)
            wait = 0.0 if answered else min(max(_FIRST_WAIT, wait * 2), _LONGEST_WAIT)
            _log.error("server_died", signal=signal.Signals(os.WTERMSIG(status)).name, heir_in_seconds=wait)
        return 0

    def _one(self) -> tuple[bool, int]:
        """Have a child live; return whether it ever answered, and how it ended."""
        heard, ready = os.pipe()
        with _held_back(_STOPS):
            self._child = os.fork()
            if self._child == 0:
                os.close(heard)
                self._be_child(ready)
        os.close(ready)
        _, status = os.waitpid(self._child, 0)
        self._child = 0
        answered = os.read(heard, 1) == b"."
        os.close(heard)
        return answered, status

    def _be_child(self, ready: int) -> None:
        os.close(self._alive[1])
        for number in _STOPS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        threading.Thread(target=self._end_with_parent, daemon=True).start()
        self._begin()
        server = _Server(self._config, ready)
        server.run([self._listening])
        sys.exit(0 if server.started else _CANT_START)

    def _end_with_parent(self) -> None:
        os.read(self._alive[0], 1)  # returns when nobody is left who could write
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _held_back(signals: tuple[signal.Signals, ...]) -> Iterator[None]:
    """Let signals wait until the end of the block."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
