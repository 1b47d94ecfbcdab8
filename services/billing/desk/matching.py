"""What finance has still to explain: wires with their suggestions, one press each, and money that left (R21)."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.billing import cashier, domain, store
from services.billing.api_views import Reason
from services.billing.desk.parts import money_desk
from services.billing.suggesting import suggestions_for
from shared.db import Tx
from shared.service import Context
from shared.web import Ctx, Form, Incoming, Once, Page, Who

router = APIRouter(dependencies=money_desk)
AT_ONCE = 50
"""How many wires one page shows with their suggestions; the oldest come first."""


class TakenBackForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {
        "receipt_id": "Choose the wire that was taken back",
        "reason": "Say why the bank took it back, in a sentence",
    }
    receipt_id: UUID
    reason: Reason


class RefundForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"refund_id": "Choose the refund that this was"}
    refund_id: UUID


class TakenForm(Incoming):
    payout_id: UUID


class WhyForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say why, in a sentence"}
    reason: Reason


class OtherForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {
        "was": "Say whether it was the bank's charge or is for other books",
        "reason": "Say what it was, in a sentence",
    }
    was: Literal["charge", "set_aside"]
    reason: Reason


@router.get("/unmatched")
async def unmatched(page: Page, ctx: Ctx) -> Response:
    """The oldest wires that nobody has matched, with up to three suggestions, and every debit that nobody has explained."""
    async with ctx.db.reading() as tx:
        waiting, debits = await store.unmatched_receipts(tx), await store.unexplained_debits(tx)
        receipts = waiting[:AT_ONCE]
        found = await suggestions_for(tx, ctx.settings, receipts)
        lines = await store.lines_of_receipts(tx, [one.id for one in receipts])
        alike = await store.perhaps_same(tx, [one.id for one in receipts])
    return page(
        "desk_unmatched.html",
        waiting=len(waiting),
        receipts=receipts,
        debits=debits,
        found=found,
        lines=lines,
        alike=alike,
        says=domain.written,
    )


@router.get("/lines/{line_id}")
async def show_debit(line_id: UUID, page: Page, ctx: Ctx) -> Response:
    return await _debit(page, ctx, line_id, None, "")


@router.post("/lines/{line_id}/refund")
async def was_refund(request: Request, line_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    async def work(tx: Tx, said: RefundForm) -> None:
        await cashier.debit_was_refund(tx, line_id, said.refund_id, who.name)

    return await _explained(request, RefundForm, line_id, page, ctx, once, work)


@router.post("/lines/{line_id}/taken-back")
async def took_back(request: Request, line_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    async def work(tx: Tx, said: TakenBackForm) -> None:
        await cashier.debit_took_back(tx, line_id, said.receipt_id, who.name, said.reason)

    return await _explained(request, TakenBackForm, line_id, page, ctx, once, work)


@router.post("/lines/{line_id}/payout")
async def was_taken(request: Request, line_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    async def work(tx: Tx, said: TakenForm) -> None:
        await cashier.match_taken(tx, line_id, said.payout_id, who.name)

    return await _explained(request, TakenForm, line_id, page, ctx, once, work)


@router.post("/lines/{line_id}/no-payout")
async def was_not_taken(request: Request, line_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    async def work(tx: Tx, said: WhyForm) -> None:
        await cashier.unmatch_taken(tx, line_id, who.name, said.reason)

    return await _explained(request, WhyForm, line_id, page, ctx, once, work)


@router.post("/lines/{line_id}/other")
async def was_other(request: Request, line_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    async def work(tx: Tx, said: OtherForm) -> None:
        explain = cashier.debit_was_charge if said.was == "charge" else cashier.set_debit_aside
        await explain(tx, line_id, who.name, said.reason)

    return await _explained(request, OtherForm, line_id, page, ctx, once, work)


async def _explained(
    request: Request,
    model: type[Any],
    line_id: UUID,
    page: Page,
    ctx: Context,
    once: Once,
    work: Callable[[Tx, Any], Awaitable[None]],
) -> Response:
    """Do what a form says of a debit, and go on with the list."""
    form = await Form.read(request, model)
    if not form.valid:
        return await _debit(page, ctx, line_id, form, model.__name__, status=422)

    async def redirected(tx: Tx) -> str:
        await work(tx, form.model)
        return "/desk/billing/unmatched"

    return await once.redirect(redirected)


async def _debit(
    page: Page, ctx: Context, line_id: UUID, form: Form[Any] | None, at: str, status: int = 200
) -> Response:
    """Return the page of money that left; ``at`` says which of its forms ``form`` is."""
    async with ctx.db.reading() as tx:
        row = await store.bank_line(tx, line_id)
        if row is None or row.credit:
            raise LookupError("No such money left the account")
        refunds = [] if row.became else await cashier.refunds_like(tx, row)
        taken_back = [] if row.became else await cashier.receipts_like(tx, row)
        payouts = [] if row.became else await cashier.taken_like(tx, row)
    return page(
        "desk_debit.html",
        status=status,
        form=form,
        at=at,
        row=row,
        refunds=refunds,
        taken_back=taken_back,
        payouts=payouts,
        says=domain.written,
    )
