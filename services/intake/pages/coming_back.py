"""The way back to a form that isn't sent yet: a link for who gave an e-mail address, the same answer for who didn't."""

from __future__ import annotations

from typing import ClassVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import drafts
from services.intake.answers import refusals
from services.intake.links import hash_of
from services.intake.pages.holding import remember
from services.intake.store import drafts as kept
from services.intake.values import Email
from shared.web import N_, Ctx, Db, Form, Incoming, Page, anyone
from shared.web.limits import by_address, limit

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals), anyone(), by_address("limit_answers")])


class WantsBack(Incoming):
    sentences: ClassVar[dict[str, str]] = {"email": N_("Enter your e-mail address, like name@example.com")}
    email: Email


@router.get("/request/link")
async def want_link(page: Page) -> Response:
    return page("request_link.html", form=Form.blank())


@router.post("/request/link", dependencies=[by_address("limit_links")])
async def ask_for_link(request: Request, page: Page, db: Db) -> Response:
    """Promise a link "if there is a form". Page, work and time are the same whether there is or not."""
    form = await Form.read(request, WantsBack)
    if not form.valid:
        return page("request_link.html", status=422, form=form)
    await limit(request, "limit_mailbox", form.model.email)
    async with db.transaction() as tx:
        await drafts.ask(tx, form.model.email)
    return page("request_link_sent.html")


@router.get("/request/back/{token}")
async def open_link(token: str, page: Page, db: Db) -> Response:
    """Ask for a press of the button: programs that read mail follow links, and would use it up."""
    async with db.reading() as tx:
        works = await kept.link_works(tx, hash_of(token))
    headers = {"Referrer-Policy": "no-referrer"}
    return page("request_back.html", status=200 if works else 410, works=works, headers=headers)


@router.post("/request/back/{token}")
async def use_link(token: str, page: Page, db: Db, ctx: Ctx) -> Response:
    async with db.transaction() as tx:
        back = await drafts.come_back(tx, token, ctx.settings)
    if back is None:
        return page("request_back.html", status=410, works=False)
    mine, draft_id = back
    response = RedirectResponse(f"/request/{draft_id}", 303)
    remember(response, mine, ctx, draft_id)
    return response
