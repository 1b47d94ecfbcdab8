"""Numbered SQL migrations: each runs once, one runner at a time."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

LOCK = 7_203_941

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""


class MigrationChanged(Exception):
    """A migration that ran here before reads differently now: add a new one instead of editing it."""


async def migrate(url: str, folders: Sequence[Path], *, stage: str = "pre") -> list[str]:
    """Run the migrations ``<stage>_*.sql`` of ``folders`` that have not run yet, and return their names.

    One runner at a time (advisory lock), each migration in a transaction of its own with lock and statement time-outs,
    so a migration that meets a busy table fails fast instead of queueing everyone behind it. ``pre`` runs before the
    new code starts, ``post`` after the old code is gone.
    """
    connection = await asyncpg.connect(url, server_settings={"lock_timeout": "5s", "statement_timeout": "120s"})
    try:
        await connection.execute("SET lock_timeout = '60s'")
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await connection.execute("SET lock_timeout = '5s'")
        await connection.execute(_LEDGER)
        done = {
            row["name"]: row["sha256"] for row in await connection.fetch("SELECT name, sha256 FROM schema_migrations")
        }
        return [
            f"{folder.parent.name}/{file.name}"
            for folder in folders
            for file in sorted(folder.glob(f"{stage}_*.sql"))
            if await _run(connection, f"{folder.parent.name}/{file.name}", file.read_text(encoding="utf-8"), done)
        ]
    finally:
        await connection.close()


async def _run(connection: Any, name: str, sql: str, done: dict[str, str]) -> bool:
    digest = hashlib.sha256(sql.encode()).hexdigest()
    if name in done:
        if done[name] != digest:
            raise MigrationChanged(f"{name} was edited after it ran; restore it and add a new migration instead")
        return False
    async with connection.transaction():
        await connection.execute(sql)
        await connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", name, digest)
    return True
