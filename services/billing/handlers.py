"""What billing does about facts, deadlines and errands: the tables at the end are all of it (R17, R20, R21).

Order across topics is arbitrary: each reaction notes what arrived and acts on what is known by then.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.billing import cashier, reconciling, store
from services.billing.gateway import (
    CheckoutStanding,
    Gateway,
    GatewayRefusedError,
    GatewayUnknownError,
    RefundAnswer,
    gateway_of,
)
from shared import programme
from shared.backbone import Errand, failpoints
from shared.backbone.inbox import Reaction
from shared.db import Tx
from shared.events import CaseWithdrawn, Fact, OpinionDelivered, RequestSubmitted, ServicesConfirmed, SpecialistAssigned
from shared.ids import CaseId
from shared.service import Context


async def note_case_number(submitted: RequestSubmitted, tx: Tx) -> None:
    """Keep the number from which the references of wire transfers are made."""
    case = await store.lock_case(tx, submitted.case_id)
    await store.save_case(tx, replace(case, case_number=submitted.case_number))


async def invoice_services(confirmed: ServicesConfirmed, tx: Tx) -> None:
    """Bill what was agreed; it is to be paid for as long as a quote of the case's programme is good (R18, R20)."""
    case = await store.lock_case(tx, confirmed.case_id)
    await cashier.invoice_services(tx, case, confirmed, programme.load(confirmed.programme).clocks.quote_valid)


async def note_acceptance(assigned: SpecialistAssigned, tx: Tx) -> None:
    """Note since when a withdrawal no longer brings the fee back by itself: the earliest acceptance counts."""
    case = await store.lock_case(tx, assigned.case_id)
    await store.save_case(tx, replace(case, accepted_at=_earlier(case.accepted_at, assigned.accepted_at)))


async def close_billing(delivered: OpinionDelivered, tx: Tx) -> None:
    """The work is done: what was paid for it is income from now on."""
    case = replace(await store.lock_case(tx, delivered.case_id), delivered_at=delivered.delivered_at)
    await store.save_case(tx, case)
    await cashier.earn(tx, case)


async def stop_billing(withdrawn: CaseWithdrawn, tx: Tx) -> None:
    """Nothing more is to be paid, and money goes back by stage."""
    case = await store.lock_case(tx, withdrawn.case_id)
    if case.withdrawn_at is None:
        case = replace(case, withdrawn_at=withdrawn.withdrawn_at)
        await store.save_case(tx, case)
        await cashier.withdraw(tx, case)


async def expire_invoices(case_id: CaseId, tx: Tx) -> None:
    await cashier.expire(tx, await store.lock_case(tx, case_id))


async def refund_withdrawn(case_id: CaseId, tx: Tx) -> None:
    await cashier.refund_withdrawn(tx, await store.lock_case(tx, case_id))


async def refund_card(errand: Errand, ctx: Context) -> None:
    """Have the card provider send money back. The refund's id is the key, so asking again sends nothing twice."""
    refund_id = UUID(errand.payload["refund_id"])
    async with ctx.db.reading() as tx:
        refund = await store.refund(tx, refund_id)
        payment = await store.payment(tx, refund.payment_id) if refund else None
    if refund is None or payment is None or refund.state != "decided" or payment.disputed_minor:
        return  # of a disputed payment it is asked for again when the bank has decided
    gateway = gateway_of(ctx.settings)
    try:
        answer: RefundAnswer | None = await gateway.refund(payment.provider_id, refund.amount, refund.id)
    except GatewayRefusedError:
        answer = await _found_refund(gateway, payment.provider_id, refund.id)
    failpoints.reach("refund.sent")
    async with ctx.db.transaction() as tx:
        await cashier.hear_refund_answer(tx, refund_id, answer)
        await cashier.watch_provider(tx, refund.case_id)


async def _found_refund(gateway: Gateway, provider_payment: str, refund_id: UUID) -> RefundAnswer | None:
    """Return a refund of ours that the provider has in spite of its refusal: it may have been asked twice."""
    try:
        return await gateway.find_refund(provider_payment, refund_id)
    except GatewayRefusedError:
        return None


async def ask_provider(errand: Errand, ctx: Context) -> None:
    """Hear from the provider what no message has told; asking again is harmless."""
    asked, gateway = errand.payload, gateway_of(ctx.settings)
    if asked["kind"] == "refund":
        answer = await gateway.look_up_refund(asked["provider_id"])
        async with ctx.db.transaction() as tx:
            await cashier.hear_refund_answer(tx, UUID(asked["id"]), answer)
        return
    try:
        standing = await gateway.look_up(asked["provider_id"])
    except GatewayUnknownError:
        standing = CheckoutStanding(open=False)
    async with ctx.db.transaction() as tx:
        await cashier.hear_standing(tx, errand.case_id, UUID(asked["id"]), standing)


async def ask_later(case_id: CaseId, tx: Tx) -> None:
    await cashier.ask_provider(tx, case_id)


async def tie_dispute(errand: Errand, ctx: Context) -> None:
    """Find the payment of a dispute that was heard of first; tried again until its message has come."""
    async with ctx.db.transaction() as tx:
        if not await cashier.tie_dispute(tx, UUID(errand.payload["dispute_id"])):
            raise LookupError("The disputed payment is not known yet")


async def accept_dispute(errand: Errand, ctx: Context) -> None:
    """Tell the card provider that we don't contest a dispute. One that is decided meanwhile needs no word of ours."""
    with contextlib.suppress(GatewayRefusedError):
        await gateway_of(ctx.settings).accept_dispute(errand.payload["provider_id"])


def _earlier(known: datetime | None, told: datetime) -> datetime:
    return told if known is None else min(known, told)


REACTIONS: Mapping[type[Fact], Reaction] = {
    RequestSubmitted: note_case_number,
    ServicesConfirmed: invoice_services,
    SpecialistAssigned: note_acceptance,
    OpinionDelivered: close_billing,
    CaseWithdrawn: stop_billing,
}
TIMERS = {
    cashier.EXPIRY: expire_invoices,
    cashier.REFUND_TIMER: refund_withdrawn,
    cashier.ASK_TIMER: ask_later,
    reconciling.CHECK: reconciling.ask_for_report,
}
ERRANDS = {
    cashier.REFUND_ERRAND: refund_card,
    cashier.ASK_ERRAND: ask_provider,
    cashier.TIE_ERRAND: tie_dispute,
    cashier.ACCEPT_ERRAND: accept_dispute,
    reconciling.CHECK: reconciling.check_by_itself,
}
