"""Requests that staff type for somebody (R10): when it reached us, what it came on, how consent was given (R29)."""

from __future__ import annotations

from collections.abc import AsyncIterable
from datetime import datetime, timedelta
from uuid import UUID

from services.intake import store
from services.intake.contact import tasks
from services.intake.contact.colleagues import Colleague, known
from services.intake.domain import Refused, Step, check_may
from services.intake.store import call_backs, callers, colleagues
from services.intake.store.callers import Arrival, Original
from shared import files, programme
from shared.backbone import errands, timers
from shared.backbone.errands import Errand
from shared.db import Tx
from shared.files import Stored
from shared.ids import CaseId, new_id
from shared.service import Context

SWEEP_AFTER = timedelta(days=1)
_AHEAD = timedelta(minutes=5)
_LONG_AGO = timedelta(days=366)


def check_received(received_at: datetime, now: datetime) -> None:
    """Raise Refused unless this can be when something reached the office."""
    if received_at > now + _AHEAD:
        raise Refused("It can't have reached us in the future. Check date and time.")
    if received_at < now - _LONG_AGO:
        raise Refused("That is more than a year ago. Check the year.")


async def arrive(
    tx: Tx, draft_id: UUID, channel: str, received_at: datetime, by: Colleague, call_back_id: UUID | None = None
) -> None:
    """Write down that somebody's words reached us, before they are typed in."""
    check_received(received_at, tx.now)
    who = await known(tx, by)
    arrival = Arrival(draft_id, channel, min(received_at, tx.now), call_back_id, who, tx.now)
    await callers.insert_arrival(tx, arrival)


async def received_at(tx: Tx, case_id: CaseId) -> datetime:
    """Return when the request reached the office: what staff entered, or now. The contact clock starts then (R12)."""
    arrival = await callers.arrival(tx, case_id)
    return arrival.received_at if arrival else tx.now


async def note_consent(tx: Tx, case_id: CaseId, version: str) -> None:
    """Write down how a caller gave the consent that staff ticked for them, and have a signature asked for."""
    arrival = await callers.arrival(tx, case_id)
    if arrival is None:
        return
    by_voice = arrival.channel == "phone"
    how = "voice" if by_voice else "in_writing"
    await callers.insert_consent_act(tx, case_id, version, how, arrival.entered_by, tx.now)
    if by_voice:
        within = programme.load((await store.load_case(tx, case_id)).programme).call_backs.signature_within
        names = await colleagues.names(tx)
        entered_by = Colleague(arrival.entered_by, names[arrival.entered_by])
        await tasks.set_task(tx, case_id, "Get the consent signed", tx.now + within, arrival.entered_by, entered_by)
    if arrival.call_back_id is not None:
        await call_backs.belongs_to(tx, arrival.call_back_id, case_id)


async def note_signature(tx: Tx, case_id: CaseId, by: Colleague) -> None:
    """The signature that was to follow is here."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.WORK, case.stage)
    version = await callers.consent_version(tx, case_id)
    acts = await callers.consent_acts(tx, case_id)
    if version is None or not any(act.how == "voice" for act in acts):
        raise Refused("This consent needs no further signature.")
    if any(act.how == "signature" for act in acts):
        raise Refused("The signature is here already.")
    await callers.insert_consent_act(tx, case_id, version, "signature", await known(tx, by), tx.now)


async def take_in(ctx: Context, chunks: AsyncIterable[bytes]) -> Stored:
    """Write a paper that came to the store; it means nothing until ``attach`` commits. Raises ``files.Unfit``.

    The object is announced before its first byte, so that one which never becomes an original is found and deleted.
    """
    key = files.new_key()
    async with ctx.db.transaction() as tx:
        upload_id = new_id()
        await callers.begin_upload(tx, upload_id, key)
        await timers.set(tx, CaseId(upload_id), "sweep_original", due=tx.now + SWEEP_AFTER)
    return await files.at(ctx.platform.files_url).put(
        key, chunks, limit=ctx.settings.max_original_bytes, allowed=files.DOCUMENTS
    )


async def attach(tx: Tx, draft_id: UUID, stored: Stored, name: str, by: Colleague) -> None:
    """Make a stored paper the original of a draft, or of the case that it became."""
    original = Original(
        new_id(), draft_id, stored.key, files.plain_name(name), stored.media_type, stored.size, stored.sha256,
        await known(tx, by), tx.now,
    )  # fmt: skip
    await callers.insert_original(tx, original)


async def erase(tx: Tx, draft_id: CaseId) -> None:
    """Forget what came with a draft that nobody sent; the bytes are deleted after the commit."""
    for key in await callers.forget(tx, draft_id):
        await errands.request(tx, "delete_original", draft_id, key, {"key": key})


async def sweep(upload_id: CaseId, tx: Tx) -> None:
    """Delete what was stored and never became an original: somebody's process died between the two."""
    key = await callers.left_over(tx, upload_id)
    if key is not None:
        await errands.request(tx, "delete_original", upload_id, key, {"key": key})


async def delete_original(errand: Errand, ctx: Context) -> None:
    """Delete the bytes of an original that no row points at any more."""
    await files.at(ctx.platform.files_url).delete(errand.payload["key"])
