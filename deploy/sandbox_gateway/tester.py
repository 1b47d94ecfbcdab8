"""The tester's page: how messages behave, and what banks do to payments, disputes and refunds, by button."""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from deploy.sandbox_gateway.book import Book
from deploy.sandbox_gateway.ledger import Ledger, Refused
from deploy.sandbox_gateway.messenger import Behaviour
from deploy.sandbox_gateway.pages import TEMPLATES, page
from shared.money import written

REASONS = ("fraudulent", "product_not_received", "duplicate", "general")
router = APIRouter(prefix="/sandbox")


@router.get("")
async def show(request: Request, said: str = "") -> Response:
    book: Book = request.app.state.book
    html = TEMPLATES.get_template("sandbox.html").render(
        behaviour=request.app.state.messenger.behaviour, payments=book.payments(), disputes=book.disputes_of(),
        refunds=book.pending_refunds(), sent=book.sent_refunds(),
        balances=book.balance.standing(), payouts=book.balance.payouts(), written=written, reasons=REASONS, said=said[:300],
    )  # fmt: skip
    return page(html)


@router.post("/behave")
async def behave(
    request: Request,
    duplicate: Annotated[int, Form(ge=0, le=20)] = 0,
    delay_seconds: Annotated[float, Form(ge=0, le=3600)] = 0,
    *,
    reorder: Annotated[bool, Form()] = False,
    silent: Annotated[bool, Form()] = False,
) -> Response:
    """Deliver messages from now on as the form says."""
    request.app.state.messenger.behaviour = Behaviour(
        duplicate=duplicate, delay_seconds=delay_seconds, reorder=reorder, silent=silent
    )
    return _back("Messages behave like this from now on.")


@router.post("/payments/{payment_id}/dispute")
async def dispute(
    request: Request, payment_id: str, reason: Annotated[str, Form()] = "general", part: Annotated[str, Form()] = "all"
) -> Response:
    """Let the card's holder dispute a payment, or half of it."""
    book: Book = request.app.state.book
    ledger: Ledger = request.app.state.ledger
    payment = book.payment(payment_id)
    amount = payment["amount_minor"] // 2 if payment and part == "half" else None
    try:
        ledger.open_dispute(payment_id, reason if reason in REASONS else "general", amount)
    except Refused as refused:
        return _back(str(refused))
    return _back("The payment is disputed.")


@router.post("/payments/{payment_id}/refund")
async def refund(request: Request, payment_id: str) -> Response:
    """Send what is left of a payment back, as a person does at the provider itself: without a reference of the merchant's."""
    book: Book = request.app.state.book
    ledger: Ledger = request.app.state.ledger
    payment = book.payment(payment_id)
    left = payment["amount_minor"] - payment["refunded_minor"] if payment else 0
    if payment is None or left <= 0:
        return _back("Nothing is left of this payment.")
    try:
        ledger.refund(payment_id, left, payment["currency"], None)
    except Refused as refused:
        return _back(str(refused))
    return _back("What was left of the payment is sent back.")


@router.post("/payouts")
async def pay_out(request: Request, currency: Annotated[str, Form()]) -> Response:
    """Send the merchant's balance to their bank."""
    ledger: Ledger = request.app.state.ledger
    try:
        payout = ledger.pay_out(currency)
    except Refused as refused:
        return _back(str(refused))
    return _back(f"Paid out. The bank's line says: CARD PAYOUT {payout['payout_id']}")


@router.post("/payouts/{payout_id}/fail")
async def fail_payout(request: Request, payout_id: str) -> Response:
    """Let the merchant's bank refuse a payout."""
    ledger: Ledger = request.app.state.ledger
    done = ledger.fail_payout(payout_id)
    return _back(
        "The bank refused it: the money is back in the balance." if done else "This payout has failed already."
    )


@router.post("/disputes/{dispute_id}/decide")
async def decide(request: Request, dispute_id: str, status: Annotated[Literal["won", "lost"], Form()]) -> Response:
    """Let the bank decide a dispute."""
    ledger: Ledger = request.app.state.ledger
    done = ledger.decide_dispute(dispute_id, status)
    return _back(f"The merchant has {status} the dispute." if done else "This dispute is decided already.")


@router.post("/refunds/{refund_id}/end")
async def end_refund(
    request: Request, refund_id: str, status: Annotated[Literal["succeeded", "failed"], Form()]
) -> Response:
    """Let a pending refund end."""
    ledger: Ledger = request.app.state.ledger
    ledger.end_refund(refund_id, status)
    return _back(f"The refund has {status}.")


@router.post("/refunds/{refund_id}/bounce")
async def bounce_refund(request: Request, refund_id: str) -> Response:
    """Let the card's bank give a refund back, days after it succeeded."""
    ledger: Ledger = request.app.state.ledger
    done = ledger.bounce_refund(refund_id)
    return _back(
        "The refund came back from the card's bank." if done else "Only a refund that succeeded can come back."
    )


def _back(said: str) -> Response:
    return RedirectResponse(f"/sandbox?said={quote(said)}", 303)
