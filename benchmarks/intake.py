"""Intake under load: requests submitted, desks that watch, and an advisors' queue of 10,000 open cases.

* Submitting: ``POST /api/intake/requests`` over 16 kept-alive connections, as fast as one server process answers, beside
  the same built with FastAPI and SQLAlchemy (``peers.intake_sqlalchemy``). Each has an empty database with intake's own
  tables; they take turns, three each, and the median turn counts. Ours comes with all its middleware; limits for strangers spare
  this machine, here and below.
* Latency: 200 submissions a second, evenly, while 50 desks follow the queue that they appear on; measured from the
  instant at which each was to be sent.
* List: Chromium opens the queue's page with 10,000 open cases behind it; measured is its own first contentful paint,
  counted from the start of the navigation. The page is made by the server, so what is painted is the list.
* Changes: 1,000 desks follow; five times a second one person takes a case or puts one back. Measured is the time from
  the return of COMMIT until the change has reached a desk, for every desk and every change.
"""

import asyncio
import contextlib
import json
import logging
import os
import re
import statistics
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks import open_cases
from benchmarks.http import Connection, Follower
from benchmarks.report import Figure, load_per_core
from benchmarks.rig import BACKBONE, Rig, eventually, percentile
from benchmarks.served import Serve, served
from services.intake.queues import REQUESTS
from shared import log, staff_queue
from shared.clock import Clock
from shared.db import Database
from shared.ids import new_id
from shared.staff_queue import View
from shared.web.identity import session_cookie
from shared.web.principals import Principal, Role
from shared.web.tokens import SESSIONS, make_keys, mint_session, read_key
from tests.intake.asking import a_request

SUBMIT = "/api/intake/requests"
QUEUE = "/api/intake/queues/requests"
CONNECTIONS, TURNS, TURN_SECONDS = 16, 3, 5.0
RATE, RATE_DESKS, RATE_SECONDS = 200, 50, 10.0
CASES, DESKS, CHANGES, CHANGES_A_SECOND = 10_000, 1_000, 100, 5
MIGRATIONS = Path(open_cases.__file__).parents[1] / "services" / "intake" / "migrations"
_HOLDER = re.compile(rb'"claimed_name": ?"([^"]+)"')


async def run(rig: Rig, scale: float) -> AsyncIterator[Figure]:
    """Measure all four; ``scale`` shortens the turns and lessens the changes, never the cases or the desks."""
    with tempfile.TemporaryDirectory(prefix="consilium-keys-") as folder:
        keys = Path(folder)
        make_keys(keys, ("intake",))
        async for figure in _submitting(rig, keys, scale):
            yield figure
        async for figure in _latency(rig, keys, scale):
            yield figure
        async for figure in _long_queue(rig, keys, scale):
            yield figure


def serve_ours(url: str, keys: Path, port: int) -> None:
    """Serve intake alone, as ``python -m services.intake api`` does."""
    os.environ |= {
        "INTAKE_DATABASE_URL": url, "JWKS_FILE": str(keys / "jwks.json"), "INTAKE_SIGNING_KEY_FILE": str(keys / "intake.pem"),
        "INTAKE_SESSION_KEY_FILE": str(keys / "sessions.pem"), "LOG_LEVEL": "warning",
        "INTAKE_POOL_SIZE": "10",
        "UNLIMITED_NETWORKS": "127.0.0.0/8",
    }  # fmt: skip
    import uvicorn

    from services.intake.__main__ import SERVICE
    from shared.web.hosting import serve

    log.configure("bench", level="warning", style="console")
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # desks leave in the middle of a stream
    uvicorn.run(
        serve(SERVICE), host="127.0.0.1", port=port, log_config=None, access_log=False, timeout_graceful_shutdown=2,
        server_header=False,
    )  # fmt: skip


def serve_peer(url: str, _keys: Path, port: int) -> None:
    """Serve the same built with FastAPI and SQLAlchemy."""
    from benchmarks.peers import intake_sqlalchemy

    intake_sqlalchemy.serve(url, port)


async def _submit(connection: Connection, body: bytes) -> None:
    status, answer = await connection.send(
        "POST", SUBMIT, body, Content_Type="application/json", Idempotency_Key=str(new_id())
    )
    assert status == 201, answer


def _body() -> bytes:
    return json.dumps(a_request()).encode()


async def _submitting(rig: Rig, keys: Path, scale: float) -> AsyncIterator[Figure]:
    contenders: dict[str, Serve] = {"Consilium": serve_ours, "FastAPI + SQLAlchemy": serve_peer}
    load = load_per_core()
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    async with contextlib.AsyncExitStack() as stack:
        ports: dict[str, int] = {}
        for name, serve in contenders.items():
            url = await stack.enter_async_context(rig.database(BACKBONE, MIGRATIONS))
            ports[name] = await stack.enter_async_context(served(serve, url, keys))
            await _as_fast_as_it_goes(ports[name], 1.0)
        for _ in range(TURNS):
            for name, port in ports.items():
                rates[name].append(await _as_fast_as_it_goes(port, max(1.0, TURN_SECONDS * scale)))
    medians = {name: statistics.median(some) for name, some in rates.items()}
    for name, rate in medians.items():
        yield Figure(f"intake, submitting: {name}", rate, "requests/s", load=load)
    ours, peer = medians.values()
    yield Figure("intake, submitting: ours to FastAPI + SQLAlchemy", ours / peer, "x", least=4, load=load_per_core())


async def _as_fast_as_it_goes(port: int, seconds: float) -> float:
    """Submit over all connections for some seconds; return how many a second were answered."""
    body, done = _body(), 0
    connections = [await Connection.open(port) for _ in range(CONNECTIONS)]
    begin = time.monotonic()

    async def one(connection: Connection) -> None:
        nonlocal done
        while time.monotonic() < begin + seconds:
            await _submit(connection, body)
            done += 1
        connection.close()

    await asyncio.gather(*map(one, connections))
    return done / (time.monotonic() - begin)


def _cookie(keys: Path) -> dict[str, str]:
    who = Principal("staff-ada", "Ada Winter", frozenset({Role.CARE_ADVISOR}))
    token = mint_session(read_key(keys / "sessions.pem", SESSIONS), who, now=Clock().now())
    return {session_cookie("http://127.0.0.1"): token}


def _cookies(keys: Path) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in _cookie(keys).items())}


async def _latency(rig: Rig, keys: Path, scale: float) -> AsyncIterator[Figure]:
    load, took, seen = load_per_core(), list[float](), list[int]()
    async with rig.database(BACKBONE, MIGRATIONS) as url, served(serve_ours, url, keys) as port:
        desks = [
            await _desk(port, keys, "0-0", lambda data: seen.append(data.count(b"event: item")))
            for _ in range(RATE_DESKS)
        ]
        await _as_fast_as_it_goes(port, 1.0)
        free = deque([await Connection.open(port) for _ in range(CONNECTIONS)])  # in turn: the server closes what idles
        body, number = _body(), max(RATE, int(RATE * RATE_SECONDS * scale))
        begin = time.monotonic() + 0.1

        async def one(at: float) -> None:
            await asyncio.sleep(at - time.monotonic())
            connection = free.popleft() if free else await Connection.open(port)
            await _submit(connection, body)
            took.append((time.monotonic() - at) * 1000)
            free.append(connection)

        await asyncio.gather(*(one(begin + n / RATE) for n in range(number)))
        await eventually(_so(lambda: sum(seen) >= number * RATE_DESKS), within=30)
        for desk in desks:
            desk.close()
    what = f"intake, {RATE} submissions/s, {RATE_DESKS} desks watching"
    yield Figure(f"{what}, p50", percentile(took, 0.5), "ms", load=load)
    yield Figure(f"{what}, p99", percentile(took, 0.99), "ms", most=50, load=load)


async def _desk(port: int, keys: Path, after: str, tell: Callable[[bytes], None]) -> asyncio.BaseTransport:
    return await Follower.open(port, f"{QUEUE}/changes?after={after}", tell, **_cookies(keys))


def _so(ask: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return ask()

    return asked


async def _long_queue(rig: Rig, keys: Path, scale: float) -> AsyncIterator[Figure]:
    async with rig.database(BACKBONE, MIGRATIONS) as url:
        await open_cases.fill(url, CASES)
        async with served(serve_ours, url, keys) as port:
            for figure in await _list_in_a_browser(port, keys):
                yield figure
            db = await Database.connect(url, Clock(), size=2)
            try:
                for figure in await _changes_on_every_desk(db, port, keys, scale):
                    yield figure
            finally:
                await db.close()


async def _list_in_a_browser(port: int, keys: Path) -> list[Figure]:
    from tests.pages.browser import launched

    load, base = load_per_core(), f"http://127.0.0.1:{port}"
    page_address = f"{base}/desk/intake/queues/requests"
    async with launched() as browser:
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        await context.add_cookies([{"name": n, "value": v, "url": base} for n, v in _cookie(keys).items()])
        page = await context.new_page()
        painted = [await _painted(page, page_address) for _ in range(13)][2:]
        narrowed = [await _painted(page, f"{page_address}?language=ar&who=nobody&sort=newest") for _ in range(11)]
    what = f"intake, list of {CASES:,} open cases in Chromium"
    return [
        Figure(f"{what}, median", statistics.median(painted), "ms", most=150, load=load),
        Figure(f"{what}, slowest of {len(painted)}", max(painted), "ms", load=load),
        Figure(f"{what}, narrowed, median", statistics.median(narrowed), "ms", most=150, load=load),
    ]


async def _painted(page: Any, address: str) -> float:
    await page.goto(address, wait_until="load")
    assert await page.locator("[data-rows] tr").count() == staff_queue.PAGE
    found: float = await page.evaluate("""() => new Promise(done => {
        const take = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
        const look = () => take() ? done(take()) : requestAnimationFrame(look);
        look();
    })""")
    return found


async def _changes_on_every_desk(db: Database, port: int, keys: Path, scale: float) -> list[Figure]:
    arrived = defaultdict[str, list[float]](list)

    def note(data: bytes) -> None:
        at = time.monotonic()
        for name in _HOLDER.findall(data):
            arrived[name.decode()].append(at)

    async with db.reading() as tx:
        cursor = await staff_queue.now_at(tx)
        items = await staff_queue.shown(tx, REQUESTS, View("staff-bench", {"who": ("nobody",)}))
    desks = [await _desk(port, keys, str(cursor), note) for _ in range(DESKS)]
    await _take(db, items[0].id, "First")
    await eventually(_so(lambda: len(arrived["First"]) == DESKS), within=60)  # all are there
    load, committed = load_per_core(), dict[str, float]()
    for n in range(max(20, int(CHANGES * scale))):
        name = f"Advisor number {n}"
        await _take(db, items[n % len(items)].id, name)
        committed[name] = time.monotonic()
        await asyncio.sleep(1 / CHANGES_A_SECOND)
    await eventually(_so(lambda: all(len(arrived[name]) == DESKS for name in committed)), within=30)
    for desk in desks:
        desk.close()
    took = [(at - committed[name]) * 1000 for name in committed for at in arrived[name]]
    what = f"intake, a change on each of {DESKS:,} desks after its commit"
    return [
        Figure(f"{what}, p50", percentile(took, 0.5), "ms", load=load),
        Figure(f"{what}, p99", percentile(took, 0.99), "ms", most=300, load=load),
    ]


async def _take(db: Database, item_id: UUID, name: str) -> None:
    async with db.transaction() as tx:
        await staff_queue.take_over(tx, REQUESTS, item_id, by=f"staff-{name}", name=name, reason="a benchmark")
