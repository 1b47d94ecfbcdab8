"""Every life that a quote may have: whatever is done in whatever order, what was agreed once stays as it was agreed."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake import casework, pricing, quoting
from services.intake.domain import Refused
from services.intake.pricing import Asked
from services.intake.store import quotes
from shared.db import Tx
from shared.events import ServicesConfirmed
from shared.ids import CaseId
from tests.intake.asking import submit
from tests.support.service import ServiceUnderTest

Step = Callable[[ServiceUnderTest, Tx, CaseId], Coroutine[Any, Any, Any]]


async def offers(_: ServiceUnderTest, tx: Tx, case_id: CaseId) -> None:
    agreed = pricing.agreed_in(await quotes.of_case(tx, case_id))
    left = [
        code for code in ("written", "video", "pathology", "radiology") if not agreed or code not in agreed.services
    ]
    supplements = agreed.revision if agreed else None
    await quoting.offer(tx, case_id, tuple(left[:1]), Asked(), "", "staff-ada", supplements=supplements)


def answering(step: Callable[..., Coroutine[Any, Any, Any]], *more: str, behind: int = 0) -> Step:
    async def answer(_: ServiceUnderTest, tx: Tx, case_id: CaseId) -> None:
        last = await quotes.newest(tx, case_id)
        quote_id, revision = (last.quote_id, last.revision) if last else (UUID(int=1), 1)
        await step(tx, case_id, revision - behind, quote_id, *more)

    return answer


async def waits(intake: ServiceUnderTest, tx: Tx, case_id: CaseId) -> None:
    intake.clock.advance(timedelta(days=6))


async def clocks_run(_: ServiceUnderTest, tx: Tx, case_id: CaseId) -> None:
    await quoting.remind(tx, case_id)
    await quoting.expire(tx, case_id)


async def is_paid(_: ServiceUnderTest, tx: Tx, case_id: CaseId) -> None:
    await casework.note_progress(tx, case_id, paid_at=tx.now)


async def is_delivered(_: ServiceUnderTest, tx: Tx, case_id: CaseId) -> None:
    await casework.note_progress(tx, case_id, delivered_at=tx.now)


async def withdraws(_: ServiceUnderTest, tx: Tx, case_id: CaseId) -> None:
    await casework.withdraw(tx, case_id, "patient", "")


STEPS: tuple[Step, ...] = (
    offers,
    offers,
    answering(quoting.accept),
    answering(quoting.accept),
    answering(quoting.accept, behind=1),
    answering(quoting.decline, "price", ""),
    answering(quoting.ask, "How long?", "requester"),
    waits,
    clocks_run,
    is_paid,
    is_delivered,
    withdraws,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=14))
async def test_whatever_is_done_what_was_agreed_stays_as_it_was_agreed(
    intake: ServiceUnderTest, steps: list[Step]
) -> None:
    case_id = await submit(intake)
    agreed: dict[int, tuple[tuple[str, ...], int]] = {}
    seen: list[int] = []
    for step in steps:
        with suppress(Refused):
            async with intake.ctx.db.transaction() as tx:
                await step(intake, tx, case_id)
        async with intake.ctx.db.reading() as tx:
            history = await quotes.of_case(tx, case_id)
        revisions = [one.revision for one in reversed(history)]
        assert revisions == list(range(1, len(history) + 1))
        assert revisions[: len(seen)] == seen
        seen = revisions
        assert sum(one.state == "open" for one in history) <= 1
        for one in history:
            if one.state == "accepted":
                now = (one.services, one.price.amount_minor)
                assert agreed.setdefault(one.revision, now) == now
        assert agreed.keys() == {one.revision for one in history if one.state == "accepted"}
    told = [fact for fact in await intake.emitted(ServicesConfirmed) if fact.case_id == case_id]
    assert [fact.revision for fact in told] == sorted(agreed)
    assert {fact.revision: (fact.services, fact.price.amount_minor) for fact in told} == agreed
    assert [fact.supplements for fact in told] == [None, *sorted(agreed)][: len(told)]
