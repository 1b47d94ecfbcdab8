"""Across topics every order must come out the same: all 720 orders of the six facts, at every consumer."""

import itertools
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from shared.events import (
    Fact,
    OpinionDelivered,
    PaymentReceived,
    RecordsComplete,
    RequestSubmitted,
    ServicesConfirmed,
    SpecialistAssigned,
)
from shared.ids import CaseId
from tests.support import facts
from tests.support.service import ServiceUnderTest, service_named, under_test

SIX = (RequestSubmitted, ServicesConfirmed, PaymentReceived, RecordsComplete, SpecialistAssigned, OpinionDelivered)
MAKE = (facts.submitted, facts.confirmed, facts.paid, facts.complete, facts.assigned, facts.delivered)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NUMBER = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z*~$=]")
NOT_STATE = {"inbox", "schema_migrations", "worker_reports"}
COUNTERS = {"id", "change", "xid", "sequence", "written_in", "number"}
ONE_MANAGER = Path(__file__).parent / "one_case_manager.toml"


@pytest.mark.parametrize("name", ["intake", "billing", "records", "matching", "notify"])
async def test_all_720_orders_of_the_six_facts_end_in_the_same_state(
    name: str, postgres_url: str, platform_environment: pytest.MonkeyPatch, keys_folder: Path,
) -> None:  # fmt: skip
    async with under_test(service_named(name), postgres_url, platform_environment, keys_folder) as service:
        await _seed(service)
        await _every_order(service)


async def _every_order(service: ServiceUnderTest) -> None:
    orders = list(itertools.permutations(range(6)))
    cases = [facts.a_case() for _ in orders]
    told = [_six(case) for case in cases]
    for position in range(6):
        batch = [service.arrival(told[n][order[position]]) for n, order in enumerate(orders)]
        await service.applies(*batch)
    links = await _links(service)
    states = [await _state(service, case, links) for case in cases]
    expected = states[0]
    for order, state in zip(orders, states, strict=True):
        other = {table: (rows, expected[table]) for table, rows in state.items() if rows != expected[table]}
        assert not other, f"the order {[SIX[n].__name__ for n in order]} ends differently: {other}"
    assert await service.count("inbox") == 6 * 720
    assert any(expected.values()), "a service that keeps nothing proves nothing"


async def _seed(service: ServiceUnderTest) -> None:
    """One case manager only: which of several gets a case may well depend on who came first."""
    if service.name == "records":
        assert service.ctx.service.seed is not None
        async with service.ctx.db.transaction() as tx:
            await service.ctx.service.seed(tx, tomllib.loads(ONE_MANAGER.read_text()))


def _six(case: CaseId) -> list[Fact]:
    return [make(case) for make in MAKE]


async def _links(service: ServiceUnderTest) -> dict[str, str]:
    """For each table of the service, the condition that finds its rows of a case, through foreign keys where need be."""
    tables = await service.fetch(
        """SELECT table_name AS t, bool_or(column_name = 'case_id') AS own FROM information_schema.columns
           WHERE table_schema = 'public' GROUP BY 1""",
    )
    keys = await service.fetch(
        """SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent, a.attname AS column, f.attname AS target
           FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]
           JOIN pg_attribute f ON f.attrelid = confrelid AND f.attnum = confkey[1] WHERE contype = 'f'""",
    )
    found = {row["t"]: "case_id = $1" for row in tables if row["own"]}
    for _ in range(3):
        for key in keys:
            if key["child"] not in found and key["parent"] in found:
                inner = f"SELECT {key['target']} FROM {key['parent']} WHERE {found[key['parent']]}"
                found[key["child"]] = f"{key['column']} IN ({inner})"
    return {table: where for table, where in found.items() if table not in NOT_STATE}


async def _state(service: ServiceUnderTest, case: CaseId, links: dict[str, str]) -> dict[str, list[str]]:
    one_by_one = (
        f"SELECT '{table}' AS t, to_jsonb(t) AS row FROM {table} t WHERE {where}" for table, where in links.items()
    )
    state: dict[str, list[str]] = {table: [] for table in links}
    for row in await service.fetch(" UNION ALL ".join(one_by_one), case):
        state[row["t"]].append(_plain(row["row"]))
    return {table: sorted(rows) for table, rows in state.items()}


def _plain(row: dict[str, Any]) -> str:
    """The row without what only counts or names it: random ids, positions, the case's own id."""
    kept = {column: value for column, value in row.items() if column not in COUNTERS}
    return NUMBER.sub("#", UUID.sub("*", json.dumps(kept, sort_keys=True)))
