"""What runs records' timers dies with one in hand, before and after its commit: each re-check, absence and return happens once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.records import guides, handlers, roster
from services.records.domain import Person
from shared.backbone import timers
from shared.db import Database
from shared.ids import CaseId, new_id
from tests.records.conftest import ROSTER
from tests.support.dying import Deaths, dying, fetch, own_database
from tests.support.facts import a_case, confirmed, paid
from tests.support.mortal import TIMER_DEATHS

pytestmark = pytest.mark.timeout(240)

MARA = Person("staff-mara", "Mara Lindqvist")


@pytest.fixture
async def db(postgres_url: str, platform_environment: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    async with own_database("records", postgres_url, platform_environment) as lent:
        yield lent


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
async def deaths(db: Database) -> AsyncIterator[Deaths]:
    async with dying("records", "timers") as lent:
        yield lent


async def test_a_timer_whose_worker_dies_before_or_after_its_commit_has_its_effect_once(
    db: Database, deaths: Deaths
) -> None:
    case_id = await all_is_due(db)

    assert await deaths(*TIMER_DEATHS) == 2 * len(TIMER_DEATHS)

    assert await fetch(db, "SELECT error FROM timers WHERE attempts > 0") == []
    assert await fetch(db, "SELECT state, lapsed_on IS NOT NULL FROM items WHERE code = 'clinical_summary'") == [
        ("needed", True)
    ]
    assert await fetch(db, "SELECT count(*) FROM outbox WHERE type = 'MaterialReturned.v1'") == [(1,)]
    assert await fetch(db, "SELECT kind, to_manager FROM hand_overs") == [("absence", "staff-tomas")]
    assert await fetch(db, "SELECT manager FROM collections WHERE case_id = $1", case_id) == [("staff-tomas",)]

    async with db.transaction() as tx:  # a day passes
        await tx.execute("UPDATE timers SET due = $1 WHERE name = 'absence_ends'", tx.now)
    assert await deaths(*TIMER_DEATHS) == len(TIMER_DEATHS)
    assert await fetch(db, "SELECT kind, to_manager FROM hand_overs ORDER BY id") == [
        ("absence", "staff-tomas"), ("given_back", "staff-mara"),
    ]  # fmt: skip
    assert await fetch(db, "SELECT count(*) FROM timers WHERE name LIKE 'absence%'") == [(0,)]
