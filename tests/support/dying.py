"""Drives a service that dies again and again (``tests.support.mortal``), on a database of its own and the real clock."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from deploy.local.places import ROOT
from shared.clock import Clock
from shared.db import Database
from tests.support.measuring import unmeasured
from tests.support.service import fresh_database, service_named

Deaths = Callable[..., Awaitable[int]]
"""Runs what is due in one process after the other, each to die at the next of these points, until one lives: how many died."""


@asynccontextmanager
async def own_database(service: str, postgres_url: str, environment: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """Lend an empty database of a service, which its processes find in their environment."""
    async with fresh_database(service_named(service), postgres_url) as url:
        environment.setenv(f"{service.upper()}_DATABASE_URL", url)
        opened = await Database.connect(url, Clock())
        yield opened
        await opened.close()


@asynccontextmanager
async def dying(service: str, what: str) -> AsyncIterator[Deaths]:
    """Lend what runs a service's timers or errands."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "tests.support.mortal", service, what, stdin=PIPE, stdout=PIPE, cwd=ROOT,
        env={**unmeasured(os.environ), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    told, answers = process.stdin, process.stdout

    async def deaths(*points: str) -> int:
        told.write(f"{' '.join(points)}\n".encode())
        return int(await answers.readline())

    try:
        yield deaths
    finally:
        process.kill()
        await process.wait()


async def fetch(db: Database, sql: str, *args: Any) -> list[Any]:
    """Return rows as tuples."""
    async with db.reading() as tx:
        return [tuple(row) for row in await tx.fetch(sql, *args)]
