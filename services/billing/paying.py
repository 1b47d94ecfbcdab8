"""Opening the provider's pay page, outside any transaction, and how money's refusals read on the web."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from services.billing import store
from services.billing.domain import Invoice, MoneyRefusedError
from services.billing.gateway import CheckoutOrder, GatewayRefusedError, GatewayUnavailableError, gateway_of
from services.billing.settings import BillingSettings
from services.billing.store import Checkout
from shared.events import Money
from shared.ids import new_id
from shared.service import Context
from shared.web import N_, Problem


async def refusals() -> AsyncIterator[None]:
    """Turn what the rules of money raise into problems: 404 unknown, 409 not allowed, 503 the provider is away."""
    try:
        yield
    except LookupError as unknown:
        raise Problem(
            404, str(unknown.args[0]), detail=N_("Go back and look again: the address may be an old one.")
        ) from None
    except MoneyRefusedError as refused:
        raise Problem(409, N_("Not possible now"), detail=str(refused)) from None
    except (GatewayUnavailableError, GatewayRefusedError):
        detail = N_("Nothing was taken. Try again in a few minutes, or pay by bank transfer.")
        raise Problem(503, N_("Card payment does not work just now"), detail=detail) from None


async def open_checkout(ctx: Context, invoice: Invoice, locale: str) -> Checkout:
    """Return the pay page for what is missing; two who ask at once get the same one. Raises as the gateway does."""
    if not invoice.due_minor:
        raise MoneyRefusedError("Nothing is to be paid on this invoice")
    missing = Money(amount_minor=invoice.due_minor, currency=invoice.price.currency)
    async with ctx.db.reading() as tx:
        latest = await store.latest_checkout(tx, invoice.id)
        nth = await store.count_checkouts(tx, invoice.id)
    now = ctx.clock.now()
    if latest and latest.closed_at is None and latest.expires_at > now and latest.amount == missing:
        return latest
    back = f"{ctx.platform.public_url}/my/billing/cases/{invoice.case_id}/invoices/{invoice.id}/paid"
    order = CheckoutOrder(missing, str(invoice.id), back, locale)
    hosted = await gateway_of(ctx.settings).open_checkout(order, f"{invoice.id}-{nth}-{invoice.due_minor}-{locale}")
    return Checkout(
        new_id(), invoice.case_id, invoice.id, hosted.id, hosted.url, missing, now, hosted.expires_at, closed_at=None
    )


def pay_origin(settings: BillingSettings) -> str:
    """Return the origin of the provider's pay pages, to which our pay button leads."""
    if settings.gateway == "stripe":
        return settings.stripe_pay_origin
    parts = urlsplit(settings.gateway_pay_origin or settings.gateway_url)
    return f"{parts.scheme}://{parts.netloc}"
