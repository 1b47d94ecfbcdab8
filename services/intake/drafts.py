"""Drafts of the form: begun in one browser, come back to from another by a link, erased when nobody sends them.

A draft's id becomes its case's id, so a form sent twice makes one case. Whoever holds a browser's token may go on with
the draft; a mail box that was given for it may ask for a link, and is told nothing else.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.intake.contact import callers
from services.intake.links import hash_of
from services.intake.settings import Settings
from services.intake.store import UnknownCase, access
from services.intake.store import drafts as store
from shared import ids, programme
from shared.backbone import outbox, timers
from shared.db import Tx
from shared.events import FormSaved
from shared.ids import CaseId

HOUR, LINKS_AN_HOUR, DRAFTS_A_MAILBOX = timedelta(hours=1), 5, 5


async def begin(
    tx: Tx, settings: Settings, programme_id: str, channel: str = "web", by: str | None = None
) -> tuple[str, UUID]:
    """Start a form; return the token that its browser keeps, and its id."""
    token, draft_id = secrets.token_urlsafe(32), ids.new_id()
    await store.insert(tx, draft_id, hash_of(token), programme_id, channel, by)
    await keep(tx, draft_id, settings)
    return token, draft_id


async def keep(tx: Tx, draft_id: UUID, settings: Settings) -> None:
    """Keep the draft for its whole life from now on; then everything in it is erased."""
    await timers.set(tx, CaseId(draft_id), "erase_draft", due=tx.now + settings.draft_life)


async def send_link(tx: Tx, draft_id: UUID) -> None:
    """Tell that a link back is wanted, unless it was sent, has no address, or had its share of links this hour."""
    draft = await store.lock(tx, draft_id)
    if draft is None or draft.sent or draft.email is None:
        return
    if await store.links_made(tx, draft_id, tx.now - HOUR) >= LINKS_AN_HOUR:
        return
    rules = programme.current(draft.programme)
    outbox.append(tx, FormSaved(case_id=CaseId(draft_id), programme=rules.ref, saved_at=tx.now))


async def ask(tx: Tx, email: str) -> None:
    """Note that someone wants back. The answer is a timer's work, so that page and time are the same for everyone."""
    attempt = CaseId(ids.new_id())
    await access.insert_attempt(tx, attempt, email.strip(), "")
    await timers.set(tx, attempt, "answer_draft_link", due=tx.now)


async def answer(attempt: CaseId, tx: Tx) -> None:
    """Send a link to each unsent draft of that mail box; say nothing to a stranger."""
    typed = await access.take_attempt(tx, attempt)
    for draft_id in await store.with_address(tx, typed[0], DRAFTS_A_MAILBOX) if typed else ():
        await send_link(tx, draft_id)


async def make_link(tx: Tx, token: str, draft_id: UUID, life: timedelta) -> None:
    """Let this token in once; UnknownCase when there is no such draft any more."""
    if await store.lock(tx, draft_id) is None:
        raise UnknownCase(str(draft_id))
    await store.insert_link(tx, hash_of(token), draft_id, tx.now + life)


async def contacts(tx: Tx, draft_id: UUID) -> dict[str, Any] | None:
    """Return where to send a link back to this unsent form; None when it isn't one, or has no address."""
    draft = await store.read(tx, draft_id)
    if draft is None or draft.sent or draft.email is None:
        return None
    nobody = {"name": "", "email": None}
    return {"case_number": None, "locale": draft.locale, "requester": {"name": "", "email": draft.email, "role": None},
            "patient": nobody, "local_physician": None, "withdrawn": False}  # fmt: skip


async def come_back(tx: Tx, token: str, settings: Settings) -> tuple[str, UUID] | None:
    """Spend a link: return a token for this browser and the draft it opens; None when the link doesn't work (any more)."""
    draft_id = await store.use_link(tx, hash_of(token))
    if draft_id is None:
        return None
    mine = secrets.token_urlsafe(32)
    await store.let_in(tx, draft_id, hash_of(mine))
    await keep(tx, draft_id, settings)
    return mine, draft_id


async def erase(draft_id: CaseId, tx: Tx) -> None:
    """Forget a form that nobody sent, with its answers, its address, its links, and what it came on."""
    await callers.erase(tx, draft_id)
    await store.erase(tx, draft_id)
