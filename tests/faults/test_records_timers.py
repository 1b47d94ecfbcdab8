"""What runs records' timers dies with one in hand, before and after its commit: each re-check, absence and return happens once."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.places import ROOT
from services.records import guides, handlers, roster
from services.records.domain import Person
from shared.backbone import timers
from shared.clock import Clock
from shared.db import Database
from shared.ids import CaseId, new_id
from tests.records.conftest import ROSTER
from tests.support.facts import a_case, confirmed, paid
from tests.support.mortal import TIMER_DEATHS
from tests.support.service import fresh_database, service_named

pytestmark = pytest.mark.timeout(240)

MARA = Person("staff-mara", "Mara Lindqvist")


@pytest.fixture
async def db(postgres_url: str, platform_environment: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """Records' own database, on the real clock."""
    async with fresh_database(service_named("records"), postgres_url) as url:
        platform_environment.setenv("RECORDS_DATABASE_URL", url)
        opened = await Database.connect(url, Clock())
        yield opened
        await opened.close()


async def all_is_due(db: Database) -> CaseId:
    """Have something accepted that is too old by now, and an absence that begins now; return the case."""
    case_id = a_case()
    async with db.transaction() as tx:
        await roster.seed(tx, ROSTER)
        await handlers.draft_checklist(confirmed(case_id), tx)
        await handlers.open_collection(paid(case_id), tx)
    async with db.transaction() as tx:
        item = await tx.fetchval("SELECT id FROM items WHERE case_id = $1 AND code = 'clinical_summary'", case_id)
        await tx.execute(
            "INSERT INTO documents (id, case_id, item_id, object_key, name, sha256, size_bytes, media_type, language,"
            " name_matches, birth_date_matches, identity_by, identity_by_name, identity_at, uploaded_by, uploaded_by_name,"
            " uploaded_at, dated_on, verdict) VALUES ($1, $2, $3, $4, 'x.pdf', $5, 9, 'application/pdf', 'en', true, true, 'm', 'M',"
            " $6, 'p', 'P', $6, $7, 'clean')",
            new_id(), case_id, item, str(new_id()), "ab" * 32, tx.now, tx.now.date() - timedelta(days=100),
        )  # fmt: skip
        await tx.execute(
            "UPDATE items SET state = 'accepted', decided_by = 'm', decided_by_name = 'M', decided_at = $2 WHERE id = $1",
            item, tx.now,
        )  # fmt: skip
        await timers.set(tx, case_id, "freshness", tx.now)
        await guides.enter_absence(tx, "staff-mara", "staff-tomas", tx.now, tx.now + timedelta(days=1), MARA)
    return case_id


@pytest.fixture
async def mortal(db: Database) -> AsyncIterator[Process]:
    """Runs what is due in one process after the other until one lives, and says how many were killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "tests.support.mortal", "records", "timers", stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    yield process
    process.kill()
    await process.wait()


async def deaths(mortal: Process) -> int:
    assert mortal.stdin
    assert mortal.stdout
    mortal.stdin.write(b"go\n")
    return int(await mortal.stdout.readline())


async def fetch(db: Database, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    async with db.reading() as tx:
        return [tuple(row) for row in await tx.fetch(sql, *args)]


async def test_a_timer_whose_worker_dies_before_or_after_its_commit_has_its_effect_once(
    db: Database, mortal: Process
) -> None:
    case_id = await all_is_due(db)

    assert await deaths(mortal) == 2 * len(TIMER_DEATHS)

    assert await fetch(db, "SELECT error FROM timers WHERE attempts > 0") == []
    assert await fetch(db, "SELECT state, lapsed_on IS NOT NULL FROM items WHERE code = 'clinical_summary'") == [
        ("needed", True)
    ]
    assert await fetch(db, "SELECT count(*) FROM outbox WHERE type = 'MaterialReturned.v1'") == [(1,)]
    assert await fetch(db, "SELECT kind, to_manager FROM hand_overs") == [("absence", "staff-tomas")]
    assert await fetch(db, "SELECT manager FROM collections WHERE case_id = $1", case_id) == [("staff-tomas",)]

    async with db.transaction() as tx:  # a day passes
        await tx.execute("UPDATE timers SET due = $1 WHERE name = 'absence_ends'", tx.now)
    assert await deaths(mortal) == len(TIMER_DEATHS)
    assert await fetch(db, "SELECT kind, to_manager FROM hand_overs ORDER BY id") == [
        ("absence", "staff-tomas"), ("given_back", "staff-mara"),
    ]  # fmt: skip
    assert await fetch(db, "SELECT count(*) FROM timers WHERE name LIKE 'absence%'") == [(0,)]
