"""What must be there before a service starts: keys, topics, databases and roles, migrations, rosters. Safe to run again.

`python -m deploy.local.prepare`: a process of its own, so that the supervisor carries none of this in memory.
"""

import asyncio
import os
import sys
import tomllib
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local.kafka import create_topics
from deploy.local.places import ROOT
from deploy.local.plan import DATABASES_READY, SERVICES, VIEWS_ROLE, Plan, role_of
from deploy.local.trouble import Trouble
from shared import migrations
from shared.db import Tx
from shared.files import make_key_file
from shared.service import Context, Service
from shared.web.tokens import make_keys

SEEDS = ROOT / "deploy" / "local" / "seed"


async def prepare(plan: Plan) -> None:
    """Make all of it. Raises Trouble when a server can't be reached."""
    make_keys(plan.folder / "keys", SERVICES)
    make_key_file(plan.folder / "keys" / "files.key")
    topics = asyncio.create_task(create_topics(plan.kafka))
    await make_databases(plan)
    await asyncio.gather(*(migrate(plan, service) for service in SERVICES))
    await let_views_be_written(plan)
    (plan.folder / DATABASES_READY).touch()
    await topics


def declared(name: str) -> Service:
    """A service's declaration."""
    service: Service = import_module(f"services.{name}.__main__").SERVICE
    return service


async def make_databases(plan: Plan) -> None:
    """One database and one role for each service, and Faust's role; passwords are set to ours."""
    wanted = [service for service in SERVICES if not plan.given.get(f"{service.upper()}_DATABASE_URL")]
    if not wanted:
        return
    try:
        admin = await asyncpg.connect(plan.admin_url(), timeout=20)
    except (OSError, asyncpg.PostgresError, TimeoutError) as problem:
        raise Trouble(f"No PostgreSQL answers ({problem}). Start it, or correct DATABASE_URL.") from problem
    try:
        for role in (*map(role_of, wanted), VIEWS_ROLE):
            await _make_role(admin, role, plan.passwords[role])
        for name in map(role_of, wanted):
            if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
                await admin.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
            await admin.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        await admin.execute(f'GRANT CONNECT ON DATABASE "{role_of("intake")}" TO "{VIEWS_ROLE}"')
    finally:
        await admin.close()


async def _make_role(admin: Any, role: str, password: str) -> None:
    there = await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role)
    command = await admin.fetchval(
        "SELECT format('%s ROLE %I LOGIN PASSWORD %L', $1::text, $2::text, $3::text)",
        "ALTER" if there else "CREATE",
        role,
        password,
    )
    await admin.execute(command)


async def migrate(plan: Plan, name: str) -> None:
    """Bring a service's database up to date, and load its roster if there is one.

    Nothing of it runs before everything is prepared, so what waits for the old code to be gone needs not wait.
    """
    service = declared(name)
    url = plan.database_url(name)
    for stage in ("pre", "post"):
        for ran in await migrations.migrate(url, service.migrations, stage=stage):
            print(f"{name}: {ran}")
    roster = SEEDS / f"{name}.toml"
    if service.seed is not None and roster.exists():
        os.environ.update(plan.told(name))
        await _seed(service, service.seed, roster)


async def _seed(service: Service, seed: Callable[[Tx, dict[str, Any]], Awaitable[None]], roster: Path) -> None:
    ctx = await Context.open(service, pool_size=1)
    try:
        async with ctx.db.transaction() as tx:
            await seed(tx, read_toml(roster))
    except (LookupError, ValueError) as problem:
        raise Trouble(f"The roster {roster} could not be loaded: {problem}. Correct it and start again.") from problem
    finally:
        await ctx.close()


def read_toml(file: Path) -> dict[str, Any]:
    """A TOML file's content."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


async def let_views_be_written(plan: Plan) -> None:
    """Faust's role may read and write intake's view_* tables; it sees no other."""
    owner = await asyncpg.connect(plan.database_url("intake"))
    try:
        await owner.execute(f'GRANT USAGE ON SCHEMA public TO "{VIEWS_ROLE}"')
        for table in await owner.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'view\\_%'"
        ):
            await owner.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table["tablename"]}" TO "{VIEWS_ROLE}"')
    finally:
        await owner.close()


if __name__ == "__main__":
    try:
        asyncio.run(prepare(Plan.read()))
    except (Trouble, migrations.MigrationChanged) as trouble:
        sys.exit(f"consilium: {trouble}")
