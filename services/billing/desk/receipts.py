"""One wire: the invoices it may be for and why, matching, splitting, taking a match back (R21)."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.billing import cashier, domain, store
from services.billing.api_views import Reason
from services.billing.desk.parts import money_desk
from services.billing.suggesting import names_of, suggestions_for
from services.billing.suggestions import Candidate, Suggestion
from shared.db import Tx
from shared.ids import parse_case_number
from shared.money import written
from shared.service import Context
from shared.web import Ctx, Form, Incoming, Once, Page, Who

router = APIRouter(prefix="/receipts/{receipt_id}", dependencies=money_desk)


class MatchForm(Incoming):
    """``back``: the list to go on with."""

    sentences: ClassVar[dict[str, str]] = {"invoice_id": "Choose the invoice that this money is for"}
    invoice_id: UUID
    back: Literal["unmatched", ""] = ""


class SplitForm(Incoming):
    """Which invoices, in the order of ``amount``; an amount left out is none."""

    sentences: ClassVar[dict[str, str]] = {
        "part": "Name at least one invoice and its part of the wire",
        "reason": "Say why it is split like this, in a sentence",
    }
    part: list[str]
    reason: Reason


class WhyForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say why, in a sentence"}
    reason: Reason


class SameForm(Incoming):
    other_id: UUID


class PayoutForm(Incoming):
    payout_id: UUID


class ChargesForm(WhyForm):
    invoice_id: UUID


@router.get("")
async def show_receipt(receipt_id: UUID, page: Page, ctx: Ctx, number: str = "") -> Response:
    return await _receipt(page, ctx, receipt_id, Form[MatchForm].blank(), number=number)


@router.post("/match")
async def match_receipt(request: Request, receipt_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    form = await Form.read(request, MatchForm)
    if not form.valid:
        return await _receipt(page, ctx, receipt_id, form, status=422)
    said = form.model

    async def work(tx: Tx) -> str:
        why = await _reasons(tx, ctx, receipt_id, said.invoice_id)
        payment = await cashier.match_receipt(tx, receipt_id, said.invoice_id, who.name, why)
        return "/desk/billing/unmatched" if said.back else f"/desk/billing/cases/{payment.case_id}#payment-{payment.id}"

    return await once.redirect(work)


@router.post("/split")
async def split_receipt(request: Request, receipt_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Count one wire in for several invoices: ``part`` fields read ``<case number> <invoice> <amount>``."""
    form = await Form.read(request, SplitForm)
    if not form.valid:
        return await _receipt(page, ctx, receipt_id, form, at="split", status=422)

    async def work(tx: Tx) -> str:
        receipt = await store.receipt(tx, receipt_id)
        currency = receipt.amount.currency if receipt else "USD"
        parts = [await _part(tx, line, currency) for line in form.model.part if line.strip()]
        await cashier.split_receipt(tx, receipt_id, parts, who.name, form.model.reason)
        return f"/desk/billing/receipts/{receipt_id}"

    try:
        return await once.redirect(work)
    except ValueError as wrong:
        form.refuse("part", str(wrong))
        return await _receipt(page, ctx, receipt_id, form, at="split", status=422)


@router.post("/unmatch")
async def unmatch_receipt(request: Request, receipt_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Take a wrong match back."""

    async def work(tx: Tx, reason: str) -> None:
        await cashier.unmatch_receipt(tx, receipt_id, who.name, reason)

    return await _decided(request, receipt_id, page, ctx, once, work, "unmatch")


@router.post("/set-aside")
async def set_aside(request: Request, receipt_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    async def work(tx: Tx, reason: str) -> None:
        await cashier.set_aside(tx, receipt_id, who.name, reason)

    return await _decided(request, receipt_id, page, ctx, once, work, "aside")


@router.post("/same")
async def same_as(request: Request, receipt_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Take a wire out of the books that is in them already as another one."""
    form = await Form.read(request, SameForm)
    if not form.valid:
        return await _receipt(page, ctx, receipt_id, form, at="same", status=422)

    async def work(tx: Tx) -> str:
        await cashier.same_as(tx, receipt_id, form.model.other_id, who.name)
        return f"/desk/billing/receipts/{receipt_id}"

    return await once.redirect(work)


@router.post("/payout")
async def is_payout(request: Request, receipt_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Take this money for what the card provider paid out."""
    form = await Form.read(request, PayoutForm)
    if not form.valid:
        return await _receipt(page, ctx, receipt_id, form, at="payout", status=422)

    async def work(tx: Tx) -> str:
        await cashier.match_payout(tx, receipt_id, form.model.payout_id, who.name)
        return f"/desk/billing/receipts/{receipt_id}"

    return await once.redirect(work)


@router.post("/no-payout")
async def is_no_payout(request: Request, receipt_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Take back that this money is what the card provider paid out."""

    async def work(tx: Tx, reason: str) -> None:
        await cashier.unmatch_payout(tx, receipt_id, who.name, reason)

    return await _decided(request, receipt_id, page, ctx, once, work, "no-payout")


@router.post("/take-up")
async def take_up(receipt_id: UUID, once: Once) -> Response:
    async def work(tx: Tx) -> str:
        await cashier.take_up_again(tx, receipt_id)
        return f"/desk/billing/receipts/{receipt_id}"

    return await once.redirect(work)


@router.post("/charges")
async def bear_charges(request: Request, receipt_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Write off what banks kept of an invoice that this wire pays."""
    form = await Form.read(request, ChargesForm)
    if not form.valid:
        return await _receipt(page, ctx, receipt_id, form, at="charges", status=422)

    async def work(tx: Tx) -> str:
        invoice = await store.invoice(tx, form.model.invoice_id)
        limit = ctx.settings.charges_limit(invoice.price.currency) if invoice else None
        await cashier.write_off_charges(tx, form.model.invoice_id, limit, who.name, form.model.reason)
        return f"/desk/billing/receipts/{receipt_id}"

    return await once.redirect(work)


async def _decided(
    request: Request,
    receipt_id: UUID,
    page: Page,
    ctx: Context,
    once: Once,
    work: Callable[[Tx, str], Awaitable[None]],
    at: str,
) -> Response:
    """Do what needs nothing but a reason, and come back to the wire."""
    form = await Form.read(request, WhyForm)
    if not form.valid:
        return await _receipt(page, ctx, receipt_id, form, at=at, status=422)

    async def redirected(tx: Tx) -> str:
        await work(tx, form.model.reason)
        return f"/desk/billing/receipts/{receipt_id}"

    return await once.redirect(redirected)


async def _part(tx: Tx, line: str, currency: str) -> tuple[UUID, Any]:
    """Read one part of a split. Raises ``ValueError`` that says what to mend."""
    words = line.split()
    if len(words) < 3 or not words[-2].isdecimal():
        raise ValueError(
            f"“{line}”: write case number, number of the invoice and amount, such as 7K3M-9QXW-S 1 2450.00"
        )
    number = parse_case_number("".join(words[:-2]))
    for invoice in await store.invoices_of_case_number(tx, number):
        if invoice.ordinal == int(words[-2]):
            return invoice.id, domain.parse_money(words[-1], currency)
    raise ValueError(f"Case {number} has no invoice {words[-2]}")


async def _reasons(tx: Tx, ctx: Context, receipt_id: UUID, invoice_id: UUID) -> str:
    """Return why this invoice was suggested, to be kept with the match; names that were asked for are no part of it."""
    receipt = await store.receipt(tx, receipt_id)
    if receipt is None:
        return ""
    found = (await suggestions_for(tx, ctx.settings, [receipt]))[receipt_id]
    return next(("; ".join(one.reasons) for one in found if one.candidate.invoice_id == invoice_id), "")


async def _receipt(
    page: Page,
    ctx: Context,
    receipt_id: UUID,
    form: Form[Any],
    *,
    number: str = "",
    at: str = "match",
    status: int = 200,
) -> Response:
    """Return the wire's page; ``at`` says which of its forms ``form`` is."""
    async with ctx.db.reading() as tx:
        receipt = await store.receipt(tx, receipt_id)
        if receipt is None:
            raise LookupError("There is no such wire")
        line = (await store.lines_of_receipts(tx, [receipt_id])).get(receipt_id)
        alike = (await store.perhaps_same(tx, [receipt_id])).get(receipt_id, [])
        matches = await store.matches_of_receipt(tx, receipt_id)
        matched = await store.sought_by_ids(tx, [one.invoice_id for one in matches])
        first = [] if receipt.payment_id else (await suggestions_for(tx, ctx.settings, [receipt]))[receipt_id]
        looked_for, wrong = await _of_number(tx, number)
        payouts = await cashier.payouts_like(tx, receipt)
    names = await names_of(ctx.peers, list(dict.fromkeys(one.candidate.case_id for one in first)))
    async with ctx.db.reading() as tx:
        found = (await suggestions_for(tx, ctx.settings, [receipt], names))[receipt_id] if first else []
    limits = {row.currency: ctx.settings.charges_limit(row.currency) for row in matched}
    return page(
        "desk_receipt.html", status=status, form=form, at=at, receipt=receipt, line=line, alike=alike, matches=matches,
        invoices={row.invoice_id: cashier.candidate_of(row) for row in matched}, limits=limits,
        suggestions=looked_for or found, number=number, wrong=wrong, written=written, says=domain.written,
        names_asked=bool(names) or not first, payouts=payouts,
    )  # fmt: skip


async def _of_number(tx: Tx, number: str) -> tuple[list[Suggestion], str]:
    """Return the invoices of a case that somebody looks for, or what is wrong with its number."""
    if not number:
        return [], ""
    try:
        invoices = await store.invoices_of_case_number(tx, parse_case_number(number))
    except ValueError as error:
        return [], str(error)
    rows = await store.sought_by_ids(tx, [one.id for one in invoices])
    found: list[Candidate] = [cashier.candidate_of(row) for row in rows]
    return [
        Suggestion(one, 0, ("You looked for this case",)) for one in found
    ], "" if found else "No case has this number."
