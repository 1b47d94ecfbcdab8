"""What runs intake's timers dies with one in hand, before and after its commit: each call, task and absence happens once."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from services.intake import casework
from services.intake.contact import call_backs, colleagues, tasks
from services.intake.contact.call_backs import Wish
from services.intake.contact.colleagues import Colleague
from services.intake.domain import Request
from shared.clock import Clock
from shared.db import Database
from shared.ids import CaseId, new_id
from tests.intake.asking import RULES, a_request
from tests.support.dying import Deaths, dying, fetch, own_database
from tests.support.mortal import TIMER_DEATHS

pytestmark = pytest.mark.timeout(240)

ADA, BEN = Colleague("staff-ada", "Ada Winter"), Colleague("staff-ben", "Ben Castellan")
DUE = {"call_back_due", "task_due", "absence_begins", "compare_patient"}


@pytest.fixture
async def db(postgres_url: str, platform_environment: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    async with own_database("intake", postgres_url, platform_environment) as lent:
        yield lent


async def all_is_due(db: Database) -> CaseId:
    """Have a call promised, a task set and an absence begin, all of them now; return their case."""
    case_id, now = CaseId(new_id()), Clock().now()
    wish = Wish("pt", "+55 11 5550 0123", "America/Sao_Paulo", now + timedelta(minutes=5))
    async with db.transaction() as tx:
        await colleagues.seed(tx, [{"subject": one.subject, "name": one.name} for one in (ADA, BEN)])
        await casework.submit(tx, Request.model_validate(a_request()), RULES, case_id)
        await colleagues.take(tx, case_id, ADA)
        await call_backs.book(tx, new_id(), wish, asked_by="staff", rules_of=RULES, case_id=case_id, by=ADA)
        await tasks.set_task(tx, case_id, "Send the brochure", tx.now, BEN.subject, ADA)
        await colleagues.enter_absence(tx, ADA.subject, BEN.subject, now, now + timedelta(days=1), ADA)
    return case_id


@pytest.fixture
async def deaths(db: Database) -> AsyncIterator[Deaths]:
    async with dying("intake", "timers") as lent:
        yield lent


async def due(db: Database) -> set[str]:
    return {name for (name,) in await fetch(db, "SELECT name FROM timers WHERE due <= $1", Clock().now())}


async def hand_overs(db: Database, case_id: UUID) -> Counter[tuple[str, str]]:
    return Counter(await fetch(db, "SELECT kind, to_advisor FROM hand_overs WHERE case_id = $1", case_id))


async def test_a_timer_whose_worker_dies_before_or_after_its_commit_has_its_effect_once(
    db: Database, deaths: Deaths
) -> None:
    case_id = await all_is_due(db)
    assert await due(db) == DUE

    assert await deaths(*TIMER_DEATHS) == len(DUE) * len(TIMER_DEATHS)

    assert await due(db) == set()
    assert await fetch(db, "SELECT error FROM timers WHERE attempts > 0") == []
    shown = "SELECT queue, state, claimed_by FROM queue_items WHERE case_id = $1 ORDER BY queue"
    assert await fetch(db, shown, case_id) == [
        ("call-backs", "open", None),
        ("requests", "claimed", BEN.subject),
        ("tasks", "open", None),
    ]
    assert await hand_overs(db, case_id) == {("taken", ADA.subject): 1, ("fell_to_deputy", BEN.subject): 1}
    assert await fetch(db, "SELECT count(*) FROM findable") == [(3,)]

    async with db.transaction() as tx:  # a day passes
        await tx.execute("UPDATE timers SET due = $1 WHERE name = 'absence_ends'", tx.now)
    assert await deaths(*TIMER_DEATHS) == len(TIMER_DEATHS)
    assert await hand_overs(db, case_id) == {
        ("taken", ADA.subject): 1, ("fell_to_deputy", BEN.subject): 1, ("given_back", ADA.subject): 1,
    }  # fmt: skip
    assert await fetch(db, shown + " LIMIT 1 OFFSET 1", case_id) == [("requests", "claimed", ADA.subject)]
    assert await fetch(db, "SELECT count(*) FROM timers WHERE name LIKE 'absence%'") == [(0,)]
