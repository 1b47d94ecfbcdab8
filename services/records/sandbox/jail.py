"""Asks a confined process what a stranger's file is: it may die, hang or lie, and nothing of ours is touched.

A jail is forked for one module (``casting``) and serves many calls; one that broke a limit is thrown away. What comes back is
data of a stranger still.
"""

import asyncio
import atexit
import json
import os
import select
import signal
import socket
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from services.records.sandbox import casting, confinement
from services.records.sandbox.cell import FRAME
from services.records.settings import Settings
from shared import log
from shared.service import Context

AT_ONCE = 2
"""Jails that work at the same time, per process of ours."""
LONGEST_META = 1 << 20
LARGEST_STEP = 64 << 20
CALLS = 2000
"""A jail is replaced after so many, whatever it may have become."""
FIRST_THINGS = 1.0
"""Seconds that a process which has only just started has other things to do; one that dies sooner has loaded nothing."""
LAST_WORDS = 5.0
"""Seconds in which a process that was killed has ended."""
_log = log.get(__name__)


class Killed(Exception):
    """The process broke a limit or died over this file. ``outside``: it was ended from elsewhere (SIGKILL): by the kernel,
    short of memory or because this process had computed enough in its life, or by a person. That needn't be the file's fault.
    """

    def __init__(self, cause: str, *, outside: bool = False) -> None:
        super().__init__(cause)
        self.outside = outside


class Failed(Exception):
    """The function raised: ``kind`` names the exception's type, ``code`` its own ``code`` if it had one."""

    def __init__(self, kind: str, code: str | None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.code = code


class Jail:
    """One confined process. Its methods block: use them in a thread, from one at a time."""

    def __init__(self, module: str, scratch: Path) -> None:
        self.module = module
        self.calls = 0
        self._line, theirs = socket.socketpair()
        with theirs:
            self._mould = casting.mould_of(module, scratch)
            self.pid, self._process = self._mould.cast(theirs)
        try:
            self.taken_away = frozenset(self._read(casting.PATIENCE)[0]["ready"])
        except (OSError, ValueError, KeyError, TypeError) as problem:
            self.close()
            raise Killed(type(problem).__name__, outside=True) from problem
        note_missing(confinement.ALL - self.taken_away)

    def ask(
        self, function: str, fd: int, arguments: dict[str, Any], seconds: float
    ) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Yield what ``function`` of the jail's module says of an open file, step by step, each within ``seconds``.

        Raises ``Killed``, after which the jail is of no use, and ``Failed``, after which it is.
        """
        self.calls += 1
        told = json.dumps({"function": function, "arguments": arguments, "seconds": seconds}).encode()
        try:
            socket.send_fds(self._line, [FRAME.pack(len(told), 0)], [fd])
            self._line.sendall(told)
            while True:
                meta, payload = self._read(seconds + 2)
                if "step" in meta:
                    yield meta["step"], payload
                elif "failed" in meta:
                    raise Failed(str(meta["failed"]), meta.get("code"))
                else:
                    return
        except GeneratorExit:
            self.close()
            raise
        except (OSError, ValueError, KeyError, TypeError) as problem:
            outside = self._was_ended()
            self.close()
            raise Killed(type(problem).__name__, outside=outside) from problem

    def _was_ended(self) -> bool:
        """Return whether somebody else ended the process; a limit that it broke ends it otherwise."""
        return self.ended(0.5) == -signal.SIGKILL

    def _read(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + seconds
        length, more = FRAME.unpack(self._exactly(FRAME.size, deadline))
        if length > LONGEST_META or more > LARGEST_STEP:
            raise ValueError("says more than it may")
        meta: dict[str, Any] = json.loads(bytes(self._exactly(length, deadline)))
        return meta, bytes(self._exactly(more, deadline)) if more else b""

    def _exactly(self, size: int, deadline: float) -> bytearray:
        got = bytearray(size)
        view, at = memoryview(got), 0
        while at < size:
            self._line.settimeout(max(deadline - time.monotonic(), 0.001))
            came = self._line.recv_into(view[at:])
            if not came:
                raise ConnectionResetError("died")
            at += came
        return got

    def ended(self, within: float) -> int | None:
        """Return the exit status of a process that ends ``within`` seconds; negative: the signal that ended it."""
        gone = select.poll()
        gone.register(self._process, select.POLLIN)
        return self._mould.how_ended(self.pid) if gone.poll(within * 1000) else None

    def close(self) -> None:
        """End the process. Again, it does nothing."""
        self._line.close()
        if self._process >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            self.ended(LAST_WORDS)
            os.close(self._process)
            self._process = -1


@cache
def note_missing(missing: frozenset[str]) -> None:
    """Say once what this machine's kernel doesn't take away from a jail: whoever runs it must know."""
    if missing:
        _log.warning("sandbox_lacks", missing=sorted(missing))


def scratch_of(settings: Settings) -> Path:
    """Return the folder for plain copies while they are looked at, ours alone; files in it have no names."""
    folder = (settings.scratch or Path(tempfile.gettempdir())) / f"consilium-records-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else: set RECORDS_SCRATCH")
    return folder


_idle: defaultdict[tuple[str, Path], list[Jail]] = defaultdict(list)
_lock = threading.Lock()
_room = threading.BoundedSemaphore(AT_ONCE)
_rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@asynccontextmanager
async def room() -> AsyncIterator[None]:
    """Wait until a jail is free, without a thread: threads that wait would be those that the jails' work goes on in."""
    async with _rooms.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)):
        yield


@contextmanager
def borrowed(module: str, scratch: Path) -> Iterator["Borrowed"]:
    """Lend a warm jail to a thread, waiting until one of the few is free; a dead one is replaced while it is lent."""
    with _room:
        lent = Borrowed(module, scratch)
        try:
            yield lent
        finally:
            lent.give_back()


class Borrowed:
    """A jail on loan, replaced by a new one when it dies."""

    def __init__(self, module: str, scratch: Path) -> None:
        self._place = (module, scratch)
        self._jail: Jail | None = None

    def ask(
        self, function: str, fd: int, arguments: dict[str, Any], seconds: float
    ) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Yield the steps of ``Jail.ask``. Raises ``Killed``, ``Failed``; may be used again after either."""
        if self._jail is None:
            with _lock:
                self._jail = _idle[self._place].pop() if _idle[self._place] else None
        self._jail = self._jail or Jail(*self._place)
        try:
            yield from self._jail.ask(function, fd, arguments, seconds)
        except Killed as killed:
            _log.warning("sandbox_killed", module=self._place[0], cause=str(killed))
            self._jail = None
            raise
        except GeneratorExit:
            self._jail = None
            raise

    def give_back(self) -> None:
        """Keep the jail for the next one who needs it, unless it served long enough."""
        if self._jail is None:
            return
        if self._jail.calls >= CALLS:
            self._jail.close()
        else:
            with _lock:
                _idle[self._place].append(self._jail)
        self._jail = None


class Lent:
    """A jail lent to a coroutine."""

    def __init__(self, module: str, scratch: Path) -> None:
        self._module, self._scratch = module, scratch

    async def call(
        self, function: str, fd: int, arguments: dict[str, Any], seconds: float = 20
    ) -> tuple[dict[str, Any], bytes]:
        """Return what ``module:function`` returns for an open file. Raises ``Killed``, ``Failed``."""
        module, _, name = function.partition(":")
        if module != self._module:
            raise ValueError(f"this jail was started for {self._module}")

        def once() -> tuple[dict[str, Any], bytes]:
            with borrowed(self._module, self._scratch) as jail:
                return next(iter([*jail.ask(name, fd, arguments, seconds)]))

        async with room():
            return await asyncio.to_thread(once)


@asynccontextmanager
async def lent(ctx: Context, module: str) -> AsyncIterator[Lent]:
    """Lend a jail for functions of ``module``."""
    yield Lent(module, scratch_of(ctx.settings))


async def keep_ready(ctx: Context, *modules: str) -> None:
    """Have jails of these modules ready to be forked, soon and for as long as this isn't cancelled."""
    await asyncio.sleep(FIRST_THINGS)
    async with asyncio.TaskGroup() as keeping:
        for module in modules:
            keeping.create_task(casting.mould_of(module, scratch_of(ctx.settings)).keep())


@atexit.register
def close_all() -> None:
    """End the jails that wait, and what they were forked from."""
    with _lock:
        for jails in _idle.values():
            while jails:
                jails.pop().close()
    casting.end_all()
