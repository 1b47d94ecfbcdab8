"""Uploads by tus, beside ``@tus/server`` with its file store in the same run, from one client and in turns.

* Goodput: four senders at once, pieces of 5 MiB, to one server process each; the median of three turns. Ours encrypts,
  waits for the disk before it answers, and counts in PostgreSQL; the peer leaves the bytes with the kernel.
* Memory: the most that the server process held (resident) meanwhile, and ours during one upload of 4 GiB.
* Cuts: uploads are sent one after the other while the server is killed (SIGKILL) at random, every 5 MiB on average, and
  started anew. Counted is what had to be sent again; at the end each file is read back and its SHA-256 compared.
"""

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import psutil

from benchmarks.report import Figure, load_per_core
from benchmarks.rig import BACKBONE, Rig
from deploy.local import node
from deploy.local.child import free_port
from services.records import vault
from services.records.__main__ import SERVICE
from shared.files import make_key_file
from shared.ids import CaseId, new_id
from shared.service import Context
from shared.web.auth import Principal, Role
from shared.web.identity import session_cookie
from shared.web.tokens import SESSIONS, make_keys, mint_session, read_key

PIECE = 5 * 1024 * 1024
SENDERS, TURNS, FILE = 4, 3, 96 * 1024 * 1024
LARGE = 4 * 1024**3
CUT_UPLOADS = 200
HEAD = b"\x89PNG\r\n\x1a\n"
MIGRATIONS = Path(__file__).parents[1] / "services" / "records" / "migrations"
_NOISE = random.Random(7).randbytes(PIECE * 2)


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


def piece_of(number: int, offset: int, size: int) -> bytes:
    """Return bytes of made-up file ``number``: the same ones each time they are asked for."""
    at = (number * 7919 + offset) % PIECE
    made = _NOISE[at : at + size]
    return HEAD + made[len(HEAD) :] if offset == 0 else made


@dataclass
class Contender:
    """A server that is started, killed and spoken to in the same way as the other."""

    name: str
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    def command(self) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError

    def create_at(self) -> str:
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        return {}

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self.port = self.port or free_port()
        argv, environment = self.command()
        self.process = subprocess.Popen(  # noqa: ASYNC220 - it is waited for
            argv, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.02)
        raise TimeoutError(f"{self.name} didn't start")

    def kill(self) -> None:
        """End it as a crash does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


class Peer(Contender):
    """``@tus/server``."""

    def __init__(self, folder: Path, modules: Path) -> None:
        super().__init__("@tus/server")
        self.folder, self.modules = folder, modules
        folder.mkdir()

    def command(self) -> tuple[list[str], dict[str, str]]:
        script = Path(__file__).parent / "peers" / "tus_server.mjs"
        return ["node", str(script), str(self.modules), str(self.folder), str(self.port)], {}

    def create_at(self) -> str:
        return "/files"


class Ours(Contender):
    """Records, with one open case in a database of its own."""

    def __init__(self, folder: Path, url: str, modules: Path) -> None:
        super().__init__("Consilium")
        self.folder, self.url, self.modules = folder, url, modules
        self.case, self.item = CaseId(new_id()), new_id()

    @classmethod
    async def make(cls, folder: Path, url: str, modules: Path) -> "Ours":
        """Make keys, and a case whose records are collected."""
        made = cls(folder, url, modules)
        make_keys(folder / "keys", ("records",))
        make_key_file(folder / "keys" / "files.key")
        connection = await asyncpg.connect(url)
        await connection.execute("INSERT INTO case_managers VALUES ('staff-mara', 'Mara Lindqvist', '{en}', true)")
        await connection.execute(
            "INSERT INTO collections (case_id, programme_id, programme_version, manager, opened_at)"
            " VALUES ($1, 'msk_international', 1, 'staff-mara', now())", made.case,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO items (id, case_id, code, titles, hints, kind, needed, position, revision)"
            " VALUES ($1, $2, 'imaging', '{\"en\": \"Imaging\"}', '{}', 'imaging', true, 1, 1)", made.item, made.case,
        )  # fmt: skip
        await connection.close()
        return made

    def environment(self) -> dict[str, str]:
        keys = self.folder / "keys"
        return {
            "RECORDS_DATABASE_URL": self.url, "JWKS_FILE": str(keys / "jwks.json"), "FILES_URL": f"file://{self.folder}/files",
            "RECORDS_SIGNING_KEY_FILE": str(keys / "records.pem"), "RECORDS_FILES_KEY_FILE": str(keys / "files.key"),
            "NODE_MODULES": str(self.modules), "LOG_LEVEL": "warning", "RECORDS_MAX_UPLOAD_BYTES": str(LARGE),
            "PUBLIC_URL": "http://127.0.0.1:8300", "MALLOC_ARENA_MAX": "2",
        }  # fmt: skip

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, "-m", "services.records", "api", "--port", str(self.port)], self.environment()

    def create_at(self) -> str:
        return f"/api/records/cases/{self.case}/items/{self.item}/uploads"

    def headers(self) -> dict[str, str]:
        from shared.clock import Clock

        who = Principal("patient-1", "Made Up", frozenset({Role.PATIENT}), frozenset({self.case}))
        token = mint_session(read_key(self.folder / "keys" / "sessions.pem", SESSIONS), who, now=Clock().now())
        return {"Cookie": f"{session_cookie('http://127.0.0.1:8300')}={token}"}


class Line:
    """One kept-alive connection that speaks tus, and no more than that."""

    def __init__(self, contender: Contender, headers: dict[str, str]) -> None:
        self._contender = contender
        self._headers = {"Host": "127.0.0.1", "Tus-Resumable": "1.0.0", **headers}
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str]]:
        """Send a request; return status and headers. Raises ``OSError``, ``IncompleteReadError`` when the line breaks."""
        if self._open is None:
            self._open = await asyncio.open_connection("127.0.0.1", self._contender.port)
        reader, writer = self._open
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [
            f"{name}: {value}" for name, value in {**self._headers, **named, "Content-Length": str(len(body))}.items()
        ]
        try:
            writer.write("\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode())
            writer.write(body)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            found = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            if method != "HEAD" and int(found.get("content-length", 0)):
                await reader.readexactly(int(found["content-length"]))
        except BaseException:
            self.close()
            raise
        return int(head[0].split(" ")[1]), found

    async def create(self, size: int) -> str:
        """Announce a file and return its path."""
        status, headers = await self.ask(
            "POST", self._contender.create_at(), Upload_Length=str(size), Upload_Metadata="filename c2Nhbi5wbmc="
        )
        assert status == 201, status
        return (
            "/" + headers["location"].removeprefix("http://").split("/", 1)[1]
            if "://" in headers["location"]
            else headers["location"]
        )

    async def add(self, place: str, offset: int, body: bytes) -> int:
        """Add bytes and return where the file stands."""
        status, headers = await self.ask(
            "PATCH", place, body, Upload_Offset=str(offset), Content_Type="application/offset+octet-stream"
        )
        assert status == 204, (status, headers)
        return int(headers["upload-offset"])

    async def stands(self, place: str) -> int:
        """Return where a file stands."""
        status, headers = await self.ask("HEAD", place)
        assert status == 200, status
        return int(headers["upload-offset"])

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


async def send(contender: Contender, number: int, size: int) -> None:
    """Send one file without a break."""
    line = Line(contender, contender.headers())
    place, offset = await line.create(size), 0
    while offset < size:
        offset = await line.add(place, offset, piece_of(number, offset, min(PIECE, size - offset)))
    line.close()


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
            one.kill()
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
    ours.kill()
    yield Figure("uploads, memory during one of 4 GiB", most[0] / 2**20, "MiB", most=150, load=load_per_core())


async def _cuts(ours: Ours, peer: Peer, scale: float) -> AsyncIterator[Figure]:
    count = max(5, int(CUT_UPLOADS * scale))
    for one in (ours, peer):
        cut = Cut(one, random.Random(11), count)
        load = load_per_core()
        await cut.to_the_end()
        yield Figure(f"uploads, cut: {one.name}, goodput with restarts", cut.goodput, "MiB/s", load=load)
        yield Figure(f"uploads, cut: {one.name}, most sent again a cut", cut.most_again / 2**20, "MiB",
                     most=PIECE / 2**20 if one is ours else None, load=load)  # fmt: skip
        yield Figure(f"uploads, cut: {one.name}, deaths", cut.deaths, "", load=load)
        wrong = await _wrong_ours(ours, cut) if one is ours else _wrong_peer(peer, cut)
        yield Figure(
            f"uploads, cut: {one.name}, files whose SHA-256 is wrong",
            wrong,
            "",
            most=0 if one is ours else None,
            load=load,
        )


class Cut:
    """Uploads, one after the other, to a server that dies at random."""

    def __init__(self, server: Contender, chance: random.Random, count: int) -> None:
        self.server, self.chance, self.count = server, chance, count
        self.places: list[tuple[str, int, int]] = []
        self.deaths = self.most_again = self.sent = 0
        self.seconds = 0.0

    @property
    def goodput(self) -> float:
        return sum(size for _, _, size in self.places) / 2**20 / self.seconds

    async def to_the_end(self) -> None:
        await self.server.start()
        begin = time.monotonic()
        for number in range(self.count):
            await self._one(number, self.chance.randrange(PIECE // 2, PIECE * 3))
        self.seconds = time.monotonic() - begin
        self.server.kill()

    async def _one(self, number: int, size: int) -> None:
        line = Line(self.server, self.server.headers())
        place, offset = await line.create(size), 0
        self.places.append((place, number, size))
        while offset < size:
            body = piece_of(number, offset, min(PIECE, size - offset))
            killer = asyncio.get_running_loop().call_later(self.chance.expovariate(1 / 0.03), self.server.kill)
            try:
                offset = await line.add(place, offset, body)
                killer.cancel()
            except (OSError, asyncio.IncompleteReadError):
                self.deaths += 1
                await self.server.start()
                stands = await line.stands(place)
                self.most_again = max(self.most_again, offset + len(body) - stands)
                offset = stands
            else:
                if self.server.process is not None and self.server.process.poll() is not None:
                    await self.server.start()


def expected(number: int, size: int) -> str:
    """Return the SHA-256 of a made-up file."""
    digest = hashlib.sha256()
    for offset in range(0, size, PIECE):
        digest.update(piece_of(number, offset, min(PIECE, size - offset)))
    return digest.hexdigest()


async def _wrong_ours(ours: Ours, cut: Cut) -> int:
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


def _wrong_peer(peer: Peer, cut: Cut) -> int:
    stored = ((peer.folder / place.rsplit("/", 1)[1], number, size) for place, number, size in cut.places)
    return sum(hashlib.sha256(file.read_bytes()).hexdigest() != expected(number, size) for file, number, size in stored)
