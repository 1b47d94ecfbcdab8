"""Plain copies without a name, kept a minute for whoever asks for the next frame or page of the same large file.

Whoever asks has opened the file first: that they may see it, and that the case wasn't erased, is asked each time. A copy is
gone with this process, whatever ends it.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from services.records.vault import OpenFile

SECONDS = 60.0
LARGE = 16 << 20
"""Bytes: what is smaller is copied anew as quickly as it is looked for."""
MOST = 2


@dataclass
class _Copy:
    made: "asyncio.Task[int]"
    users: int = 0
    ends: asyncio.TimerHandle | None = None


@dataclass
class Copies:
    """The large files that were copied last."""

    _copies: OrderedDict[UUID, _Copy] = field(default_factory=OrderedDict)

    @asynccontextmanager
    async def lent(self, file: OpenFile, folder: Path) -> AsyncIterator[int]:
        """Lend the descriptor of a plain copy in ``folder``. Those who ask at once share one."""
        if file.size < LARGE:
            async with file.spooled(folder) as fd:
                yield fd
            return
        copy = self._copies.get(file.id)
        if copy is None:
            copy = self._copies[file.id] = _Copy(asyncio.create_task(asyncio.to_thread(file.spool, folder)))
        self._copies.move_to_end(file.id)
        copy.users += 1
        if copy.ends is not None:
            copy.ends.cancel()
        try:
            yield await asyncio.shield(copy.made)
        finally:
            copy.users -= 1
            self._leave(file.id, copy)

    def _leave(self, file_id: UUID, copy: _Copy) -> None:
        """Let go of what nobody uses after a while; at once of one that couldn't be made, and of the oldest of too many."""
        if copy.made.done() and (copy.made.cancelled() or copy.made.exception() is not None):
            self._drop(file_id, copy)
        elif copy.users == 0:
            copy.ends = asyncio.get_running_loop().call_later(SECONDS, self._drop, file_id, copy)
        idle = [(key, one) for key, one in self._copies.items() if one.users == 0]
        for key, one in idle[: max(0, len(self._copies) - MOST)]:
            self._drop(key, one)

    def _drop(self, file_id: UUID, copy: _Copy) -> None:
        if copy.users or self._copies.get(file_id) is not copy:
            return
        del self._copies[file_id]
        if copy.made.done():
            _close(copy.made)
        else:
            copy.made.add_done_callback(_close)


def _close(made: "asyncio.Task[int]") -> None:
    if not made.cancelled() and made.exception() is None:
        os.close(made.result())


COPIES = Copies()
