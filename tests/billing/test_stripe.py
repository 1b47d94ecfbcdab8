"""The adapter for Stripe against a real HTTP server that speaks its documented shapes (R21)."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from services.billing import cashier
from services.billing.domain import CardStatus, DisputeState
from services.billing.gateway import (
    CardNotice,
    CheckoutOrder,
    DisputeNotice,
    GatewayRefusedError,
    GatewayUnavailableError,
    GatewayUnknownError,
    Message,
    NotFromGatewayError,
    RefundNotice,
    StripeGateway,
    gateway_of,
)
from services.billing.gateway.stripe_amounts import from_stripe, to_stripe
from services.billing.gateway.stripe_report import lines_of
from services.billing.settings import BillingSettings
from shared.clock import FixedClock
from shared.events import Money, PaymentReceived
from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, balances, free_socket, invoice_ids, served, states, usd
from tests.support.service import ServiceUnderTest

SHAPES = Path(__file__).parent / "stripe"
SECRET, KEY = "whsec_made_up", "sk_test_made_up"
REFERENCE = UUID("0198f0a0-0000-7000-8000-000000000001")
NOW = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)


def shape(name: str) -> Any:
    return json.loads((SHAPES / f"{name}.json").read_text())


def sign(body: bytes, at: float, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()


def header(body: bytes, at: float | None = None) -> dict[str, str]:
    at = time.time() if at is None else at
    return {"Stripe-Signature": f"t={int(at)},v1={sign(body, at)},v0=ignored"}


class Stripe:
    """Speaks as Stripe does: form bodies, bearer key, the same Idempotency-Key the same answer."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.next: dict[str, tuple[int, Any]] = {}
        self.app.add_api_route("/{path:path}", self.answer, methods=["GET", "POST"])
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        self.answers: dict[str, tuple[int, Any]] = {}

    async def answer(self, request: Request, path: str) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"message": "Invalid API Key provided"}}, 401)
        said = {k: str(v) for k, v in (await request.form()).items()} if request.method == "POST" else {}
        said |= dict(request.query_params)
        self.asked.append((request.method, path, said, dict(request.headers)))
        key = request.headers.get("idempotency-key", "")
        if request.method == "POST" and key in self.answers:
            return JSONResponse(self.answers[key][1], self.answers[key][0])
        status, told = self.next.get(path, (200, None))
        told = told if told is not None else self._usual(path, said)
        if told is None:
            return JSONResponse({"error": {"message": "No such object"}}, 404)
        if key:
            self.answers[key] = (status, told)
        return JSONResponse(told, status)

    def _usual(self, path: str, said: dict[str, str]) -> Any:
        if path == "v1/balance_transactions":
            return shape("balance_transactions.2" if "starting_after" in said else "balance_transactions.1")
        return {
            "v1/checkout/sessions": shape("checkout_session.open"),
            "v1/checkout/sessions/cs_test_a1Made": shape("checkout_session.complete"),
            "v1/refunds": shape("refund.pending"),
            "v1/refunds/re_3Made": shape("refund.done"),
            "v1/disputes/du_1Made/close": shape("dispute.closed"),
        }.get(path)


@asynccontextmanager
async def spoken_to() -> AsyncIterator[tuple[Stripe, str]]:
    stripe, (sock, url) = Stripe(), free_socket()
    async with served(stripe.app, sock):
        yield stripe, url


@pytest.fixture
async def stripe() -> AsyncIterator[tuple[Stripe, StripeGateway]]:
    async with spoken_to() as (server, url):
        yield server, StripeGateway(KEY, SECRET, url, FixedClock(NOW))


async def test_a_pay_page_is_a_checkout_session(stripe: tuple[Stripe, StripeGateway]) -> None:
    server, gateway = stripe
    order = CheckoutOrder(usd(PRICE), str(REFERENCE), "https://consilium.test/back", "es")
    first, second = await gateway.open_checkout(order, "key-1"), await gateway.open_checkout(order, "key-1")
    assert first == second
    assert first.url.startswith("https://checkout.stripe.com/")
    _, path, form, headers = server.asked[0]
    assert path == "v1/checkout/sessions"
    assert headers["idempotency-key"] == "key-1"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert form["line_items[0][price_data][unit_amount]"] == "250000"
    assert form["line_items[0][price_data][currency]"] == "usd"
    assert form["payment_intent_data[metadata][reference]"] == str(REFERENCE)
    assert form["success_url"].endswith("?payment={CHECKOUT_SESSION_ID}")
    assert not any("card[" in name for name in form), "no card's number passes through us"


async def test_a_visit_a_refund_and_a_dispute_are_asked_for(stripe: tuple[Stripe, StripeGateway]) -> None:
    server, gateway = stripe
    standing = await gateway.look_up("cs_test_a1Made")
    assert not standing.open
    [attempt] = standing.attempts
    assert (attempt.payment_id, attempt.status, attempt.amount) == ("pi_3Made", CardStatus.SUCCEEDED, usd(250_000))
    assert attempt.reference == REFERENCE
    refund = await gateway.refund("pi_3Made", usd(100), REFERENCE)
    assert (refund.id, refund.status) == ("re_3Made", "pending")
    assert server.asked[-1][2] | {"reason": "-"} == {
        "payment_intent": "pi_3Made", "amount": "100", "reason": "-", "metadata[reference]": str(REFERENCE),
    }  # fmt: skip
    assert server.asked[-1][3]["idempotency-key"] == f"refund-{REFERENCE}"
    assert (await gateway.look_up_refund("re_3Made")).status == "succeeded"
    await gateway.accept_dispute("du_1Made")
    assert server.asked[-1][:2] == ("POST", "v1/disputes/du_1Made/close")


async def test_a_refund_is_found_by_our_reference_among_those_of_its_payment(
    stripe: tuple[Stripe, StripeGateway],
) -> None:
    server, gateway = stripe
    other = shape("refund.pending") | {"id": "re_others", "metadata": {}}
    ours = shape("refund.done") | {"metadata": {"reference": str(REFERENCE)}}
    server.next["v1/refunds"] = (200, {"object": "list", "has_more": False, "data": [other, ours]})
    found = await gateway.find_refund("pi_3Made", REFERENCE)
    assert found
    assert (found.id, found.status) == (ours["id"], "succeeded")
    assert server.asked[-1][2]["payment_intent"] == "pi_3Made"
    assert await gateway.find_refund("pi_3Made", uuid4()) is None


async def test_later_never_and_unknown_are_told_apart(stripe: tuple[Stripe, StripeGateway]) -> None:
    server, gateway = stripe
    with pytest.raises(GatewayUnknownError):
        await gateway.look_up("cs_nobodys")
    server.next["v1/refunds"] = (400, shape("error.card"))
    with pytest.raises(GatewayRefusedError, match="charged back"):
        await gateway.refund("pi_3Made", usd(1), uuid4())
    for status in (429, 500, 409):
        server.next["v1/refunds"] = (status, {"error": {"message": "later"}})
        with pytest.raises(GatewayUnavailableError):
            await gateway.refund("pi_3Made", usd(1), uuid4())
    with pytest.raises(GatewayUnavailableError):
        await StripeGateway(KEY, SECRET, "http://127.0.0.1:9").look_up("cs_1")


async def test_the_report_has_every_movement_and_fee(stripe: tuple[Stripe, StripeGateway]) -> None:
    server, gateway = stripe
    lines = await gateway.report(datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))
    assert [(line.kind, line.object_id, line.amount_minor) for line in lines] == [
        ("charge", "pi_3Made", 250_000), ("fee", "pi_3Made", -7_280), ("refund", "re_3Made", -250_000),
        ("dispute", "du_1Made", -250_000), ("dispute_fee", "du_1Made", -1_500),
        ("dispute_reversal", "du_1Made", 250_000), ("dispute_fee_reversal", "du_1Made", 1_500),
        ("refund_failure", "re_3Made", 250_000), ("fee", "txn_50Made", -200), ("payout", "po_1Made", -200_000),
    ]  # fmt: skip
    assert server.asked[-1][2]["starting_after"] == "txn_40Made", "page by page"
    assert {line.reference for line in lines if line.kind in ("charge", "refund")} == {REFERENCE}


async def test_what_stripe_changes_into_the_currency_of_our_balance_is_booked_in_both_once(
    billing: ServiceUnderTest,
) -> None:
    *_, refund, charge = shape("balance_transactions.2")["data"]
    charge |= {"amount": 230_000, "currency": "eur", "fee": 6_900, "exchange_rate": 0.92}
    refund |= {"amount": -116_000, "currency": "eur", "exchange_rate": 0.928}
    refund["source"] |= {"amount": 125_000}
    lines = [*lines_of(charge), *lines_of(refund)]
    assert [(line.kind, line.amount_minor, line.currency, line.settled_minor, line.settled_currency) for line in lines] == [
        ("charge", 250_000, "USD", 230_000, "EUR"), ("fee", -6_900, "EUR", None, None),
        ("refund", -125_000, "USD", -116_000, "EUR"),
    ]  # fmt: skip
    for _ in range(2):
        async with billing.ctx.db.transaction() as tx:
            span = cashier.Span(lines[0].at - timedelta(days=1), lines[0].at + timedelta(days=1))
            await cashier.check_report(tx, lines, span, "a test", span.start)
    rows = await billing.fetch(
        "SELECT account, currency, sum(amount_minor)::int AS minor FROM ledger_postings GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert {(row["account"], row["currency"]): row["minor"] for row in rows} == {
        ("card_clearing", "EUR"): 230_000 - 6_900 - 116_000, ("exchange", "EUR"): 116_000 - 230_000, ("provider_fees", "EUR"): 6_900,
        ("card_clearing", "USD"): 125_000 - 250_000, ("exchange", "USD"): 250_000 - 125_000,
    }, "of the payment's own currency the provider has nothing any more"  # fmt: skip


def heard(name: str) -> Message:
    body = (SHAPES / f"{name}.json").read_bytes()
    return StripeGateway(KEY, SECRET, clock=FixedClock(NOW)).read(header(body, NOW.timestamp()), body)


@pytest.mark.parametrize(
    ("name", "status", "checkout"),
    [
        ("checkout.session.completed", "succeeded", "cs_test_a1Made"),
        ("payment_intent.succeeded", "succeeded", ""),
        ("payment_intent.payment_failed", "failed", ""),
        ("payment_intent.requires_action", "processing", ""),
        ("charge.succeeded", "succeeded", ""),
        ("charge.failed", "failed", ""),
    ],
)
def test_what_its_messages_say_of_an_attempt(name: str, status: str, checkout: str) -> None:
    about = heard(name).about
    assert isinstance(about, CardNotice)
    assert (about.payment_id, about.status, about.checkout_id) == ("pi_3Made", status, checkout)
    assert (about.reference, about.amount) == (REFERENCE, usd(250_000))


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("charge.dispute.created", DisputeState.OPEN),
        ("charge.dispute.closed.won", DisputeState.WON),
        ("charge.dispute.closed.lost", DisputeState.LOST),
    ],
)
def test_what_its_messages_say_of_a_dispute(name: str, state: DisputeState) -> None:
    about = heard(name).about
    assert isinstance(about, DisputeNotice)
    assert (about.dispute_id, about.payment_id, about.status) == ("du_1Made", "pi_3Made", state)
    assert about.evidence_due_at == datetime.fromtimestamp(1788900000, UTC)


def test_what_its_messages_say_of_a_refund() -> None:
    assert heard("refund.created").about is None, "it is pending, which we know"
    assert heard("refund.updated").about == RefundNotice(
        refund_id="re_3Made",
        reference=REFERENCE,
        status="succeeded",
        payment_id="pi_3Made",
        **usd(250_000).model_dump(),
    )
    failed = heard("refund.failed").about
    assert isinstance(failed, RefundNotice)
    assert failed.status == "failed"


@pytest.mark.parametrize(
    "name",
    ["checkout.session.expired", "payment_intent.created", "charge.refunded", "payout.paid", "charge.dispute.created.inquiry"],
)  # fmt: skip
def test_messages_that_move_no_money_of_ours_mean_nothing(name: str) -> None:
    assert heard(name).about is None


def test_who_signs_when_and_with_what_decides_whether_we_believe() -> None:
    body = (SHAPES / "charge.succeeded.json").read_bytes()
    gateway, at = StripeGateway(KEY, SECRET, clock=FixedClock(NOW)), NOW.timestamp()
    good, others = sign(body, at), sign(body, at, "whsec_another")
    for believed in (f"t={int(at)},v1={good}", f"t={int(at)},v1={others},v1={good}", f"t={int(at)}, v0=x, v1={good}"):
        assert gateway.read({"stripe-signature": believed}, body).webhook_id == "evt_1Made0007"
    refused = [
        "", "nonsense", f"v1={good}", f"t={int(at)}", f"t={int(at)},v0={good}", f"t={int(at)},v1={others}",
        f"t={int(at) - 1},v1={good}", f"t=,v1={good}", f"t=soon,v1={good}", f"t={int(at)},t=1,v1={good}",
        f"t={int(at)},v1=\u00e9\udc80",
        f"t={'9' * 40},v1={good}",
    ]  # fmt: skip
    refused += [f"t={int(at) + late},v1={sign(body, at + late)}" for late in (-301, 301)]
    for sent in refused:
        with pytest.raises(NotFromGatewayError):
            gateway.read({"Stripe-Signature": sent}, body)
    with pytest.raises(NotFromGatewayError):
        gateway.read({"Stripe-Signature": f"t={int(at)},v1={good}"}, body.replace(b"250000", b"250001"))


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b"null", b"\xff", b'{"id":"evt_1","type":"charge.succeeded","data":{"object":{"payment_intent":"pi_1"}}}',
     b'{"id":"evt_1","type":"charge.succeeded","data":{"object":7}}', b'{"id":"evt_1","type":"refund.updated","data":null}'],
)  # fmt: skip
def test_a_signed_message_in_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(NotFromGatewayError):
        StripeGateway(KEY, SECRET).read(header(body), body)


@pytest.mark.parametrize(
    ("currency", "ours", "stripes"),
    [("USD", 250_000, 250_000), ("JPY", 5_000, 5_000), ("KRW", 5_000, 5_000), ("ISK", 5, 500), ("UGX", 5, 500),
     ("KWD", 1_230, 1_230), ("MGA", 500, 5)],
)  # fmt: skip
def test_amounts_are_written_as_stripe_counts_them(currency: str, ours: int, stripes: int) -> None:
    money = Money(amount_minor=ours, currency=currency)
    assert to_stripe(money) == stripes
    assert from_stripe(stripes, currency.lower()) == money


def test_an_amount_that_it_cannot_take_exactly_is_refused_and_never_rounded() -> None:
    for currency, minor in (("KWD", 1_234), ("MGA", 501)):
        with pytest.raises(GatewayRefusedError, match="exactly"):
            to_stripe(Money(amount_minor=minor, currency=currency))
    with pytest.raises(ValueError, match="whole number"):
        from_stripe(501, "isk")


def test_it_is_off_unless_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("BILLING_GATEWAY", "stripe")
    with pytest.raises(ValueError, match="BILLING_STRIPE_SECRET_KEY"):
        BillingSettings()
    monkeypatch.setenv("BILLING_STRIPE_SECRET_KEY", KEY)
    with pytest.raises(ValueError, match="BILLING_STRIPE_WEBHOOK_SECRET"):
        BillingSettings()
    monkeypatch.setenv("BILLING_STRIPE_WEBHOOK_SECRET", SECRET)
    assert isinstance(gateway_of(BillingSettings()), StripeGateway)
    monkeypatch.setenv("CONSILIUM_ENV", "production")
    with pytest.raises(ValueError, match="no real money"):
        BillingSettings()
    monkeypatch.setenv("BILLING_STRIPE_SECRET_KEY", "sk_live_made_up")
    assert isinstance(gateway_of(BillingSettings()), StripeGateway)


@pytest.fixture
async def with_stripe(billing: ServiceUnderTest) -> AsyncIterator[Stripe]:
    """Billing, told to use Stripe."""
    async with spoken_to() as (server, url):
        from pydantic import SecretStr

        told = {"gateway": "stripe", "stripe_url": url, "stripe_secret_key": SecretStr(KEY),
                "stripe_webhook_secret": SecretStr(SECRET)}  # fmt: skip
        billing.ctx.settings = billing.ctx.settings.model_copy(update=told)
        yield server


async def says(billing: ServiceUnderTest, name: str, reference: UUID) -> None:
    body = (SHAPES / f"{name}.json").read_bytes().replace(str(REFERENCE).encode(), str(reference).encode())
    answer = await billing.http.post("/api/billing/webhooks/gateway", content=body, headers=header(body))
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("first", ["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded"])
async def test_a_case_is_paid_once_whichever_message_comes_first(
    billing: ServiceUnderTest, with_stripe: Stripe, case: CaseFacts, first: str
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    page = await patient.get(f"/my/billing/cases/{case.id}")
    assert "form-action 'self' https://checkout.stripe.com" in page.headers["content-security-policy"]
    asked = await patient.post(
        f"/api/billing/cases/{case.id}/invoices/{invoice}/checkout", headers={"Idempotency-Key": "pay by stripe"}
    )
    assert asked.json()["url"].startswith("https://checkout.stripe.com/")
    for name in (first, "payment_intent.requires_action", "charge.succeeded", "payment_intent.succeeded",
                 "checkout.session.completed", first):  # fmt: skip
        await says(billing, name, invoice)
    assert await states(billing) == ["paid"]
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert (await billing.fetch("SELECT closed_at FROM checkouts"))[0]["closed_at"] is not None
    back = await patient.get(f"/my/billing/cases/{case.id}/invoices/{invoice}/paid?payment=cs_test_a1Made")
    assert "Your payment is confirmed" in back.text
    await says(billing, "charge.dispute.closed.lost", invoice)
    await says(billing, "charge.dispute.created", invoice)
    assert await balances(billing) == {}


async def test_a_session_whose_message_never_comes_is_asked_about(
    billing: ServiceUnderTest, with_stripe: Stripe, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    await patient.post(
        f"/api/billing/cases/{case.id}/invoices/{invoice}/checkout", headers={"Idempotency-Key": "pay by stripe"}
    )
    await billing.run_timers(at=billing.clock.at + timedelta(minutes=2))
    await billing.run_errands()
    assert await states(billing) == ["paid"], "by the visit, which we know, whatever its metadata say"
