"""Magic links: how the patient's side signs in. A link is for one person of one case, works once and not for long.

The database keeps a hash of the token, so a copy of it opens nothing. Who reads a mail box may see every case in which
that mail box has the same part, which is why a link's holder gets all of those: never one in which it has a lesser part,
and, as a local physician, none that was withdrawn (M13).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from services.intake import store
from services.intake.domain import Refused, Stage
from services.intake.store import access, duplicates, requests
from shared import ids
from shared.backbone import outbox, timers
from shared.db import Tx
from shared.events import SignInRequested
from shared.ids import CaseId, parse_case_number

AUDIENCES = ("requester", "patient", "local_physician")
HOUR, LINKS_AN_HOUR = timedelta(hours=1), 20


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a spent link proved to be there, what they may be, and where they wanted to go."""

    case_id: CaseId
    name: str
    roles: frozenset[str]
    cases: frozenset[CaseId]
    locale: str
    path: str


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def token_for(secret_file: Path, case_id: CaseId, key: str) -> str:
    """Return the token that this key stands for: asked twice it is the same, and without the secret nobody finds it."""
    return hmac.new(secret_file.read_bytes(), f"link {case_id} {key}".encode(), hashlib.sha256).hexdigest()


async def make(tx: Tx, token: str, case_id: CaseId, audience: str, path: str, life: timedelta) -> None:
    """Let this token in for this person; Refused when the case has no such person or no longer lets them in."""
    if not re.fullmatch(r"/my(/[\w.-]+)*", path):
        raise Refused("A link leads to a page under /my.")
    case = await store.load_case(tx, case_id)
    person = (await requests.people(tx, case_id)).get(audience)
    if person is None or person.email is None:
        raise Refused("Nobody with an e-mail address has this part in the case.")
    if audience == "local_physician" and case.stage is Stage.WITHDRAWN:
        raise Refused("The request was withdrawn, and with it the local physician's access.")
    await access.insert_link(tx, hash_of(token), access.Link(case_id, audience, path), tx.now + life)


async def spend(tx: Tx, token: str) -> Visitor | None:
    """Use the link up and return whom it lets in; None when it doesn't work (any more)."""
    link = await access.use_link(tx, hash_of(token))
    if link is None:
        return None
    case = await store.load_case(tx, link.case_id)
    if link.audience == "local_physician" and case.stage is Stage.WITHDRAWN:
        return None
    person = (await requests.people(tx, link.case_id))[link.audience]
    parts: dict[CaseId, set[str]] = {link.case_id: {link.audience}}
    for case_id, role, own in await requests.cases_of_mailbox(tx, person.email or ""):
        if role == link.audience or (own and link.audience in ("patient", "requester") and role != "local_physician"):
            parts.setdefault(case_id, set()).add(role)
    roles = frozenset(parts[link.case_id])
    cases = {case_id for case_id, there in parts.items() if roles <= there}
    return Visitor(
        case_id=link.case_id,
        name=person.name,
        roles=roles,
        cases=frozenset(cases | await going_on(tx, cases, roles)),
        locale=case.locale,
        path=link.path,
    )


async def going_on(tx: Tx, cases: Iterable[CaseId], roles: Iterable[str]) -> set[CaseId]:
    """Return the cases in which merged ones of `cases` go on: who may see the one sees the other, in the same part."""
    survivors = set((await duplicates.continuing(tx, cases)).values())
    if "local_physician" in roles:
        return {case.case_id for case in await store.cases_of(tx, survivors) if case.stage is not Stage.WITHDRAWN}
    return survivors


async def ask(tx: Tx, email: str, case_number: str) -> None:
    """Note that someone wants in. The answer is a timer's work, so that page and time are the same for everyone."""
    attempt = CaseId(ids.new_id())
    await access.insert_attempt(tx, attempt, email.strip(), case_number.strip())
    await timers.set(tx, attempt, "answer_sign_in", due=tx.now)


async def answer(attempt: CaseId, tx: Tx) -> None:
    """Tell that a link is wanted when e-mail and case number belong together; say nothing otherwise."""
    typed = await access.take_attempt(tx, attempt)
    if typed is None:
        return
    email, number = typed
    try:
        case_id = await store.case_with_number(tx, parse_case_number(number))
    except ValueError:
        return
    if case_id is None:
        return
    case = await store.lock_case(tx, case_id)
    people = await requests.people(tx, case_id)
    for audience in AUDIENCES:
        person = people.get(audience)
        welcome = audience != "local_physician" or case.stage is not Stage.WITHDRAWN
        known = person is not None and person.email is not None and person.email.lower() == email.lower()
        if known and welcome and await access.links_made(tx, case_id, audience, tx.now - HOUR) < LINKS_AN_HOUR:
            outbox.append(tx, SignInRequested(case_id=case_id, audience=audience, requested_at=tx.now))
            return
