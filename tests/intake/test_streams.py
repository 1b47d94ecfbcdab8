"""The funnel board: real Faust, real Kafka, and a database role that may write nothing but the view."""

import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.places import state
from shared.backbone.inbox import Arrival
from shared.envelope import Envelope
from shared.ids import EventId, new_id
from shared.web import Role
from tests.support import facts, kafka_topics
from tests.support.processes import Running, eventually, running
from tests.support.service import A_MONDAY, ServiceUnderTest, run_as_admin


@pytest.fixture
async def views_url(intake: ServiceUnderTest) -> AsyncIterator[str]:
    """The address of the database as a role with rights on `view_*` alone."""
    role = f"views_{new_id().hex[14:]}"
    grants = [
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}"
        for table in ("view_funnel", "view_funnel_heartbeat")
    ]
    await run_as_admin(intake.database_url, f"CREATE ROLE {role} LOGIN PASSWORD 'made-up'", *grants)
    parts = urlsplit(intake.database_url)
    host = parts.netloc.rpartition("@")[2]
    yield urlunsplit(parts._replace(netloc=f"{role}:made-up@{host}"))
    await run_as_admin(intake.database_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


class Funnel:
    """Streams of intake as a process, on topics of its own."""

    def __init__(self, intake: ServiceUnderTest, bootstrap: str, prefix: str, views_url: str, folder: Path) -> None:
        self.intake, self.bootstrap, self.prefix, self.views_url, self.folder = (
            intake,
            bootstrap,
            prefix,
            views_url,
            folder,
        )

    def streams(self):  # type: ignore[no-untyped-def]
        given = {"INTAKE_DATABASE_URL": self.intake.database_url, "INTAKE_VIEWS_DATABASE_URL": self.views_url,
                 "KAFKA_BOOTSTRAP": self.bootstrap, "KAFKA_PREFIX": self.prefix}  # fmt: skip
        return running("services.intake", "streams", log=self.folder / "streams.log", environment=given)

    async def send(self, *arrivals: Arrival) -> None:
        await kafka_topics.send(self.bootstrap, self.prefix, *arrivals)

    async def shows(self, process: Running, **expected: int) -> None:
        async def found() -> bool:
            assert process.alive, process.text[-3000:]
            rows = await self.intake.fetch("SELECT stage, count(*) AS n FROM view_funnel GROUP BY stage")
            return {row["stage"]: row["n"] for row in rows} == expected

        await eventually(found, within=60, what=f"the board shows {expected}")


@pytest.fixture
async def board(intake: ServiceUnderTest, kafka_bootstrap: str, views_url: str, tmp_path: Path) -> Funnel:
    return Funnel(intake, kafka_bootstrap, await kafka_topics.create(kafka_bootstrap), views_url, tmp_path)


async def test_the_board_counts_each_case_once_at_the_furthest_stage_it_reached(board: Funnel) -> None:
    first, second, third = facts.a_case(), facts.a_case(), facts.a_case()
    arrive = board.intake.arrival
    early = arrive(facts.submitted(first))
    await board.send(
        early, arrive(facts.submitted(second)), arrive(facts.submitted(third)),
        arrive(facts.paid(second)), arrive(facts.confirmed(second)), arrive(facts.withdrawn(third)), early,
    )  # fmt: skip
    async with board.streams() as process:
        await board.shows(process, requested=1, paid=1, withdrawn=1)
        await board.send(arrive(facts.quoted(first)))
        await board.shows(process, quoted=1, paid=1, withdrawn=1)
        process.signal(signal.SIGTERM)
        await process.ended(within=20)


async def test_streams_that_are_told_to_stop_do_not_wait_for_a_broker_that_is_away(
    intake: ServiceUnderTest, views_url: str, tmp_path: Path
) -> None:
    async with LocalKafka(tmp_path / "kafka", remembered=state() / "kafka.jars") as broker:
        prefix = await kafka_topics.create(broker.bootstrap)
        board = Funnel(intake, broker.bootstrap, prefix, views_url, tmp_path)
        await board.send(intake.arrival(facts.submitted(facts.a_case())))
        async with board.streams() as process:
            await board.shows(process, requested=1)
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                process.signal(signal.SIGTERM)
                await process.ended(within=9)  # after ten, Docker and the launcher end it by force
            finally:
                os.kill(broker.pid, signal.SIGCONT)


async def test_a_board_that_is_emptied_is_rebuilt_from_kafka_and_junk_is_passed_by(board: Funnel) -> None:
    case_id = facts.a_case()
    junk = Arrival("intake.events", 0, 0, b"k", b"\xff\xfe", [("ce_id", b"none")])
    unknown = Envelope(EventId(new_id()), "SomethingNew.v1", "/test", A_MONDAY, case_id, 9, None)
    await board.send(
        junk, Arrival("billing.events", 0, 0, str(case_id).encode(), b"{}", unknown.headers()),
        board.intake.arrival(facts.submitted(case_id)), board.intake.arrival(facts.delivered(case_id)),
    )  # fmt: skip
    async with board.streams() as process:
        await board.shows(process, delivered=1)


async def test_the_views_role_can_not_touch_a_case(board: Funnel, views_url: str) -> None:
    with pytest.raises(Exception, match="permission denied"):
        await run_as_admin(views_url, "UPDATE cases SET withdrawn_at = now()")


async def test_the_desk_shows_the_board_and_says_when_it_is_not_live(intake: ServiceUnderTest) -> None:
    desk = intake.sign_in(Role.SUPERVISOR)
    empty = await desk.get("/desk/intake/funnel", headers={"HX-Request": "true"})
    assert "has not run yet" in empty.text
    async with intake.ctx.db.transaction() as tx:
        await tx.execute("INSERT INTO view_funnel VALUES ($1, 'paid', 3, $2, $2)", facts.a_case(), A_MONDAY)
        await tx.execute("INSERT INTO view_funnel_heartbeat (as_of) VALUES ($1)", A_MONDAY)
    live = await desk.get("/desk/intake/funnel", headers={"HX-Request": "true"})
    assert ">paid<" in live.text
    assert "not live" not in live.text
    assert "<html" not in live.text
    intake.clock.advance(timedelta(minutes=2))
    assert "not live" in (await desk.get("/desk/intake/funnel", headers={"HX-Request": "true"})).text
