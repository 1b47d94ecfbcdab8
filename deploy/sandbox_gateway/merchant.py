"""What a merchant asks of the provider: pay page, refund, dispute, report. The same Idempotency-Key, the same answer."""

import csv
import io
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field

from deploy.sandbox_gateway.book import Book
from deploy.sandbox_gateway.ledger import Ledger, Refused

REPORT_COLUMNS = ("id", "kind", "object_id", "payment_id", "reference", "amount_minor", "currency", "at")


class NewCheckout(BaseModel):
    amount_minor: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    reference: str = Field(max_length=200)
    return_url: str = Field(pattern="^https?://")
    locale: str = "en"
    lives_seconds: float = Field(24 * 3600.0, gt=0)


class NewRefund(BaseModel):
    payment_id: str
    amount_minor: int = Field(gt=0)
    currency: str = Field(pattern="^[A-Z]{3}$")
    reference: str = Field(max_length=200)


def known_merchant(request: Request) -> None:
    """Refuse (401) whoever doesn't show the API key."""
    if request.headers.get("authorization") != f"Bearer {request.app.state.settings.api_key}":
        raise HTTPException(401, "Show your API key as a bearer token")


router = APIRouter(prefix="/v1", dependencies=[Depends(known_merchant)])


@router.post("/checkouts", status_code=201)
async def open_checkout(request: Request, wanted: NewCheckout) -> Response:
    """Return a new pay page."""
    book: Book = request.app.state.book

    def answer() -> tuple[int, dict[str, Any]]:
        checkout = book.open_checkout(
            wanted.amount_minor,
            wanted.currency,
            wanted.reference,
            wanted.return_url,
            wanted.locale,
            wanted.lives_seconds,
        )
        url = f"{request.app.state.settings.public_url}/pay/{checkout.id}"
        return 201, {"id": checkout.id, "url": url, "expires_at": checkout.expires_at}

    return _once(request, wanted, answer)


@router.post("/refunds", status_code=201)
async def refund(request: Request, wanted: NewRefund) -> Response:
    """Send money of a payment back."""
    ledger: Ledger = request.app.state.ledger

    def answer() -> tuple[int, dict[str, Any]]:
        try:
            done = ledger.refund(wanted.payment_id, wanted.amount_minor, wanted.currency, wanted.reference)
        except Refused as refused:
            return 422, {"detail": str(refused)}
        return 201, {"id": done["refund_id"], "status": done["status"]}

    return _once(request, wanted, answer)


@router.get("/checkouts/{checkout_id}")
async def checkout_standing(request: Request, checkout_id: str) -> dict[str, Any]:
    """Return what became of a visit to the pay page."""
    book: Book = request.app.state.book
    if (found := book.checkout(checkout_id)) is None:
        raise HTTPException(404, "There is no such checkout")
    still_open = found.status == "confirming" or (found.status == "open" and found.expires_at > time.time())
    return {"id": found.id, "open": still_open, "attempts": book.payments(found.id)}


@router.get("/refunds")
async def refunds(request: Request, payment_id: str) -> dict[str, Any]:
    """Return every refund of a payment, whoever asked for it."""
    book: Book = request.app.state.book
    found = book.refunds_of(payment_id)
    return {
        "refunds": [{"id": one["refund_id"], "status": one["status"], "reference": one["reference"]} for one in found]
    }


@router.get("/refunds/{refund_id}")
async def refund_standing(request: Request, refund_id: str) -> dict[str, Any]:
    """Return what became of a refund."""
    book: Book = request.app.state.book
    if (found := book.refund(refund_id)) is None:
        raise HTTPException(404, "There is no such refund")
    return {"id": found["refund_id"], "status": found["status"]}


@router.post("/disputes/{dispute_id}/accept")
async def accept_dispute(request: Request, dispute_id: str) -> dict[str, Any]:
    """Leave the money to the card's holder; again is harmless."""
    book: Book = request.app.state.book
    ledger: Ledger = request.app.state.ledger
    ledger.decide_dispute(dispute_id, "lost")
    if (found := book.dispute(dispute_id)) is None:
        raise HTTPException(404, "There is no such dispute")
    return {"id": dispute_id, "status": found["status"]}


@router.get("/report")
async def report(
    request: Request,
    start: Annotated[AwareDatetime, Query(alias="from")],
    end: Annotated[AwareDatetime, Query(alias="to")],
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Response:
    """Return every movement of the merchant's balance from ``from`` until before ``to``."""
    book: Book = request.app.state.book
    lines = book.balance.movements(start.timestamp(), end.timestamp())
    if form == "json":
        return JSONResponse({"lines": lines})
    text = io.StringIO()
    table = csv.DictWriter(text, REPORT_COLUMNS)
    table.writeheader()
    table.writerows(lines)
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8")


def _once(request: Request, body: BaseModel, answer: Callable[[], tuple[int, dict[str, Any]]]) -> Response:
    """Answer, or repeat the answer that the same key got; the same key for something else is refused."""
    book: Book = request.app.state.book
    key = request.headers.get("idempotency-key")
    if not key:
        raise HTTPException(400, "Send an Idempotency-Key")
    key, asked = f"{request.url.path} {key}", body.model_dump_json()
    if (before := book.answered(key)) is not None:
        if before[0] != asked:
            raise HTTPException(422, "This Idempotency-Key was used for another request")
        return JSONResponse(before[2], before[1])
    with book.together():
        status, content = answer()
        book.remember(key, asked, status, content)
    return JSONResponse(content, status)
