"""One case's three-step workflow, the same for everybody who is measured: which facts it has, and who reacts how.

It comes with two kinds of reactions. ``own``: the services' own, unchanged, with their tables, statements, timers,
errands and desk queues, about 78 statements a case. ``lean``: one statement each, which notes the fact, so that what is
measured is the way of the facts. People are left out of both: where a person's work would come in between (paying,
collecting, the specialist's opinion), the fact that this work proves is told at once, by the reaction of the service
whose person it is.

1. pay: RequestSubmitted, ServicesConfirmed → billing, records, matching, notify; billing tells PaymentReceived
2. collect: PaymentReceived → intake, records, notify; records tells CollectionOpened and RecordsComplete
3. advise: CollectionOpened, RecordsComplete → matching, notify; matching tells SpecialistAssigned and OpinionDelivered;
   these → intake, billing, records, notify

Together six facts (and CollectionOpened, which goes with them) and 20 reactions a case, in five databases.
"""

import contextlib
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from benchmarks.rig import BACKBONE, Rig
from shared.backbone import outbox
from shared.backbone.inbox import Reaction, Reactions
from shared.clock import Clock
from shared.db import Database, Tx
from shared.events import Fact, PaymentReceived, RecordsComplete, ServicesConfirmed
from shared.ids import CaseId
from shared.service import Service
from tests.support import facts

SERVICES = ("intake", "billing", "records", "matching", "notify")
SEED = Path(__file__).parents[1] / "deploy" / "local" / "seed" / "records.toml"
HEARD_PER_CASE = {"intake": 3, "billing": 4, "records": 5, "matching": 4, "notify": 7}
"""How many records of a case each service's consumer gets to read: all of the topics it listens to."""

NOTED_PER_CASE = {"intake": 2, "billing": 4, "records": 5, "matching": 2, "notify": 7}
"""How many of them have a reaction."""

Urls = Mapping[str, str]
Kind = Literal["own", "lean"]


def service(name: str) -> Service:
    """Return a service's declaration."""
    declared: Service = import_module(f"services.{name}.__main__").SERVICE
    return declared


@contextlib.asynccontextmanager
async def databases(rig: Rig) -> AsyncIterator[Urls]:
    """Lend a database of its own to each service, with its tables and made-up case managers."""
    async with contextlib.AsyncExitStack() as stack:
        urls = {
            name: await stack.enter_async_context(rig.database(BACKBONE, service(name).package / "migrations"))
            for name in SERVICES
        }
        async with connected(urls, 1) as dbs, dbs["records"].transaction() as tx:
            seed = service("records").seed
            assert seed is not None
            await seed(tx, tomllib.loads(SEED.read_text()))
        async with connected(urls, 1) as dbs:
            for db in dbs.values():
                async with db.transaction() as tx:
                    await tx.execute("CREATE TABLE bench_noted (case_id uuid, fact text, PRIMARY KEY (case_id, fact))")
        yield urls


@contextlib.asynccontextmanager
async def connected(urls: Urls, size: int) -> AsyncIterator[dict[str, Database]]:
    """Lend a pool to each service's database."""
    dbs = {name: await Database.connect(url, Clock(), size=size) for name, url in urls.items()}
    try:
        yield dbs
    finally:
        for db in dbs.values():
            await db.close()


def reactions(name: str, kind: Kind) -> Reactions:
    """Return the service's reactions of this kind, people's work included."""
    declared = service(name).reactions
    table: dict[type[Fact], Reaction] = dict(declared) if kind == "own" else dict.fromkeys(declared, _note)
    for fact, told in _PEOPLE.get(name, {}).items():
        table[fact] = _and_then(table[fact], told, kind)
    return table


async def _note(fact: Fact, tx: Tx) -> None:
    await tx.execute(
        "INSERT INTO bench_noted (case_id, fact) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        fact.case_id, type(fact).__name__,
    )  # fmt: skip


def first_facts() -> list[Fact]:
    """Return what intake tells of a new case."""
    case_id = facts.a_case()
    return [facts.submitted(case_id), facts.confirmed(case_id)]


def _paid(confirmed: ServicesConfirmed, _kind: Kind) -> list[Fact]:
    return [facts.paid(confirmed.case_id, quote_id=confirmed.quote_id, price=confirmed.price)]


def _collected(paid: PaymentReceived, kind: Kind) -> list[Fact]:
    told = [facts.opened(paid.case_id)] if kind == "lean" else []  # the service's own reaction tells it by itself
    return [*told, facts.complete(paid.case_id)]


def _advised(complete: RecordsComplete, _kind: Kind) -> list[Fact]:
    return [facts.assigned(complete.case_id), facts.delivered(complete.case_id)]


_PEOPLE: Mapping[str, Mapping[type[Fact], Callable[[Any, Kind], list[Fact]]]] = {
    "billing": {ServicesConfirmed: _paid},
    "records": {PaymentReceived: _collected},
    "matching": {RecordsComplete: _advised},
}


def _and_then(reaction: Reaction, told: Callable[[Any, Kind], list[Fact]], kind: Kind) -> Reaction:
    async def react(fact: Fact, tx: Tx) -> None:
        await reaction(fact, tx)
        for one in told(fact, kind):
            outbox.append(tx, one)

    react.__name__ = getattr(reaction, "__name__", "react")
    return react


async def check(dbs: Mapping[str, Database], kind: Kind, cases: int) -> None:
    """Raise unless every service has all that ``cases`` finished cases leave behind."""
    for name, per_case in NOTED_PER_CASE.items():
        sql = _FINISHED[name] if kind == "own" else f"SELECT count(*) / {per_case} FROM bench_noted"
        async with dbs[name].reading() as tx:
            found = await tx.fetchval(sql)
        if found != cases:
            raise AssertionError(f"{name} has finished {found} cases of {cases}: not the same work")


_FINISHED: Mapping[str, str] = {
    "intake": "SELECT count(*) FROM progress WHERE paid_at IS NOT NULL AND delivered_at IS NOT NULL",
    "billing": "SELECT count(*) FROM invoices JOIN billing_cases USING (case_id) WHERE delivered_at IS NOT NULL",
    "records": "SELECT count(*) FROM collections WHERE opened_at IS NOT NULL AND delivered_at IS NOT NULL",
    "matching": "SELECT count(*) FROM queue_items",
    "notify": "SELECT count(*) / 7 FROM timeline_facts",
}


async def begin(db: Database) -> CaseId:
    """Begin a case as intake does: its first two facts, told in one transaction of their own."""
    told = first_facts()
    async with db.transaction() as tx:
        for fact in told:
            outbox.append(tx, fact)
    return told[0].case_id
