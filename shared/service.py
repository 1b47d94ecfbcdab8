"""What a service is, declared in one value; the backbone and the web layer do the rest."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.clock import Clock
from shared.db import Database
from shared.events import Fact
from shared.peers import Peers
from shared.programme import all_programmes
from shared.settings import PlatformSettings, ServiceSettings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from fastapi import APIRouter

    from shared.backbone.errands import ErrandRunner
    from shared.backbone.inbox import Reaction
    from shared.backbone.timers import TimerReaction
    from shared.db import Tx
    from shared.staff_queue import Queue, TakeoverReaction

BACKBONE_MIGRATIONS = Path(__file__).parent / "backbone" / "migrations"


@dataclass(frozen=True)
class OwnCommand:
    """A command line of one service alone: its name, what it is for, its options, and what it does (the exit code)."""

    name: str
    about: str
    options: "Callable[[ArgumentParser], None]"
    run: "Callable[[Context, Namespace], Awaitable[int]]"


@dataclass(frozen=True)
class Service:
    """A service's declaration. ``routes`` and ``streams`` import late: a worker needs neither web nor Faust.

    ``standing``: timers that always run, of no case, and when each is due next by the settings and the time.
    ``takeovers``: by queue, what else passes to whoever takes an item of it over, in the same transaction.
    ``imports``: what an operator's file may be taken in as; each reads its bytes and says what it took.
    ``beside``: what a process that serves does besides answering, from its start until it is cancelled.
    """

    name: str
    package: Path
    settings: Callable[[], ServiceSettings]
    emits: Sequence[type[Fact]] = ()
    reactions: "Mapping[type[Fact], Reaction]" = field(default_factory=dict)
    timers: "Mapping[str, TimerReaction]" = field(default_factory=dict)
    errands: "Mapping[str, ErrandRunner]" = field(default_factory=dict)
    standing: "Mapping[str, Callable[[Any, datetime], datetime]]" = field(default_factory=dict)
    queues: "Sequence[Queue]" = ()
    takeovers: "Mapping[str, TakeoverReaction]" = field(default_factory=dict)
    routes: "Callable[[], Sequence[APIRouter]] | None" = None
    seed: "Callable[[Tx, dict[str, Any]], Awaitable[None]] | None" = None
    imports: "Mapping[str, Callable[[Tx, bytes], Awaitable[str]]]" = field(default_factory=dict)
    streams: Callable[[], None] | None = None
    beside: "Callable[[Context], Coroutine[Any, Any, None]] | None" = None
    commands: "Sequence[OwnCommand]" = ()

    @property
    def migrations(self) -> list[Path]:
        """The folders of SQL that make this service's database, in order."""
        return [BACKBONE_MIGRATIONS, self.package / "migrations"]


@dataclass
class Context:
    """What a running process of a service holds; an errand or a page may use all of it, a handler none."""

    service: Service
    settings: Any
    platform: PlatformSettings
    clock: Clock
    db: Database
    peers: Peers

    @classmethod
    async def open(cls, service: Service, *, clock: Clock | None = None, pool_size: int | None = None) -> "Context":
        """Read settings and programmes, and connect; close with ``close``. Raises ``ProgrammeRefused``."""
        all_programmes()
        settings, platform, clock = service.settings(), PlatformSettings(), clock or Clock()
        db = await Database.connect(
            settings.database_url, clock, size=pool_size or settings.pool_size, name=f"consilium-{service.name}",
        )  # fmt: skip
        peers = Peers(service.name, platform.peers_url, settings.signing_key_file, clock)
        return cls(service, settings, platform, clock, db, peers)

    async def close(self) -> None:
        """Let go of connections."""
        await self.peers.close()
        await self.db.close()
