"""The funnel board: how many cases stand at which stage, and since when. Delete this file and no fact is lost.

A Faust application reads the four owners' topics and keeps one row per case, the furthest stage it reached. It decides
nothing, tells nothing and writes `view_*` tables only, as a database role that may write nothing else. Reading a fact
twice, late or in another order ends in the same rows, so it may be stopped, moved or started from the beginning.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

import faust
import stamina

from services.intake.settings import Settings
from services.intake.store import funnel
from services.intake.store.funnel import Reached
from shared import log, topics
from shared.clock import Clock
from shared.db import TRANSIENT, Database
from shared.envelope import Unreadable, read_envelope
from shared.events import (
    CaseWithdrawn,
    CollectionOpened,
    Fact,
    OpinionDelivered,
    PaymentReceived,
    QuoteOffered,
    RecordsComplete,
    RequestSubmitted,
    ServicesConfirmed,
    SpecialistAssigned,
)
from shared.settings import PlatformSettings

ORDER: tuple[tuple[type[Fact], str], ...] = (
    (RequestSubmitted, "requested"),
    (QuoteOffered, "quoted"),
    (ServicesConfirmed, "confirmed"),
    (PaymentReceived, "paid"),
    (CollectionOpened, "collecting"),
    (RecordsComplete, "records complete"),
    (SpecialistAssigned, "with a specialist"),
    (OpinionDelivered, "delivered"),
    (CaseWithdrawn, "withdrawn"),
)
ENDS_WITHIN = 5.0
STAGES = {fact.type_name(): (rank, stage) for rank, (fact, stage) in enumerate(ORDER)}
_log = log.get(__name__)


def stage_of(event: Any) -> Reached | None:
    """Return which stage a record says was reached; None when it says nothing of stages, or can't be read."""
    try:
        envelope = read_envelope(list(event.headers.items()))
    except Unreadable as problem:
        _log.warning("funnel_skipped", problem=str(problem))
        return None
    if envelope.type not in STAGES:
        return None
    rank, stage = STAGES[envelope.type]
    return Reached(envelope.case_id, stage, rank, envelope.time)


def create(settings: Settings, platform: PlatformSettings) -> faust.App:
    """Return the application. Topics exist beforehand; its only state is the view, so it keeps no tables of its own."""
    app = faust.App(
        f"{platform.kafka_prefix}intake-funnel",
        broker=[f"kafka://{address}" for address in platform.kafka_bootstrap.split(",")],
        broker_credentials=_credentials(platform),
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="intake-funnel-"),
        web_enabled=False,
        stream_wait_empty=True,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=9.0,
        broker_heartbeat_interval=3.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
    )
    view = _View(settings.views_database_url or settings.database_url)

    async def fold(stream: Any) -> None:
        async for events in stream.take_events(500, within=0.2):
            await view.note([reached for event in events if (reached := stage_of(event)) is not None])

    sources = app.topic(*(platform.kafka_prefix + topic for topic in topics.FACTS))
    app.agent(sources, name="funnel")(fold)
    app.timer(interval=5.0)(view.beat)
    return app


def _credentials(platform: PlatformSettings) -> faust.SASLCredentials | None:
    if platform.kafka_username is None:
        return None
    return faust.SASLCredentials(username=platform.kafka_username, password=platform.kafka_password, mechanism="PLAIN")


class _View:
    """The view's tables. It waits for a database that is away: Faust would count what it could not keep as read."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._db: Database | None = None

    async def note(self, reached: Sequence[Reached]) -> None:
        async for attempt in stamina.retry_context(on=TRANSIENT, attempts=None, timeout=None, wait_max=5):
            with attempt:
                async with (await self._open()).transaction() as tx:
                    await funnel.note(tx, reached)

    async def beat(self) -> None:
        try:
            async with (await self._open()).transaction() as tx:
                await funnel.beat(tx)
        except TRANSIENT:
            _log.warning("funnel_heartbeat_missed")

    async def _open(self) -> Database:
        if self._db is None:
            self._db = await Database.connect(self._url, Clock(), size=2, name="intake-funnel")
        return self._db


class _Worker(faust.Worker):
    """Ends within some seconds of being told to; Faust waits for a broker that is away for as long as it is away."""

    def on_worker_shutdown(self) -> None:
        end = threading.Timer(ENDS_WITHIN, os._exit, [1])  # what was not acknowledged is read again, and counts once
        end.daemon = True
        end.start()


def run() -> None:
    """Run until stopped by a signal."""
    app = create(Settings(), PlatformSettings())
    _Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()
