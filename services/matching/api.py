"""The JSON interface of matching under ``/api/matching``."""

from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from services.matching import access, actions
from services.matching.brief import brief_of
from services.matching.store import offers, roster
from services.matching.views import (
    Acceptance,
    Accepted,
    CandidateView,
    Correction,
    Declining,
    Done,
    ExcludedView,
    OffersView,
    OfferView,
    OpinionIn,
    OpinionView,
    RankingView,
    Shortlist,
    Signature,
    SpecialistView,
)
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Ctx, Db, Expected, Once, Problem, Role, Who, allow, etag

router = APIRouter(prefix="/api/matching", tags=["matching"], dependencies=[Depends(access.refusals)])
CHOOSERS = [allow(Role.CLINICAL_LEAD, Role.CASE_MANAGER)]
SPECIALISTS = [allow(Role.SPECIALIST)]
READERS = [allow(Role.PATIENT, Role.REQUESTER, Role.LOCAL_PHYSICIAN, Role.SPECIALIST, Role.CLINICAL_LEAD)]


@router.get("/cases/{case_id}/candidates", dependencies=CHOOSERS)
async def candidates(case_id: UUID, ctx: Ctx) -> RankingView:
    """Rank the specialists for this case, each with reasons; those left out with theirs (R30, M8, M9)."""
    case, _, ranking = await actions.ranking_of(ctx, CaseId(case_id))
    return RankingView(
        discipline=case.discipline.value,
        candidates=[CandidateView.of(one) for one in ranking.candidates],
        excluded=[ExcludedView.of(one) for one in ranking.excluded],
    )


@router.get("/cases/{case_id}/offers", dependencies=CHOOSERS)
async def case_offers(case_id: UUID, db: Db) -> OffersView:
    """Return everybody who was or will be asked about this case."""
    async with db.reading() as tx:
        return OffersView(offers=[OfferView.of(one) for one in await offers.offers_of(tx, CaseId(case_id))])


@router.post("/cases/{case_id}/offers", dependencies=CHOOSERS, response_model=OffersView)
async def offer(case_id: UUID, body: Shortlist, ctx: Ctx, who: Who, once: Once) -> Response:
    """Ask the first specialist of a list; the next ones follow by themselves."""
    if earlier := await once.earlier():
        return earlier
    _, _, ranking = await actions.ranking_of(ctx, CaseId(case_id))

    async def work(tx: Tx) -> OffersView:
        chosen = actions.shortlist(ranking, body.specialist_ids)
        await actions.offer_case(tx, CaseId(case_id), chosen, by=who.subject)
        return OffersView(offers=[OfferView.of(one) for one in await offers.offers_of(tx, CaseId(case_id))])

    return await once.run(work)


@router.get("/offers", dependencies=SPECIALISTS)
async def my_offers(db: Db, who: Who) -> OffersView:
    """Return what waits for the answer of the specialist who asks."""
    async with db.reading() as tx:
        one = await access.specialist_of(tx, who)
        return OffersView(offers=[OfferView.of(offered) for offered in await offers.offers_to(tx, one.id)])


@router.post("/offers/{offer_id}/accept", dependencies=SPECIALISTS, response_model=Accepted)
async def accept(offer_id: UUID, body: Acceptance, who: Who, once: Once) -> Response:
    """Take the case, declaring no conflict of interest (R30, M9)."""

    async def work(tx: Tx) -> Accepted:
        one = await access.specialist_of(tx, who)
        return Accepted(assignment_id=await actions.accept(tx, offer_id, one, no_conflict=body.no_conflict))

    return await once.run(work)


@router.post("/offers/{offer_id}/decline", dependencies=SPECIALISTS, response_model=Done)
async def decline(offer_id: UUID, body: Declining, who: Who, once: Once) -> Response:
    """Hand the case back with a reason; the next specialist is asked."""

    async def work(tx: Tx) -> Done:
        await actions.decline(tx, offer_id, await access.specialist_of(tx, who), reason=body.reason)
        return Done()

    return await once.run(work)


@router.get("/cases/{case_id}/specialist", dependencies=[allow(Role.SERVICE, Role.CLINICAL_LEAD, Role.CASE_MANAGER)])
async def assigned_specialist(case_id: UUID, db: Db) -> SpecialistView:
    """Return who accepted the case (the claim check behind ``SpecialistAssigned``)."""
    async with db.reading() as tx:
        found = await offers.assignment_of(tx, CaseId(case_id))
        if found is None:
            raise Problem(404, "Nobody accepted yet", detail="Wait for SpecialistAssigned.")
        return SpecialistView.of(await roster.specialist(tx, found.specialist_id))


@router.get("/cases/{case_id}/opinion", dependencies=SPECIALISTS)
async def read_opinion(case_id: UUID, ctx: Ctx, who: Who, response: Response) -> OpinionView:
    """Return the author's newest version, the patient's questions as they stand now, and what is missing (M10)."""
    async with ctx.db.reading() as tx:
        found = await actions.own_opinion(tx, CaseId(case_id), await access.specialist_of(tx, who))
    asked = (await brief_of(ctx.peers, CaseId(case_id))).questions
    response.headers["ETag"] = etag(found.revision)
    return OpinionView.of(found, asked)


@router.put("/cases/{case_id}/opinion", dependencies=SPECIALISTS)
async def write_opinion(
    case_id: UUID, body: OpinionIn, expected: Expected, db: Db, who: Who, response: Response
) -> OpinionView:
    """Keep the draft. ``If-Match`` must name the revision that was read, else 412."""
    async with db.transaction() as tx:
        one = await access.specialist_of(tx, who)
        saved = await actions.save_draft(tx, CaseId(case_id), one, body.text(), expected=expected)
    response.headers["ETag"] = etag(saved.revision)
    return OpinionView.of(saved)


@router.post("/cases/{case_id}/opinion/sign", dependencies=SPECIALISTS, response_model=OpinionView)
async def sign(case_id: UUID, body: Signature, expected: Expected, ctx: Ctx, who: Who, once: Once) -> Response:
    """Sign: every section written, every question settled (M10); the signed version never changes."""
    if earlier := await once.earlier():
        return earlier
    await access.preview(ctx, who, case_id)
    asked = (await brief_of(ctx.peers, CaseId(case_id))).questions

    async def work(tx: Tx) -> OpinionView:
        one = await access.specialist_of(tx, who)
        return OpinionView.of(await actions.sign(
            tx, CaseId(case_id), one, asked, name=body.name, confirmed=body.confirm, expected=expected,
        ))  # fmt: skip

    return await once.run(work)


@router.post("/cases/{case_id}/opinion/corrections", dependencies=SPECIALISTS, response_model=OpinionView)
async def correct(case_id: UUID, body: Correction, who: Who, once: Once) -> Response:
    """Begin a corrected version of a signed opinion."""

    async def work(tx: Tx) -> OpinionView:
        one = await access.specialist_of(tx, who)
        return OpinionView.of(await actions.correct(tx, CaseId(case_id), one, reason=body.reason))

    return await once.run(work)


@router.post("/cases/{case_id}/deliveries", dependencies=CHOOSERS, response_model=Done)
async def deliver(case_id: UUID, once: Once) -> Response:
    """Try again to reach a recipient who was missing, such as a local physician who is named by now (R34)."""

    async def work(tx: Tx) -> Done:
        await actions.deliver_again(tx, CaseId(case_id))
        return Done()

    return await once.run(work)


@router.get("/cases/{case_id}/opinion/preview.pdf", dependencies=SPECIALISTS)
async def preview(case_id: UUID, ctx: Ctx, who: Who) -> Response:
    """Return the draft as it would print."""
    return access.pdf(await access.preview(ctx, who, case_id), "preview.pdf")


@router.get("/cases/{case_id}/opinion.pdf", dependencies=READERS)
async def document(case_id: UUID, ctx: Ctx, who: Who) -> Response:
    """Return the signed opinion to those it was delivered to, its author, and the clinical lead."""
    return await access.open_document(ctx, who, case_id)
