"""Keeping an answer of the form: judged with the answers before it, and then it is known where to go on."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from services.intake import drafts
from services.intake.form import route
from services.intake.form.questions import AT_MOST
from services.intake.form.questions.start import Save
from services.intake.form.questions.you import WithPhone
from services.intake.pages import answering
from services.intake.store import drafts as kept
from services.intake.store.drafts import Draft
from shared import programme
from shared.db import Tx
from shared.ids import new_id
from shared.web import N_, Form, locale_of
from shared.web.forms import sent_form
from shared.web.i18n import translator_for


async def settle(request: Request, form: Form[Any], draft: Draft, question: str, tx: Tx) -> str | None:
    """Keep the answer and return where to go on; None when the page must be shown again."""
    _, answers = translator_for(request).gettext, draft.answers
    if form.valid:
        rules, locale = programme.current(draft.programme), locale_of(request)
        for field, sentence in await answering.objections(form, answers, rules, tx, locale):
            form.refuse(field, _(sentence))
    if not form.valid:
        return None
    given, forget = form.model.model_dump(mode="json"), []
    if isinstance(form.model, WithPhone):
        country = answering.country_for_phone(question, answers)
        if proposal := answering.proposed_phone(form, country):
            form.values["proposal"] = proposal
            return None
        given = {name: value for name, value in given.items() if name not in ("keep", "phone_shown")}
        given["phone"] = answering.phone_to_keep(form.model, country)
    if question in ("your_name", "patient_name") and given != answers.get(question):
        forget = ["latin_name"]
    await kept.save(tx, draft.draft_id, question, given, forget)
    if isinstance(form.model, Save):
        await kept.set_address(tx, draft.draft_id, form.model.email, locale_of(request))
        if form.model.email and form.model.email != draft.email:
            await drafts.send_link(tx, draft.draft_id)
    now = {name: value for name, value in answers.items() if name not in forget} | {question: given}
    return _on(request, question, now, tx)


async def gather(request: Request, form: Form[Any], draft: Draft, question: str, tx: Tx) -> str | None:
    """Add an entry to a list, take one away, or be done with it. An entry sent twice is there once: it has an id."""
    sent = await sent_form(request)
    then, item_id = str(sent.get("_then", "add")), str(sent.get("_item", ""))[:64]
    list_now = draft.answers.get(question) or {"items": [], "done": False}
    items = list(list_now["items"])
    empty = not any(value for value in form.values.values())
    if then.startswith("remove:"):
        items = [item for item in items if item["id"] != then.removeprefix("remove:")]
    elif not (then == "done" and empty):
        if form.valid and len(items) >= AT_MOST[question] and item_id not in {item["id"] for item in items}:
            form.refuse(
                next(iter(form.values)), translator_for(request).gettext(N_("The list is full; remove one first"))
            )
        if not form.valid:
            return None
        entry = {"id": item_id or str(new_id()), **form.model.model_dump(mode="json")}
        items = [item for item in items if item["id"] != entry["id"]] + [entry]
    whole = {"items": items, "done": list_now["done"] or then == "done"}
    await kept.save(tx, draft.draft_id, question, whole, [])
    if then == "done":
        return _on(request, question, {**draft.answers, question: whole}, tx)
    return f"/{question}{from_check(request)}"


def _on(request: Request, question: str, answers: dict[str, Any], tx: Tx) -> str:
    where = route.following(question, answers, tx.now.date(), checking=bool(from_check(request)))
    if where == "tasks":
        return ""
    return f"/{where}" if where == "check" else f"/{where}{from_check(request)}"


def from_check(request: Request) -> str:
    """Return the mark of somebody who came from the check page and goes back to it, or nothing."""
    return "?from=check" if request.query_params.get("from") == "check" else ""
