"""Whose a draft of the form is: a browser holds a token for each draft that it may go on with."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from services.intake.links import hash_of
from services.intake.store import drafts as kept
from services.intake.store.drafts import Draft
from shared.db import Tx
from shared.web import Ctx, Form, Page
from shared.web.principals import Principal

COOKIE = "consilium_draft_"
MOST_DRAFTS = 20


def remember(response: Response, token: str, ctx: Ctx, draft_id: UUID) -> None:
    """Give the browser its draft's token, for as long as the draft is kept."""
    life = int(ctx.settings.draft_life.total_seconds())
    secure = ctx.platform.public_url.startswith("https:")
    response.set_cookie(
        _cookie(draft_id), token, max_age=life, path="/request", httponly=True, samesite="lax", secure=secure
    )


def _cookie(draft_id: UUID) -> str:
    return f"{COOKIE}{draft_id.hex}"


def tokens_of(request: Request) -> list[str]:
    """Return the tokens that the browser holds, one a draft."""
    return [value for name, value in request.cookies.items() if name.startswith(COOKIE)][:MOST_DRAFTS]


def token_of(request: Request, draft_id: UUID) -> str | None:
    """Return the token that the browser holds for this draft, if any."""
    return request.cookies.get(_cookie(draft_id))


async def held(request: Request, tx: Tx, who: Principal) -> list[Draft]:
    """Return the drafts that this browser may go on with."""
    drafts = await kept.all_of_browser(tx, map(hash_of, tokens_of(request)))
    return [one for one in drafts if _open_to(one, who)]


async def mine(request: Request, tx: Tx, who: Principal, draft_id: UUID, *, lock: bool = False) -> Draft | None:
    """Return the draft if this browser may go on with it."""
    token = token_of(request, draft_id)
    found = await kept.of_browser(tx, draft_id, hash_of(token)) if token else None
    if found is None or not _open_to(found, who):
        return None
    return await kept.lock(tx, draft_id) if lock else found


def _open_to(draft: Draft, who: Principal) -> bool:
    """Tell whether the draft is this person's; one that staff write for a caller is staff's while signed in (R10)."""
    return draft.entered_by is None or who.is_staff


def gone(page: Page, form: Form[Any] | None = None) -> Response:
    """Say that the form isn't open here any more; show what was typed, so that it isn't lost."""
    typed = [value for value in form.values.values() if isinstance(value, str) and value] if form else []
    return page("request_gone.html", status=410, typed=typed)
