"""The command line that every service has: ``python -m services.<name> <command>``."""

import argparse
import asyncio
import json
import sys
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from shared import db, log, migrations, telemetry
from shared.backbone import inbox, parked, reconcile
from shared.ids import CaseId
from shared.peers import PeerProblem
from shared.programme import all_programmes
from shared.service import Context, Service
from shared.settings import PlatformSettings

Command = Callable[[Context, argparse.Namespace], Awaitable[int]]


def main(service: Service, argv: list[str] | None = None) -> int:
    """Run one command of ``service`` and return the process's exit code."""
    asked = _parser(service).parse_args(argv)
    platform = PlatformSettings()
    log.configure(service.name, level=platform.log_level, style=platform.log_format)
    if asked.command == "api":
        return _api(service, platform, asked)
    _trace(service, platform)
    if asked.command == "streams":
        if service.streams is None:
            raise SystemExit(f"{service.name} has no streams")
        service.streams()
        return 0
    if asked.command == "migrate":
        return asyncio.run(_migrate(service, asked))
    own = {command.name: command.run for command in service.commands}
    return asyncio.run(_with_context(service, {**own, **_COMMANDS}[asked.command], asked))


def _parser(service: Service) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name}")
    commands = parser.add_subparsers(dest="command", required=True)
    api = commands.add_parser("api", help="serve pages and JSON")
    api.add_argument("--host", default="127.0.0.1")
    api.add_argument("--port", type=int, default=8000)
    api.add_argument("--alone", action="store_true", help="in this very process: nobody is there at once when it dies")
    commands.add_parser("worker", help="relay, consume, and run what is due")
    commands.add_parser("streams", help="keep derived views fresh")
    migrate = commands.add_parser("migrate", help="bring the database up to date")
    migrate.add_argument("--post", action="store_true", help="run the migrations for after the old code is gone")
    seed = commands.add_parser("seed", help="load a roster; loading it again changes nothing")
    seed.add_argument("file", type=argparse.FileType("rb"))
    if service.imports:
        take = commands.add_parser("import", help="take in a file; taking it in again changes nothing")
        take.add_argument("kind", choices=sorted(service.imports))
        take.add_argument("file", type=argparse.FileType("rb"))
    for own in service.commands:
        own.options(commands.add_parser(own.name, help=own.about))
    _parked_parser(commands.add_parser("parked", help="records that a person must look at"))
    again = commands.add_parser("replay", help="deliver facts again; harmless")
    again.add_argument("source", choices=["outbox", "kafka"])
    again.add_argument("--case", type=UUID)
    again.add_argument("--since", type=datetime.fromisoformat)
    again.add_argument("--topic", action="append", help="with kafka: only this topic; may be repeated")
    commands.add_parser("reconcile", help="name every fact that this service lacks")
    history = commands.add_parser("history", help="a case as a list of facts, whoever owns them")
    history.add_argument("case", type=UUID)
    return parser


def _parked_parser(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list")
    for name, about in (
        ("show", "one record"),
        ("retry", "apply it and those behind it"),
        ("drop", "give it up for good"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("id", type=int)
        action.add_argument("--by", default="command line", help="who takes responsibility")
        action.add_argument("--why", default="", help="with drop: why the case does without it")


def _trace(service: Service, platform: PlatformSettings) -> None:
    telemetry.configure(
        service.name, traces_file=platform.otel_traces_file, otlp_endpoint=platform.otel_exporter_otlp_endpoint,
    )  # fmt: skip


def _api(service: Service, platform: PlatformSettings, asked: argparse.Namespace) -> int:
    import uvicorn

    from shared.web import keeper
    from shared.web.hosting import serve

    all_programmes()  # read here, once, for whoever serves
    config = uvicorn.Config(
        serve(service), host=asked.host, port=asked.port, log_config=None, access_log=False,
        timeout_graceful_shutdown=2, server_header=False, proxy_headers=False,
    )  # fmt: skip
    return (keeper.serve if asked.alone else keeper.keep)(config, lambda: _trace(service, platform))


async def _migrate(service: Service, asked: argparse.Namespace) -> int:
    stage = "post" if asked.post else "pre"
    for name in await migrations.migrate(service.settings().database_url, service.migrations, stage=stage):
        print(f"{service.name}: ran {name}")
    return 0


async def _with_context(service: Service, command: Command, asked: argparse.Namespace) -> int:
    ctx = await Context.open(service)
    try:
        return await command(ctx, asked)
    except (LookupError, ValueError, PeerProblem) as problem:
        print(f"{service.name}: {problem}", file=sys.stderr)
        return 1
    except db.TRANSIENT as problem:
        print(f"{service.name}: the database can't be reached ({problem}); is everything up?", file=sys.stderr)
        return 1
    finally:
        await ctx.close()


async def _worker(ctx: Context, _asked: argparse.Namespace) -> int:
    from shared.backbone import worker  # Kafka's client: what serves pages needs none

    await worker.run(ctx, worker.stop_on_signals())
    return 0


async def _seed(ctx: Context, asked: argparse.Namespace) -> int:
    if ctx.service.seed is None:
        raise ValueError("this service has nothing to seed")
    async with ctx.db.transaction() as tx:
        await ctx.service.seed(tx, tomllib.load(asked.file))
    return 0


async def _import(ctx: Context, asked: argparse.Namespace) -> int:
    async with ctx.db.transaction() as tx:
        print(await ctx.service.imports[asked.kind](tx, asked.file.read()))
    return 0


async def _parked(ctx: Context, asked: argparse.Namespace) -> int:
    if asked.action == "retry":
        try:
            print(f"{await inbox.retry_parked(ctx, asked.id, by=asked.by)} applied")
        except LookupError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a reaction raises is the answer that was asked for
            print(f"still failing, and still parked: {log.scrub(repr(error))}", file=sys.stderr)
            return 1
    elif asked.action == "drop":
        async with ctx.db.transaction() as tx:
            await parked.drop(tx, asked.id, by=asked.by, why=asked.why)
    else:
        for record in [await parked.one(ctx.db, asked.id)] if asked.action == "show" else await parked.listed(ctx.db):
            print(json.dumps(asdict(record), default=str))
    return 0


async def _replay(ctx: Context, asked: argparse.Namespace) -> int:
    from shared.backbone import replay

    if asked.source == "outbox":
        case_id = CaseId(asked.case) if asked.case else None
        print(f"{await replay.from_outbox(ctx, case_id=case_id, since=asked.since)} facts will be sent again")
        return 0
    topics = asked.topic or sorted({fact.topic for fact in ctx.service.reactions})
    done = await replay.from_kafka(ctx, topics, since=asked.since)
    print(f"{done.read} records read again, {done.new} facts were new here, {done.parked} are parked or dropped")
    for place, why in done.failed.items():
        print(f"not applied: {place}: {why}", file=sys.stderr)
    return 1 if done.failed else 0


async def _reconcile(ctx: Context, _asked: argparse.Namespace) -> int:
    found = await reconcile.gaps(ctx)
    for gap in found:
        print(json.dumps(asdict(gap), default=str))
    unsent = await reconcile.unsent(ctx.db)
    print(f"{ctx.service.name}: {len(found)} gaps; {unsent} of its own facts wait for Kafka", file=sys.stderr)
    return 1 if found or unsent else 0


async def _history(ctx: Context, asked: argparse.Namespace) -> int:
    facts = []
    for owner in ("intake", "billing", "records", "matching"):
        facts += await ctx.peers.get(owner, f"/cases/{asked.case}/facts")
    for fact in sorted(facts, key=lambda fact: (fact["time"], fact["topic"], fact["sequence"])):
        print(json.dumps(fact))
    return 0


_COMMANDS: dict[str, Command] = {
    "worker": _worker,
    "seed": _seed,
    "import": _import,
    "parked": _parked,
    "replay": _replay,
    "reconcile": _reconcile,
    "history": _history,
}
