"""What a merchant asks of the provider: open a pay page, send money back. The same Idempotency-Key, the same answer."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from deploy.sandbox_gateway.book import Book


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
    book: Book = request.app.state.book

    def answer() -> tuple[int, dict[str, Any]]:
        done = book.refund(wanted.payment_id, wanted.amount_minor, wanted.currency, wanted.reference)
        if isinstance(done, str):
            return 422, {"detail": done}
        request.app.state.messenger.say("refund.succeeded", done)
        return 201, {"id": done["refund_id"], "status": done["status"]}

    return _once(request, wanted, answer)


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
    status, content = answer()
    book.remember(key, asked, status, content)
    return JSONResponse(content, status)
