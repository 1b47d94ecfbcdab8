"""Where materials come from, on pages of either side: what exists, hospitals with their letters, people who help (R22, R23)."""

import hashlib
import hmac
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.records import collecting, desks, letters
from services.records.api_collecting import WHOLE, as_pdf
from services.records.domain import N_, Authority, Refused, Relation
from services.records.pages import places
from services.records.pages.common import done, home_of, mine, page_of, staff
from services.records.store import providers
from services.records.views_collecting import Inviting, ProviderIn, Source
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.peers import PeerProblem
from shared.service import Context
from shared.web import Ctx, Db, Expected, Form, Once, Page, Problem, Role, Who, allow, anyone, locale_of
from shared.web.forms import sent_form

MANAGER = allow(Role.CASE_MANAGER)
OWNERS = allow(*desks.OWNERS)
THEIRS = allow(*desks.OWNERS, Role.FAMILY)

invited = APIRouter(prefix="/my/records/invitations", include_in_schema=False, dependencies=[Depends(desks.in_words)])

RELATIONS: dict[Relation, str] = {
    Relation.SPOUSE: N_("Husband, wife or partner"),
    Relation.PARENT: N_("Mother or father"),
    Relation.CHILD: N_("Daughter or son"),
    Relation.SIBLING: N_("Sister or brother"),
    Relation.OTHER_FAMILY: N_("Other family"),
    Relation.FRIEND: N_("Friend or carer"),
}
AUTHORITIES: dict[Authority, str] = {
    Authority.SENDS: N_("May see the list, and send things. Sees only what they sent themselves."),
    Authority.ACTS: N_(
        "May act for the patient here: sees and sends everything, as guardian or by a power of attorney."
    ),
}


@mine.post("/questions", dependencies=[THEIRS, WHOLE])
@staff.post("/cases/{case_id}/questions", dependencies=[MANAGER, WHOLE])
async def answer(request: Request, case_id: UUID, page: Page, who: Who, db: Db, once: Once) -> Response:
    """Keep what exists: each answer of the form brings the checklist to it."""
    form = await sent_form(request)
    show, back = page_of(page, who, db, case_id)
    answers = {name.removeprefix("q-"): said == "yes" for name, said in form.items() if name.startswith("q-")}

    async def work(tx: Tx) -> None:
        await collecting.say_what_exists(tx, CaseId(case_id), answers, desks.person(who))

    return await done(once, work, show, back, "questions")


@mine.post("/items/{item_id}/source", dependencies=[THEIRS, WHOLE])
@staff.post("/cases/{case_id}/items/{item_id}/source", dependencies=[MANAGER, WHOLE])
async def say_who_has(
    request: Request, case_id: UUID, item_id: UUID, page: Page, who: Who, db: Db, once: Once
) -> Response:  # fmt: skip
    """Keep who has an item, or that there is none."""
    form = await Form.read(request, Source)
    show, back = page_of(page, who, db, case_id)
    if not form.valid:
        return await show(N_("Say either who has it, or that there is none."), f"item-{item_id}", 422)
    sent = form.model

    async def work(tx: Tx) -> None:
        by = desks.person(who)
        await collecting.say_who_has(tx, CaseId(case_id), item_id, sent.providers, by, never_made=sent.never_made)

    return await done(once, work, show, back, f"item-{item_id}")


@mine.get("/providers", dependencies=[THEIRS, WHOLE])
@staff.get("/cases/{case_id}/providers", dependencies=[MANAGER, WHOLE])
async def hospitals(request: Request, case_id: UUID, page: Page, who: Who, db: Db) -> Response:
    """Show the hospitals, what each is asked for, and its letter."""
    return await _hospitals(request, case_id, page, who, db, Form[ProviderIn].blank(), None, "")


async def _hospitals(
    request: Request, case_id: UUID, page: Page, who: Any, db: Db, form: Form[ProviderIn], about: UUID | None, refused: str
) -> Response:  # fmt: skip
    async with db.reading() as tx:
        found = await desks.see(tx, who, case_id)
        known = await providers.of_case(tx, CaseId(case_id))
    locale = locale_of(request)
    asked = {one.id: letters.asked_of(found.items, one) for one in known}
    status = 422 if form.errors else 409 if refused else 200
    return page(
        "providers.html", status=status, case=found, providers=known, asked=asked, form=form, about=about,
        refused=refused, home=home_of(who, case_id), countries=places.countries(locale),
        languages_here=places.languages(locale), layout="desk.html" if who.is_staff else "layout.html",
    )  # fmt: skip


@mine.post("/providers", dependencies=[THEIRS, WHOLE])
@staff.post("/cases/{case_id}/providers", dependencies=[MANAGER, WHOLE])
async def add(request: Request, case_id: UUID, page: Page, who: Who, db: Db, once: Once) -> Response:
    """Add a hospital."""
    form = await Form.read(request, ProviderIn)
    if not form.valid:
        return await _hospitals(request, case_id, page, who, db, form, None, "")

    async def work(tx: Tx) -> str:
        await collecting.add_provider(tx, CaseId(case_id), form.model.provider(new_id()), desks.person(who))
        return f"{home_of(who, case_id)}/providers"

    try:
        return await once.redirect(work)
    except Refused as no:
        return await _hospitals(request, case_id, page, who, db, form, None, str(no))


@mine.post("/providers/{provider_id}", dependencies=[THEIRS, WHOLE])
@staff.post("/cases/{case_id}/providers/{provider_id}", dependencies=[MANAGER, WHOLE])
async def change(
    request: Request, case_id: UUID, provider_id: UUID, page: Page, who: Who, db: Db, version: Expected, once: Once
) -> Response:  # fmt: skip
    """Correct a hospital, or take it off the list."""
    removing = (await sent_form(request)).get("_do") == "remove"
    form = await Form.read(request, ProviderIn)
    if not removing and not form.valid:
        return await _hospitals(request, case_id, page, who, db, form, provider_id, "")

    async def work(tx: Tx) -> str:
        by = desks.person(who)
        if removing:
            await collecting.remove_provider(tx, CaseId(case_id), provider_id, by)
        else:
            await collecting.change_provider(tx, CaseId(case_id), form.model.provider(provider_id), by, version)
        return f"{home_of(who, case_id)}/providers"

    try:
        return await once.redirect(work)
    except Refused as no:
        return await _hospitals(request, case_id, page, who, db, Form[ProviderIn].blank(), None, str(no))


@mine.get("/providers/{provider_id}/letter.pdf", dependencies=[THEIRS, WHOLE])
@staff.get("/cases/{case_id}/providers/{provider_id}/letter.pdf", dependencies=[MANAGER, WHOLE])
async def letter(request: Request, case_id: UUID, provider_id: UUID, page: Page, who: Who, ctx: Ctx) -> Response:
    """Hand out the letter of request."""
    try:
        return await as_pdf(ctx, case_id, provider_id, who)
    except PeerProblem:
        sentence = N_("The letter can't be written just now. Try again in a minute.")
    except Refused as no:
        sentence = str(no)
    return await _hospitals(request, case_id, page, who, ctx.db, Form[ProviderIn].blank(), None, sentence)


@mine.get("/helpers", dependencies=[OWNERS])
@staff.get("/cases/{case_id}/helpers", dependencies=[MANAGER, WHOLE])
async def helpers(case_id: UUID, page: Page, who: Who, ctx: Ctx) -> Response:
    """Show who was invited to help; the patient's side also sees each link."""
    return await _helpers(case_id, page, who, ctx, Form[Inviting].blank(), "")


async def _helpers(case_id: UUID, page: Page, who: Any, ctx: Context, form: Form[Inviting], refused: str) -> Response:
    async with ctx.db.reading() as tx:
        found = await desks.see(tx, who, case_id)
        known = await providers.helpers_of(tx, CaseId(case_id))
        now = tx.now
    links = {} if who.is_staff else {
        one.id: f"{ctx.platform.public_url}/my/records/invitations/{secret_of(ctx, one.id)}"
        for one in known if one.is_welcome(now)
    }  # fmt: skip
    status = 422 if form.errors else 409 if refused else 200
    return page(
        "helpers.html", status=status, case=found, helpers=known, links=links, form=form, refused=refused,
        home=home_of(who, case_id), relations=RELATIONS, authorities=AUTHORITIES,
        layout="desk.html" if who.is_staff else "layout.html",
    )  # fmt: skip


@mine.post("/helpers", dependencies=[OWNERS])
@staff.post("/cases/{case_id}/helpers", dependencies=[MANAGER, WHOLE])
async def invite(request: Request, case_id: UUID, page: Page, who: Who, ctx: Ctx, once: Once) -> Response:
    """Let somebody help."""
    form = await Form.read(request, Inviting)
    if not form.valid:
        return await _helpers(case_id, page, who, ctx, form, "")

    async def work(tx: Tx) -> str:
        sent = form.model
        await collecting.invite(tx, CaseId(case_id), sent.name, sent.relation, sent.authority, desks.person(who))
        return f"{home_of(who, case_id)}/helpers"

    try:
        return await once.redirect(work)
    except Refused as no:
        return await _helpers(case_id, page, who, ctx, form, str(no))


@mine.post("/helpers/{helper_id}/revocation", dependencies=[OWNERS])
@staff.post("/cases/{case_id}/helpers/{helper_id}/revocation", dependencies=[MANAGER, WHOLE])
async def revoke(case_id: UUID, helper_id: UUID, who: Who, once: Once) -> Response:
    """Take an invitation back."""

    async def work(tx: Tx) -> str:
        await collecting.revoke(tx, CaseId(case_id), helper_id, desks.person(who))
        return f"{home_of(who, case_id)}/helpers"

    return await once.redirect(work)


@invited.get("/{secret}", dependencies=[anyone()])
async def invitation(secret: str, page: Page, ctx: Ctx) -> Response:
    """Ask for a press of the button: programs that read messages follow links."""
    known = await _welcome(ctx, secret)
    headers = {"Referrer-Policy": "no-referrer"}
    return page("invitation.html", status=200 if known else 410, helper=known, headers=headers)


@invited.post("/{secret}", dependencies=[anyone()])
async def come_in(secret: str, page: Page, ctx: Ctx) -> Response:
    """Let the helper in: intake, which alone signs sessions, is asked for an entry that works once."""
    known = await _welcome(ctx, secret)
    if known is None:
        return page("invitation.html", status=410, helper=None)
    try:
        async with ctx.db.transaction() as tx:
            collection, helper = await collecting.come_in(tx, known.id)
        body = {"guest_id": str(helper.id), "name": helper.name, "path": f"/my/records/cases/{collection.case_id}"}
        entry = await ctx.peers.post("intake", f"/cases/{collection.case_id}/guest-links", body, key=str(new_id()))
    except Refused:
        return page("invitation.html", status=410, helper=None)
    except PeerProblem as away:
        raise Problem(
            503, N_("Not possible now"), detail=N_("Try again in a minute."), headers={"Retry-After": "5"}
        ) from away
    return RedirectResponse(entry["path"], 307)


def secret_of(ctx: Context, helper_id: UUID) -> str:
    """Return what an invitation's link ends in: worked out from our key, so that a copy of the database opens nothing."""
    key = ctx.settings.signing_key_file.read_bytes()
    mac = hmac.new(key, f"invitation {helper_id}".encode(), hashlib.sha256).hexdigest()[:40]
    return f"{helper_id.hex}{mac}"


async def _welcome(ctx: Context, secret: str) -> Any:
    try:
        helper_id = UUID(secret[:32])
    except ValueError:
        return None
    if not hmac.compare_digest(secret.encode(), secret_of(ctx, helper_id).encode()):
        return None
    async with ctx.db.reading() as tx:
        known = await providers.helper(tx, helper_id)
        return known[1] if known and known[1].is_welcome(tx.now) else None
