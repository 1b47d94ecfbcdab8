"""One service with its real database, driven from outside: facts in, facts out, HTTP, timers and errands."""

import hashlib
import importlib
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from filelock import FileLock

from shared import db as shared_db
from shared import migrations
from shared.backbone import errands, inbox, timers
from shared.backbone.inbox import Arrival
from shared.clock import FixedClock
from shared.envelope import Envelope, read_fact
from shared.events import Fact
from shared.files import make_key_file
from shared.ids import CaseId, EventId, new_id
from shared.peers import PeerProblem
from shared.service import Context, Service
from shared.web.identity import session_cookie
from shared.web.principals import Principal, Role
from shared.web.tokens import SESSIONS, make_keys, mint_session, read_key

SERVICES = ("intake", "billing", "records", "matching", "notify")
A_MONDAY = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)
"""10:00 on a working day in New York: the clock of a service under test until it is told otherwise."""


def service_named(name: str) -> Service:
    """Return a service's declaration."""
    service: Service = importlib.import_module(f"services.{name}.__main__").SERVICE
    return service


class AnsweringPeers:
    """The other services, as a table of answers; what isn't in it answers 404."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[tuple[str, str, Any]] = []

    async def get(self, service: str, path: str, **params: Any) -> Any:
        return self._answer(service, path, params)

    async def post(self, service: str, path: str, body: Any, *, key: str) -> Any:
        assert key, "every POST carries an idempotency key"
        return self._answer(service, path, body)

    async def close(self) -> None:
        return None

    def _answer(self, service: str, path: str, sent: Any) -> Any:
        self.asked.append((service, path, sent))
        try:
            return self.answers[service, path]
        except KeyError:
            raise PeerProblem(service, path, 404, "not in this test's table of answers") from None


class ServiceUnderTest:
    """Drives one service through its real inbox, handlers, database and HTTP application."""

    def __init__(self, ctx: Context, clock: FixedClock, app: Any, keys: Path, *, url: str) -> None:
        self.ctx, self.clock, self.app, self.database_url = ctx, clock, app, url
        self.name = ctx.service.name
        self._keys = keys
        self._clients: list[httpx.AsyncClient] = []
        self._sequences: dict[tuple[UUID, str], int] = {}
        self.http = self._client({})

    @property
    def peers(self) -> AnsweringPeers:
        """What the other services answer: ``peers.answers["intake", f"/cases/{case_id}/brief"] = {...}``."""
        assert isinstance(self.ctx.peers, AnsweringPeers)
        return self.ctx.peers

    def arrival(self, fact: Fact, *, event_id: EventId | None = None, traceparent: str | None = None) -> Arrival:
        """Return the record by which a fact arrives; its sequence is the next of its case and topic."""
        place = (fact.case_id, fact.topic)
        self._sequences[place] = self._sequences.get(place, 0) + 1
        envelope = Envelope(
            event_id or EventId(new_id()), fact.type_name(), "/test", self.clock.now(), fact.case_id,
            self._sequences[place], traceparent,
        )  # fmt: skip
        key = str(fact.case_id).encode()
        offset = sum(self._sequences.values())
        return Arrival(fact.topic, 0, offset, key, fact.model_dump_json().encode(), envelope.headers())

    async def receives(self, *facts: Fact) -> None:
        """Apply facts one after the other; the same object twice is the same fact twice."""
        known: dict[int, Arrival] = {}
        for fact in facts:
            arrival = known.setdefault(id(fact), self.arrival(fact))
            await self.applies(arrival)

    async def applies(self, *arrivals: Arrival) -> int:
        """Apply records in one transaction."""
        async with self.ctx.db.transaction() as tx:
            return await inbox.apply(tx, self.ctx.service.reactions, arrivals, service=self.name)

    async def emitted(self, *kinds: type[Fact]) -> list[Any]:
        """Return the facts in the outbox, oldest first; only of ``kinds`` when given."""
        rows = await self.fetch("SELECT type, payload FROM outbox ORDER BY id")
        facts = [read_fact(row["type"], row["payload"]) for row in rows]
        return [fact for fact in facts if not kinds or type(fact) in kinds]

    async def fetch(self, sql: str, *args: Any) -> list[shared_db.Row]:
        """Return rows of the service's database."""
        async with self.ctx.db.reading() as tx:
            return await tx.fetch(sql, *args)

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int((await self.fetch(f"SELECT count(*) AS n FROM {table}"))[0]["n"])

    async def run_timers(self, *, at: datetime | None = None) -> int:
        """Let time pass to ``at`` and run what is due; a timer that fails raises."""
        if at is not None:
            self.clock.at = at
        ran = await timers.run_due(self.ctx.db, self.ctx.service.timers)
        failed = await self.fetch("SELECT name, error FROM timers WHERE error IS NOT NULL")
        assert not failed, f"timers failed: {[dict(row) for row in failed]}"
        return ran

    async def run_errands(self, *, may_fail: bool = False) -> int:
        """Run the errands that are due, all of them; one that fails raises unless ``may_fail``."""
        total = 0
        while ran := await errands.run_due(self.ctx, self.ctx.service.errands):
            total += ran
        if not may_fail:
            failed = await self.fetch("SELECT kind, error FROM errands WHERE done_at IS NULL AND error IS NOT NULL")
            assert not failed, f"errands failed: {[dict(row) for row in failed]}"
        return total

    def sign_in(
        self, *roles: Role, subject: str = "staff-test", name: str = "Test Person", cases: Iterable[UUID] = (),
        locale: str = "en",
    ) -> httpx.AsyncClient:  # fmt: skip
        """Return a browser that carries the session of a person with these roles (and, on the patient's side, cases)."""
        who = Principal(subject, name, frozenset(roles), frozenset(CaseId(case) for case in cases), locale)
        token = mint_session(read_key(self._keys / "sessions.pem", SESSIONS), who, now=self.clock.now())
        return self._client({session_cookie(self.ctx.platform.public_url): token})

    def as_service(self, service: str) -> httpx.AsyncClient:
        """Return a client that speaks as another service."""
        from shared.peers import service_token

        token = service_token(service, self.name, read_key(self._keys / f"{service}.pem", service), self.clock)
        client = self._client({})
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def _client(self, cookies: dict[str, str]) -> httpx.AsyncClient:
        base = self.ctx.platform.public_url
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=base, cookies=cookies, headers={"Origin": base},
        )  # fmt: skip
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """Let go of connections."""
        for client in self._clients:
            await client.aclose()
        await self.ctx.close()


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Private keys of sessions and of every service, and the public set."""
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder, SERVICES)
    make_key_file(folder / "files.key")
    return folder


def with_database(url: str, name: str) -> str:
    """Return the address of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def run_as_admin(url: str, *statements: str) -> None:
    """Run statements that can't be in a transaction, such as CREATE DATABASE."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def template_of(service: Service, postgres_url: str) -> str:
    """Return the name of this run's migrated, empty database of a service, made at first need."""
    name = f"template_{service.name}"
    folder = Path(os.environ["CONSILIUM_TEST_FOLDER"])
    mark = f"{name}-{hashlib.sha256(postgres_url.encode()).hexdigest()[:12]}"
    done = folder / f"{mark}.done"
    with FileLock(folder / f"{mark}.lock"):
        if not done.exists():
            await run_as_admin(postgres_url, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
            for stage in ("pre", "post"):
                await migrations.migrate(with_database(postgres_url, name), service.migrations, stage=stage)
            done.touch()
    return name


@asynccontextmanager
async def fresh_database(service: Service, postgres_url: str) -> AsyncIterator[str]:
    """Lend a database of a service that nobody else uses; dropped afterwards."""
    template = await template_of(service, postgres_url)
    name = f"test_{service.name}_{new_id().hex[12:]}"
    await run_as_admin(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield with_database(postgres_url, name)
    finally:
        await run_as_admin(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


def settings_of_the_platform(environment: pytest.MonkeyPatch, keys: Path, folder: Path, postgres_url: str) -> None:
    """Set what every service reads: where keys, files and databases are, and the public address."""
    environment.setenv("JWKS_FILE", str(keys / "jwks.json"))
    environment.setenv("FILES_URL", f"file://{folder}/files")
    environment.setenv("PUBLIC_URL", "http://consilium.test")
    for service in SERVICES:
        environment.setenv(f"{service.upper()}_SIGNING_KEY_FILE", str(keys / f"{service}.pem"))
        environment.setenv(f"{service.upper()}_DATABASE_URL", postgres_url)
    environment.setenv("RECORDS_FILES_KEY_FILE", str(keys / "files.key"))
    environment.setenv("INTAKE_SESSION_KEY_FILE", str(keys / "sessions.pem"))
    environment.setenv("INTAKE_VIEWS_DATABASE_URL", postgres_url)


@pytest.fixture
def platform_environment(
    monkeypatch: pytest.MonkeyPatch, keys_folder: Path, tmp_path: Path, postgres_url: str,
) -> pytest.MonkeyPatch:  # fmt: skip
    """The settings that every service reads, pointing at this test's own things."""
    settings_of_the_platform(monkeypatch, keys_folder, tmp_path, postgres_url)
    return monkeypatch


_IDLE: defaultdict[tuple[int, str], list[tuple[Service, FastAPI]]] = defaultdict(list)


@contextmanager
def _application(service: Service, ctx: Context) -> Iterator[FastAPI]:
    """Lend a service's application, to one test at a time: making it costs more than most tests do with it."""
    from shared.web.app import create_app, furnish

    idle = _IDLE[id(service), ctx.platform.public_url]
    app = idle.pop()[1] if idle else create_app(service, ctx)
    furnish(app, service, ctx)
    yield app
    idle.append((service, app))


@asynccontextmanager
async def under_test(
    service: Service, postgres_url: str, environment: pytest.MonkeyPatch, keys: Path,
) -> AsyncIterator[ServiceUnderTest]:  # fmt: skip
    """Lend a service with a database of its own and a clock that stands still on a working day."""
    async with fresh_database(service, postgres_url) as url:
        environment.setenv(f"{service.name.upper()}_DATABASE_URL", url)
        clock = FixedClock(A_MONDAY)
        ctx = await Context.open(service, clock=clock)
        ctx.peers = AnsweringPeers()  # type: ignore[assignment]
        with _application(service, ctx) as app:
            tested = ServiceUnderTest(ctx, clock, app, keys, url=url)
            try:
                yield tested
            finally:
                await tested.close()


def _fixture_for(name: str) -> Any:
    @pytest.fixture(name=name)
    async def tested(
        postgres_url: str, platform_environment: pytest.MonkeyPatch, keys_folder: Path,
    ) -> AsyncIterator[ServiceUnderTest]:  # fmt: skip
        async with under_test(service_named(name), postgres_url, platform_environment, keys_folder) as lent:
            yield lent

    return tested


intake = _fixture_for("intake")
billing = _fixture_for("billing")
records = _fixture_for("records")
matching = _fixture_for("matching")
notify = _fixture_for("notify")


def payload_of(arrival: Arrival) -> dict[str, Any]:
    """Return an arrival's JSON."""
    found: dict[str, Any] = json.loads(arrival.value or b"{}")
    return found
