"""A service just large enough to see the backbone work: it counts what it hears, and answers some of it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from shared.backbone import Errand, Retry, errands, outbox, timers
from shared.backbone.inbox import in_batches
from shared.db import Tx
from shared.events import CaseWithdrawn, PaymentReceived, RefundIssued, ServicesConfirmed, SignInRequested
from shared.ids import CaseId
from shared.service import Context, Service
from shared.settings import ServiceSettings
from shared.staff_queue import Queue

FAILS, SLEEPS = "FAIL", "SLEEP"
OWN_FAULTS: dict[str, Callable[[Tx], Awaitable[object]]] = {
    "ARGUMENTS": lambda tx: tx.fetch("SELECT $1::int"),
    "DATA": lambda tx: tx.fetch("SELECT $1::int", 1 << 40),
    "FILE": lambda _tx: asyncio.to_thread(Path("/nowhere/at/all").read_bytes),
    "TIME": lambda _tx: asyncio.wait_for(asyncio.sleep(60), 0.01),
}
"""What a reaction may do wrong by itself and that looks as if the database were away."""
CLASH = "DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$"
"""What a deadlock is to who is chosen to give way."""
DESK = Queue("desk", "Desk", ("finance",))


async def note(confirmed: ServicesConfirmed, tx: Tx) -> None:
    """Count the case, tell a fact of it, and plan what is due later."""
    await _note(tx, confirmed.case_id, "confirmed")
    if confirmed.services == (FAILS,):
        raise RuntimeError("this one always fails")
    if confirmed.services == ("RETRY",) and os.environ.get("TOY_MENDED") != "yes":
        raise Retry("not yet")
    for fault in set(confirmed.services) & OWN_FAULTS.keys():
        await OWN_FAULTS[fault](tx)
    if confirmed.services == ("CLASH",) and os.environ.get("TOY_MENDED") != "yes":
        await tx.execute(CLASH)
    outbox.append(tx, refund(confirmed.case_id, tx))
    await timers.set(tx, confirmed.case_id, "remember", tx.now + timedelta(seconds=1))
    await errands.request(tx, "write", confirmed.case_id, str(confirmed.case_id), {"word": "done"})


@in_batches
async def note_many(requests: "list[SignInRequested]", tx: Tx) -> None:
    """Count many at once."""
    await tx.execute(
        "INSERT INTO heard (case_id, what) SELECT unnest($1::uuid[]), 'many'",
        [request.case_id for request in requests],
    )


async def note_payment(paid: PaymentReceived, tx: Tx) -> None:
    """Count, and answer nothing."""
    await _note(tx, paid.case_id, f"paid {paid.revision}")


async def note_withdrawal(withdrawn: CaseWithdrawn, tx: Tx) -> None:
    """Count, and stop the clocks."""
    await _note(tx, withdrawn.case_id, "withdrawn")
    await timers.cancel_all(tx, withdrawn.case_id)


async def remember(case_id: CaseId, tx: Tx) -> None:
    """Count the deadline."""
    await _note(tx, case_id, "remembered")


async def write(errand: Errand, ctx: Context) -> None:
    """Count the errand, idempotent on its key."""
    if errand.payload.get("word") == FAILS:
        raise ConnectionError("nobody answers at someone@example.org")
    if errand.payload.get("word") == SLEEPS:
        await asyncio.sleep(60)
    async with ctx.db.transaction() as tx:
        await tx.execute(
            """INSERT INTO heard (case_id, what) SELECT $1, $2
               WHERE NOT EXISTS (SELECT FROM heard WHERE case_id = $1 AND what = $2)""",
            errand.case_id, f"wrote {errand.payload['word']}",
        )  # fmt: skip


def refund(case_id: CaseId, tx: Tx) -> RefundIssued:
    """Return the fact that the toy tells."""
    return RefundIssued.model_validate(
        {
            "case_id": case_id,
            "refund_id": case_id,
            "price": {"amount_minor": 1, "currency": "USD"},
            "issued_at": tx.now,
        },
    )


async def _note(tx: Tx, case_id: CaseId, what: str) -> None:
    await tx.execute("INSERT INTO heard (case_id, what) VALUES ($1, $2)", case_id, what)


class ToySettings(ServiceSettings):
    """Read from TOY_* variables."""

    model_config = SettingsConfigDict(env_prefix="TOY_", extra="ignore")


SERVICE = Service(
    name=os.environ.get("TOY_NAME", "toy"),
    package=Path(__file__).parent,
    settings=ToySettings,
    emits=(RefundIssued,),
    reactions={
        ServicesConfirmed: note,
        CaseWithdrawn: note_withdrawal,
        SignInRequested: note_many,
        PaymentReceived: note_payment,
    },
    timers={"remember": remember},
    errands={"write": write},
    queues=(DESK,),
)

if __name__ == "__main__":
    from shared.backbone import kafka, worker  # noqa: F401 - read once, for all of "workers"
    from shared.main import main

    kafka.SESSION_MS = int(os.environ.get("TOY_SESSION_MS", kafka.SESSION_MS))
    if sys.argv[1:2] == ["workers"]:  # one after the other, each to die at the next of these points
        from shared.programme import all_programmes
        from tests.support.mortal import in_turns

        all_programmes()
        in_turns(sys.argv[2:], lambda: sys.exit(main(SERVICE, ["worker"])))
    else:
        sys.exit(main(SERVICE))
