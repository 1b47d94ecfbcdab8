"""Uploads to a server that dies at random, and what lies in its store afterwards."""

import asyncio
import contextlib
import hashlib
import os
import random
import time
from uuid import UUID

from benchmarks.uploads.contenders import Contender, Ours, Peer
from benchmarks.uploads.line import PIECE, Line, expected, piece_of
from services.records import vault
from services.records.__main__ import SERVICE
from shared.service import Context

MOMENT = 0.02
"""Seconds: within so long after its bytes were sent a death comes, on the way to the disk, to the count, or to the answer."""


class Cut:
    """Uploads, one after the other, to a server that dies at random, every ``PIECE`` bytes on average."""

    def __init__(self, server: Contender, chance: random.Random, count: int) -> None:
        self.server, self.chance, self.count = server, chance, count
        self.places: list[tuple[str, int, int]] = []
        self.deaths = self.most_again = 0
        self.seconds = 0.0
        self._left = self._next_death()

    @property
    def goodput(self) -> float:
        return sum(size for _, _, size in self.places) / 2**20 / self.seconds

    async def to_the_end(self) -> None:
        await self.server.start()
        begin = time.monotonic()
        for number in range(self.count):
            await self._one(number, self.chance.randrange(PIECE // 2, PIECE * 3))
        self.seconds = time.monotonic() - begin
        self.server.end()

    def _next_death(self) -> int:
        return int(self.chance.expovariate(1 / PIECE))

    async def _one(self, number: int, size: int) -> None:
        line = Line(self.server, self.server.headers())
        place, offset = await line.create(size), 0
        self.places.append((place, number, size))
        while offset < size:
            body = piece_of(number, offset, min(PIECE, size - offset))
            if self._left >= len(body):
                self._left -= len(body)
                offset = await line.add(place, offset, body)
            else:
                offset = await self._dies(line, place, offset, body)
        line.close()

    async def _dies(self, line: Line, place: str, offset: int, body: bytes) -> int:
        """Send bytes of which the server sees so many before it dies; return where the file stands for its heir."""
        moment, loop = self.chance.uniform(0, MOMENT), asyncio.get_running_loop()
        alive = [self.server.kill]

        def die() -> None:
            while alive:  # once: who is there afterwards is an heir
                alive.pop()()

        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await line.add(place, offset, body, after=self._left, then=lambda: loop.call_later(moment, die))
            await asyncio.sleep(moment)  # it answered first, and dies when nobody asks anything
        line.close()
        self.deaths, self._left = self.deaths + 1, self._next_death()
        die()
        await self.server.start()
        stands = await line.stands(place)
        self.most_again = max(self.most_again, offset + len(body) - stands)
        return stands


async def wrong_ours(ours: Ours, cut: Cut) -> int:
    """Return how many files read back otherwise than they were sent."""
    os.environ |= ours.environment()
    ctx, wrong = await Context.open(SERVICE), 0
    for place, number, size in cut.places:
        file = await vault.open_document(ctx, UUID(place.rsplit("/", 1)[1]))
        digest = hashlib.sha256()
        async for chunk in file.chunks():
            digest.update(chunk)
        wrong += digest.hexdigest() != expected(number, size)
    await ctx.close()
    return wrong


def wrong_peer(peer: Peer, cut: Cut) -> int:
    """Return the same of the peer's."""
    stored = ((peer.folder / place.rsplit("/", 1)[1], number, size) for place, number, size in cut.places)
    return sum(hashlib.sha256(file.read_bytes()).hexdigest() != expected(number, size) for file, number, size in stored)
