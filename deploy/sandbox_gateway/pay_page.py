"""The hosted pay page: a card form that works with the keyboard, at 320 px and without JavaScript, and test cards."""

import time
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from deploy.sandbox_gateway.book import Book, Checkout
from deploy.sandbox_gateway.ledger import Ledger
from deploy.sandbox_gateway.pages import TEMPLATES, page
from deploy.sandbox_gateway.words import words_of
from shared.web.amounts import spoken
from shared.web.i18n import direction, html_lang, known_locale

CARDS = {
    "4242424242424242": ("succeed", "The payment succeeds"),
    "4000000000000002": ("decline", "The bank declines it"),
    "4000002500003155": ("confirm", "The bank asks once more (3-D Secure)"),
    "4000000000000259": ("dispute", "It succeeds, and its holder disputes it at once"),
    "4000000000007726": ("refund later", "It succeeds; a refund is pending, then succeeds"),
    "4000000000005126": ("refund fails", "It succeeds; a refund is pending, then fails"),
}
_AFTER = {"confirm": "confirming", "decline": "open"}
_DECLINED = {"card": "The bank declined this card. Nothing was taken. Try another card."}
router = APIRouter(prefix="/pay")


@router.get("/{checkout_id}")
async def show(request: Request, checkout_id: str) -> Response:
    return _page(_known(request, checkout_id))


@router.post("/{checkout_id}")
async def pay(
    request: Request,
    checkout_id: str,
    card: Annotated[str, Form()] = "",
    expiry: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
) -> Response:
    """Try to take the money; a second press of the button finds it taken."""
    book: Book = request.app.state.book
    checkout = _known(request, checkout_id)
    number = card.replace(" ", "").replace("-", "")
    if errors := _errors(number, expiry, code):
        return _page(checkout, errors=errors, values={"card": card, "expiry": expiry}, status=422)
    open_still = checkout.status == "open" and checkout.expires_at > time.time()
    outcome, _ = CARDS.get(number, ("", ""))
    if not open_still or not book.move(checkout.id, "open", _AFTER.get(outcome, "paid")):
        return _page(_known(request, checkout_id))
    ledger: Ledger = request.app.state.ledger
    payment = ledger.try_payment(checkout, outcome)
    if outcome == "confirm":
        return RedirectResponse(f"/pay/{checkout.id}", 303)
    return _end(request, checkout, payment, succeeded=outcome != "decline")


@router.post("/{checkout_id}/confirm")
async def confirm(request: Request, checkout_id: str, answer: Annotated[str, Form()] = "") -> Response:
    """Hear what the holder of the card told the bank."""
    book: Book = request.app.state.book
    checkout, approved = _known(request, checkout_id), answer == "approve"
    payment = book.pending_payment(checkout)
    if payment is None or not book.move(checkout.id, "confirming", "paid" if approved else "open"):
        return _page(_known(request, checkout_id))
    return _end(request, checkout, payment, succeeded=approved)


def _known(request: Request, checkout_id: str) -> Checkout:
    book: Book = request.app.state.book
    if (checkout := book.checkout(checkout_id)) is None:
        raise HTTPException(404, "There is no such payment page")
    return checkout


def _end(request: Request, checkout: Checkout, payment: dict[str, Any], *, succeeded: bool) -> Response:
    ledger: Ledger = request.app.state.ledger
    ledger.end_payment(payment, "succeeded" if succeeded else "failed")
    if succeeded:
        return RedirectResponse(f"{checkout.return_url}?payment={payment['payment_id']}", 303)
    return _page(_known(request, checkout.id), errors=_DECLINED, status=402)


def _errors(number: str, expiry: str, code: str) -> dict[str, str]:
    """Return what to correct, by field."""
    errors = {}
    if number not in CARDS:
        errors["card"] = "Enter one of the test card numbers: this provider knows no real card"
    month, _, year = expiry.replace(" ", "").partition("/")
    if not (month.isdigit() and 1 <= int(month) <= 12 and year.isdigit() and len(year) == 2):
        errors["expiry"] = "Enter the month and year on the card, such as 12/34"
    elif (2000 + int(year), int(month)) < time.gmtime()[:2]:
        errors["expiry"] = "This card has expired: enter a month that is still to come"
    if not (code.isdigit() and len(code) in (3, 4)):
        errors["code"] = "Enter the 3 or 4 digits of the security code"
    return errors


def _page(
    checkout: Checkout,
    *,
    errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    locale = known_locale(checkout.locale) or "en"
    html = TEMPLATES.get_template("pay.html").render(
        checkout=checkout,
        _=words_of(locale),
        lang=html_lang(locale),
        dir=direction(locale),
        amount=spoken(checkout.amount_minor, checkout.currency, locale),
        expired=checkout.status == "open" and checkout.expires_at <= time.time(),
        errors=errors or {},
        values=values or {},
        cards=[(" ".join(number[at : at + 4] for at in range(0, 16, 4)), says) for number, (_, says) in CARDS.items()],
    )
    back = urlsplit(checkout.return_url)
    return page(html, status, form_action=f"{back.scheme}://{back.netloc}")
