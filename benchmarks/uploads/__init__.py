"""Uploads by tus, beside ``@tus/server`` with its file store in the same run, from one client and in turns.

* Goodput: four senders at once, pieces of 5 MiB, to one server process each; the median of seven turns. Ours encrypts,
  waits for the disk before it answers, and counts in PostgreSQL; the peer leaves the bytes with the kernel.
* Memory: the most that the server process held (resident) meanwhile, and ours during one upload of 4 GiB.
* Cuts: uploads are sent one after the other while the server is killed (SIGKILL) at random, every 5 MiB on average: of
  ours the process that serves, to which its parent makes an heir, as it is deployed; the peer is started anew. Counted
  is what had to be sent again; at the end each file is read back and its SHA-256 compared.
"""

import asyncio
import contextlib
import random
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil

from benchmarks.report import Figure, load_per_core
from benchmarks.rig import BACKBONE, Rig
from benchmarks.uploads.contenders import LARGE, MIGRATIONS, Ours, Peer
from benchmarks.uploads.cutting import Cut, wrong_ours, wrong_peer
from benchmarks.uploads.line import PIECE, send
from deploy.local import node

SENDERS, TURNS, FILE = 4, 7, 96 * 1024 * 1024
CUT_UPLOADS = 200


async def run(rig: Rig, scale: float) -> AsyncIterator[Figure]:
    """Measure; ``scale`` lessens the sizes and the number of cut uploads."""
    modules = node.install(node.DEV)
    with tempfile.TemporaryDirectory(prefix="consilium-uploads-") as folder:
        async with rig.database(BACKBONE, MIGRATIONS) as url:
            ours = await Ours.make(Path(folder), url, modules)
            peer = Peer(Path(folder) / "peer", modules)
            async for figure in _goodput(ours, peer, scale):
                yield figure
            async for figure in _large(ours, scale):
                yield figure
            async for figure in _cuts(ours, peer, scale):
                yield figure


@contextlib.contextmanager
def watched(process: "subprocess.Popen[bytes]") -> Iterator[list[int]]:
    """Look at a process's resident memory every 20 ms; the list ends with the most it had."""
    seen, over = [0], threading.Event()

    def look() -> None:
        one = psutil.Process(process.pid)
        while not over.wait(0.02):
            seen[0] = max(seen[0], one.memory_info().rss)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


async def _goodput(ours: Ours, peer: Peer, scale: float) -> AsyncIterator[Figure]:
    size = max(PIECE * 2, int(FILE * scale))
    speed: dict[str, list[float]] = {ours.name: [], peer.name: []}
    memory = dict.fromkeys(speed, 0)
    load = load_per_core()
    for turn in range(TURNS):
        for one in (ours, peer) if turn % 2 == 0 else (peer, ours):
            await one.start()
            assert one.process is not None
            await send(one, 0, PIECE)
            with watched(one.process) as most:
                begin = time.monotonic()
                await asyncio.gather(*(send(one, number, size) for number in range(SENDERS)))
                speed[one.name].append(SENDERS * size / 2**20 / (time.monotonic() - begin))
            memory[one.name] = max(memory[one.name], most[0])
            one.end()
    medians = {name: statistics.median(each) for name, each in speed.items()}
    for name in speed:
        yield Figure(f"uploads, goodput: {name}", medians[name], "MiB/s", load=load)
        yield Figure(f"uploads, memory: {name}", memory[name] / 2**20, "MiB", load=load)
    yield Figure(
        "uploads, goodput: ours to @tus/server", medians[ours.name] / medians[peer.name], "x", least=1, load=load
    )
    yield Figure("uploads, memory: ours to @tus/server", memory[ours.name] / memory[peer.name], "x", most=1, load=load)


async def _large(ours: Ours, scale: float) -> AsyncIterator[Figure]:
    await ours.start()
    assert ours.process is not None
    with watched(ours.process) as most:
        await send(ours, 1, max(PIECE, int(LARGE * scale)))
    ours.end()
    yield Figure("uploads, memory during one of 4 GiB", most[0] / 2**20, "MiB", most=150, load=load_per_core())


async def _cuts(ours: Ours, peer: Peer, scale: float) -> AsyncIterator[Figure]:
    count, ours.kept = max(5, int(CUT_UPLOADS * scale)), True
    for one in (ours, peer):
        cut = Cut(one, random.Random(11), count)
        load = load_per_core()
        await cut.to_the_end()
        yield Figure(f"uploads, cut: {one.name}, goodput with restarts", cut.goodput, "MiB/s", load=load)
        yield Figure(f"uploads, cut: {one.name}, most sent again a cut", cut.most_again / 2**20, "MiB",
                     most=PIECE / 2**20 if one is ours else None, load=load)  # fmt: skip
        yield Figure(f"uploads, cut: {one.name}, deaths", cut.deaths, "", load=load)
        wrong = await wrong_ours(ours, cut) if one is ours else wrong_peer(peer, cut)
        yield Figure(
            f"uploads, cut: {one.name}, files whose SHA-256 is wrong",
            wrong,
            "",
            most=0 if one is ours else None,
            load=load,
        )
