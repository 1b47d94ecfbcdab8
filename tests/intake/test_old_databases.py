"""Migrations that move what people had entered: run against a database of before, with rows in it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared import db, migrations
from shared.ids import new_case_number, new_id
from shared.service import BACKBONE_MIGRATIONS
from tests.support.service import A_MONDAY, run_as_admin, service_named, with_database

INTAKE = service_named("intake").package / "migrations"


@pytest.fixture
async def old(postgres_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """A connection to a database as it was before there was one queue for all requests."""
    name = f"test_old_{new_id().hex[12:]}"
    await run_as_admin(postgres_url, f"CREATE DATABASE {name}")
    url = with_database(postgres_url, name)
    before = tmp_path / "intake" / "migrations"
    before.mkdir(parents=True)
    for file in INTAKE.glob("pre_*.sql"):
        if file.name < "pre_0005":
            shutil.copy(file, before)
    await migrations.migrate(url, [BACKBONE_MIGRATIONS, before])
    connection = await asyncpg.connect(url)
    await db.prepare(connection)
    try:
        yield connection
    finally:
        await connection.close()
        await run_as_admin(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


async def an_old_case(old: Any, queue: str | None, claimed_by: str | None = None, **changes: Any) -> str:
    """Write a case down as it stood then, on one of the two queues; return its number."""
    case_id, number = new_id(), new_case_number()
    values = {
        "case_id": case_id, "case_number": number, "programme_id": "msk_international", "programme_version": 1,
        "path": "new_patient", "stream": "remote", "channel": "web", "locale": "en", "contact": "requester",
        "cancer_type": "breast", "surgery": "unsure", "reasons": ["new_diagnosis"], "interests": [],
        "emergency_notice_version": "1", "submitted_at": A_MONDAY, "contact_due_at": A_MONDAY,
    } | changes  # fmt: skip
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    await old.execute(f"INSERT INTO cases ({', '.join(values)}) VALUES ({places})", *values.values())
    await old.execute(
        """INSERT INTO people (case_id, role, name, birth_date, sex, country, languages)
           VALUES ($1, 'patient', 'Mira Testova', '1958-03-27', 'female', 'BR', '{pt}')""",
        case_id,
    )
    if queue:
        await old.execute(
            """INSERT INTO queue_items (id, queue, item_key, case_id, title, due, data, state, claimed_by, claimed_name,
                   claimed_at, created_at)
               VALUES ($1, $2, $3, $4, 'old', $5::timestamptz, '{}', CASE WHEN $6::text IS NULL THEN 'open' ELSE 'claimed' END,
                       $6::text, $6::text, CASE WHEN $6::text IS NOT NULL THEN $5::timestamptz END, $5::timestamptz)""",
            new_id(), queue, str(case_id), case_id, A_MONDAY, claimed_by,
        )  # fmt: skip
    return number


async def quoted(old: Any, number: str, state: str) -> None:
    await old.execute(
        """INSERT INTO quotes (quote_id, revision, case_id, services, amount_minor, currency, valid_until, offered_at,
               offered_by, note, state, settled_at)
           SELECT gen_random_uuid(), 1, case_id, '{written}', 100, 'USD', $2::timestamptz + interval '1 day', $2::timestamptz,
                  'staff-ada', '',
                  $3::text, CASE WHEN $3::text <> 'open' THEN $2::timestamptz END FROM cases WHERE case_number = $1""",
        number, A_MONDAY, state,
    )  # fmt: skip


async def test_what_stood_on_two_queues_stands_on_one_with_what_it_waits_for_and_who_has_it(
    old: Any, postgres_url: str
) -> None:
    new = await an_old_case(old, "new-requests")
    taken = await an_old_case(old, "in-person", "Ada Winter", stream="in_person", contacted_at=A_MONDAY)
    offered = await an_old_case(old, None, contacted_at=A_MONDAY)
    await quoted(old, offered, "open")
    declined = await an_old_case(old, "new-requests", contacted_at=A_MONDAY)
    await quoted(old, declined, "declined")
    agreed = await an_old_case(old, None, contacted_at=A_MONDAY, confirmed_at=A_MONDAY)
    paid = await an_old_case(old, None, contacted_at=A_MONDAY, confirmed_at=A_MONDAY)
    await old.execute(
        "INSERT INTO progress (case_id, paid_at) SELECT case_id, $2 FROM cases WHERE case_number = $1", paid, A_MONDAY
    )
    await an_old_case(old, None, withdrawn_at=A_MONDAY, withdrawn_by="patient")
    [at] = await old.fetchrow("SELECT current_database()")

    ran = await migrations.migrate(with_database(postgres_url, at), [BACKBONE_MIGRATIONS, INTAKE])

    assert "intake/pre_0005_one_queue.sql" in ran
    rows = await old.fetch(
        "SELECT title, due, data, claimed_name FROM queue_items WHERE queue = 'requests' AND state <> 'done'"
    )
    shown = {row["title"].partition(" · ")[0]: (row["data"]["waiting"], row["claimed_name"]) for row in rows}
    assert shown == {
        new: ("to_contact", None), taken: ("to_quote", "Ada Winter"), offered: ("quote_open", None),
        declined: ("quote_declined", None), agreed: ("awaiting_payment", None),
    }  # fmt: skip
    assert {row["title"].partition(" · ")[2] for row in rows} == {"Mira Testova"}
    assert [row["due"] for row in rows if row["data"]["waiting"] == "to_contact"] == [A_MONDAY]
    assert await old.fetchval("SELECT count(*) FROM queue_items WHERE queue <> 'requests' AND state <> 'done'") == 0
    in_person = [row["data"]["stream"] for row in rows if row["claimed_name"]]
    assert in_person == ["in_person"]
