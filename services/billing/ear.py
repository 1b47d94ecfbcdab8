"""Where the card provider's messages are taken in: those that come at once share one transaction and its commit (ADR 0023).

Who told us something is answered once it is committed, and not before. A message that can't be taken in fails alone:
when a transaction of many fails, each gets one of its own.
"""

import asyncio
from collections import deque

from services.billing import cashier
from services.billing.gateway import Message
from shared import log
from shared.backbone import failpoints
from shared.db import AWAY, Database

GATHERING = 0.002
"""Seconds for which a message waits for others to come with it: less than a commit takes on most disks."""
MOST = 100
"""Messages in one transaction."""

_log = log.get(__name__)
_Waiting = tuple[Message, "asyncio.Future[None]"]


class Ear:
    """Hears for one process."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._waiting: deque[_Waiting] = deque()
        self._hearing: asyncio.Task[None] | None = None

    async def hear(self, message: Message) -> None:
        """Return once what the message means is committed; raises what kept it from that."""
        heard = asyncio.get_running_loop().create_future()
        self._waiting.append((message, heard))
        if self._hearing is None or self._hearing.done():
            self._hearing = asyncio.create_task(self._hear_waiting())
        await heard

    async def _hear_waiting(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHERING)
            await self._take([self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))])

    async def _take(self, some: list[_Waiting]) -> None:
        try:
            async with self.db.transaction() as tx:
                await cashier.hear(tx, *(message for message, _ in some))
                failpoints.reach("messages.heard")
            failpoints.reach("messages.committed")
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever sent it is told by its own answer
            if len(some) == 1 or isinstance(error, AWAY):
                _answer(some, error)
            else:
                _log.info("messages_taken_apart", messages=len(some), problem=type(error).__name__)
                for one in some:
                    await self._take([one])
        else:
            _answer(some, None)


def _answer(some: list[_Waiting], error: Exception | None) -> None:
    for _, heard in some:
        if not heard.done():  # who asked may have gone
            heard.set_exception(error) if error else heard.set_result(None)
