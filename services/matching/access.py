"""Who may read and do what: the person behind a session, the documents they may open, and refusals in HTTP's words."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from fastapi.responses import Response

from services.matching import actions, publishing
from services.matching.brief import Brief, brief_of, locale_of
from services.matching.domain.candidates import Specialist
from services.matching.domain.opinions import OpinionText
from services.matching.domain.values import Refused, Unknown
from services.matching.opinion import render
from services.matching.store import cases, opinions, roster
from shared.db import Tx
from shared.ids import CaseId
from shared.peers import PeerProblem
from shared.service import Context
from shared.typesetting import Unprintable
from shared.web import N_, Principal, Problem, Role


async def refusals() -> AsyncIterator[None]:
    """Turn what the rules raise, in any route of matching, into problems that say what to do."""
    try:
        yield
    except Refused as refused:
        raise Problem(409, "Not possible now", detail=str(refused)) from None
    except actions.Incomplete as incomplete:
        errors = [{"pointer": f"#/{gap.field}", "detail": gap.sentence} for gap in incomplete.gaps]
        raise Problem(422, "Not complete yet", detail=str(incomplete), errors=errors) from None
    except Unprintable as unprintable:
        raise Problem(422, "Can't be printed", detail=str(unprintable)) from None
    except actions.Stale:
        detail = "Go back and keep a copy of your words, open the opinion again, and repeat your edit."
        raise Problem(412, "Changed since you saw it", detail=detail) from None
    except Unknown:
        raise Problem(404, "Not here", detail="Open your list of cases and start from there.") from None
    except PeerProblem:
        detail = "Intake can't be asked just now. Nothing was changed: try again in a minute."
        raise Problem(503, "Back in a moment", detail=detail, headers={"Retry-After": "5"}) from None


async def specialist_of(tx: Tx, who: Principal) -> Specialist:
    """Return the roster's entry of the person who signed in; a specialist who is not on the roster gets 403."""
    if one := await roster.specialist_called(tx, who.subject):
        return one
    raise Problem(403, "Not on the roster", detail="Ask the clinical lead to add you to the roster of specialists.")


async def readable(tx: Tx, who: Principal, case_id: UUID) -> opinions.Opinion | None:
    """Return the version this person may read: delivered to them, their own, or any for the clinical lead."""
    case = await cases.find_case(tx, CaseId(case_id))
    if case is None:
        return None
    if who.has(Role.CLINICAL_LEAD):
        return await opinions.printed_opinion(tx, case.case_id)
    if who.has(Role.SPECIALIST):
        printed, one = await opinions.printed_opinion(tx, case.case_id), await specialist_of(tx, who)
        return printed if printed and printed.author_id == one.id else None
    if who.has(Role.PATIENT, Role.REQUESTER):
        return await opinions.available_opinion(tx, case.case_id, "patient")
    if who.has(Role.LOCAL_PHYSICIAN) and case.withdrawn_at is None:
        return await opinions.available_opinion(tx, case.case_id, "local_physician")
    return None


async def open_document(ctx: Context, who: Principal, case_id: UUID) -> Response:
    """Answer with the PDF; the first opening by each person on the patient's side is kept as the receipt (M11)."""
    async with ctx.db.transaction() as tx:
        found = await readable(tx, who, case_id)
        if found is None:
            raise Problem(404, N_("No opinion here yet"), detail=N_("We write to you as soon as it is ready."))
        if who.is_patient_side:
            mine = (Role.PATIENT, Role.REQUESTER, Role.LOCAL_PHYSICIAN)
            role = next(role for role in mine if who.has(role))
            await opinions.record_receipt(tx, found.id, role.value, who.subject)
        case = await cases.case(tx, found.case_id)
    return pdf(await publishing.read_document(ctx, found), f"second-opinion-{case.case_number}-v{found.version}.pdf")


async def preview(ctx: Context, who: Principal, case_id: UUID) -> bytes:
    """Return the draft as it would print. Raises ``Unprintable`` for what no font has."""
    async with ctx.db.reading() as tx:
        case, author = await cases.case(tx, CaseId(case_id)), await specialist_of(tx, who)
        draft = await actions.own_opinion(tx, case.case_id, author)
    brief = await brief_of(ctx.peers, case.case_id)
    return await printed(ctx, case, draft, draft.text, author, brief)


async def printed(
    ctx: Context, case: cases.Case, draft: opinions.Opinion, text: OpinionText, author: Specialist, brief: Brief
) -> bytes:
    """Return how a draft with these words would print."""
    locale = await locale_of(ctx.peers, case.case_id)
    letter = publishing.letter_for(case, draft, text, author, brief, locale, brief.questions)
    return await asyncio.to_thread(render, letter, ctx.platform.node_modules)


def pdf(document: bytes, name: str) -> Response:
    """Answer with a PDF that nobody between us and the reader keeps."""
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(document, media_type="application/pdf", headers=headers)
