"""What the card provider's messages make true (R21): each once, in whatever order, any number of them together."""

from collections.abc import Mapping, Sequence

from services.billing import domain, store
from services.billing.cashier.books import SYSTEM
from services.billing.cashier.disputing import hear_dispute
from services.billing.cashier.receiving import take
from services.billing.cashier.refunding import hear_refund
from services.billing.domain import CardStatus
from services.billing.gateway import CardNotice, DisputeNotice, Message, Notice, RefundNotice
from services.billing.store import CaseRow, Meant
from shared import log, telemetry
from shared.db import Tx
from shared.ids import CaseId

_log = log.get(__name__)
_Told = tuple[Notice, str | None]
"""A notice and the trace that it is part of."""


async def hear(tx: Tx, *messages: Message) -> None:
    """Do what the provider's messages mean: once, in whatever order; what means nothing to us does nothing.

    Statements are made for all messages at once, except for the few that move money. The ids of all messages come
    first, then the locks of all cases, each in one order: two who do this at a time never wait for each other.
    """
    new = await store.note_deliveries(tx, {one.webhook_id: one.kind for one in messages})
    fresh = {one.webhook_id: one for one in messages if one.webhook_id in new}
    if told := [(one.about, one.traceparent) for one in fresh.values() if one.about]:
        await _hear(tx, told)


async def hear_notice(tx: Tx, notice: Notice) -> None:
    """Do what the provider says because we asked; hearing it again changes nothing."""
    await _hear(tx, [(notice, telemetry.traceparent())])


async def _hear(tx: Tx, told: Sequence[_Told]) -> None:
    cards = [(notice, trace) for notice, trace in told if isinstance(notice, CardNotice)]
    meant = await store.meant_by(tx, [(notice.checkout_id, notice.reference) for notice, _ in cards])
    others = [(notice, trace) for notice, trace in told if not isinstance(notice, CardNotice)]
    concerned = {one.case_id for one in meant if one.case_id} | await _cases_of(tx, [notice for notice, _ in others])
    cases = await store.lock_cases(tx, concerned)
    await _keep_attempts(tx, [notice for notice, _ in cards], meant)
    await _count_in(tx, cards, meant, cases)
    for notice, trace in others:
        with telemetry.continuing(trace, "billing hear"):
            if isinstance(notice, RefundNotice):
                await hear_refund(tx, notice)
            elif isinstance(notice, DisputeNotice):
                await hear_dispute(tx, notice)


async def _cases_of(tx: Tx, notices: Sequence[Notice]) -> set[CaseId]:
    if not notices:
        return set()
    disputes = [one for one in notices if isinstance(one, DisputeNotice)]
    refunds = [one.reference for one in notices if isinstance(one, RefundNotice) and one.reference]
    invoices = [one.reference for one in disputes if one.reference]
    payments = [one.payment_id for one in notices if not isinstance(one, CardNotice) and one.payment_id]
    return await store.cases_of(tx, invoices=invoices, payments=payments, refunds=refunds)


async def _keep_attempts(tx: Tx, notices: Sequence[CardNotice], meant: Sequence[Meant]) -> None:
    """Keep what is true of each attempt on one of our pay pages after these messages; one that succeeded closes its page."""
    ours = [(one, of.checkout_id) for one, of in zip(notices, meant, strict=True) if of.checkout_id]
    known = await store.attempt_statuses(tx, [one.payment_id for one, _ in ours])
    heard = dict(known)
    for one, _ in ours:
        heard[one.payment_id] = domain.hear(heard.get(one.payment_id), one.status)
    checkouts = {one.payment_id: checkout_id for one, checkout_id in ours}
    changed = [name for name, status in heard.items() if known.get(name) != status]
    await store.save_attempts(tx, [(name, checkouts[name], heard[name]) for name in changed])
    for name in changed:
        if heard[name] == CardStatus.SUCCEEDED:
            await store.close_checkout(tx, checkouts[name])


async def _count_in(
    tx: Tx, cards: Sequence[tuple[CardNotice, str | None]], meant: Sequence[Meant], cases: Mapping[CaseId, CaseRow]
) -> None:
    """Take each payment that succeeded, once, whichever of its messages came first."""
    succeeded = [notice.payment_id for notice, _ in cards if notice.status == CardStatus.SUCCEEDED]
    counted = await store.payments_of_providers(tx, succeeded)
    for (notice, trace), of in zip(cards, meant, strict=True):
        if of.invoice_id is None or of.case_id is None:
            _log.error("payment_for_nothing_of_ours", provider_payment=notice.payment_id, status=notice.status)
        elif notice.status == CardStatus.SUCCEEDED and notice.payment_id not in counted:
            counted.add(notice.payment_id)
            with telemetry.continuing(trace, "billing take", case_id=str(of.case_id)):
                await take(tx, cases[of.case_id], of.invoice_id, "card", notice.payment_id, notice.amount, SYSTEM)
