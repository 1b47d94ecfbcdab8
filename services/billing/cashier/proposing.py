"""Refunds otherwise than by the rule: decided alone up to the programme's limit, by two people above it (R21)."""

from datetime import timedelta
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import invoice_of
from services.billing.cashier.queues import TO_CONFIRM
from services.billing.cashier.refunding import decide_refund, fee_in, payment_of
from services.billing.cashier.terms import terms_of
from services.billing.domain import MoneyRefusedError, Payment, Person, Proposal, Refund, written
from services.billing.store import CaseRow
from shared import log, staff_queue
from shared.db import Tx
from shared.events import Money
from shared.ids import new_id

_log = log.get(__name__)


async def decide(tx: Tx, case: CaseRow, payment_id: UUID, amount: Money, reason: str, by: Person) -> Refund | Proposal:
    """Send money back for a reason; above the limit, propose it to a second person, and move nothing until they confirm.

    Raises ``LookupError`` and ``MoneyRefusedError``.
    """
    payment = await payment_of(tx, case, payment_id)
    invoice = await invoice_of(tx, case, payment.invoice_id)
    await _check_not_spoken_for(tx, case, payment, amount)
    fee = await fee_in(tx, invoice, payment, amount)
    alone = await store.decided_alone(tx, case.case_id, fee.currency)
    if not domain.needs_second_person(terms_of(invoice).alone_up_to, alone, fee):
        return await decide_refund(tx, case, payment.id, amount, "decision", reason, by.name)
    proposal = Proposal(new_id(), case.case_id, payment.id, amount, fee.amount_minor, reason, by, tx.now)
    trial = Refund(proposal.id, case.case_id, payment.id, payment.method, amount, "decision", reason, by.name, tx.now)
    domain.give_back(invoice, payment, trial)
    await store.add_proposal(tx, proposal)
    await _ask_second_person(tx, proposal)
    _log.info("refund_proposed", case_id=str(case.case_id))
    return proposal


async def confirm(tx: Tx, proposal_id: UUID, by: Person) -> Refund:
    """The second person agrees: the money starts on its way. Raises ``MoneyRefusedError`` when it can't go any more."""
    proposal, case = await _locked(tx, proposal_id)
    ruled = domain.confirm(proposal, by, tx.now)
    both = f"{proposal.proposed_by.name} and {by.name}"
    refund = await decide_refund(
        tx, case, proposal.payment_id, proposal.amount, "decision", proposal.reason, both, refund_id=proposal.id
    )
    await _end(tx, ruled)
    return refund


async def reject(tx: Tx, proposal_id: UUID, by: Person, reason: str) -> Proposal:
    """The second person disagrees, and says why: nothing moves. Raises ``MoneyRefusedError``."""
    proposal, _ = await _locked(tx, proposal_id)
    ruled = domain.reject(proposal, by, tx.now, reason)
    await _end(tx, ruled)
    return ruled


async def _check_not_spoken_for(tx: Tx, case: CaseRow, payment: Payment, amount: Money) -> None:
    """Refuse to decide over money of a payment that waits for a second person already."""
    waiting = [one for one in await store.proposals_waiting(tx, case.case_id) if one.payment_id == payment.id]
    spoken_for = sum(one.amount.amount_minor for one in waiting)
    if spoken_for and spoken_for + amount.amount_minor > payment.returnable_minor:
        said = written(Money(amount_minor=spoken_for, currency=payment.amount.currency))
        raise MoneyRefusedError(
            f"{said} of this payment waits for a second person: have that confirmed or rejected first"
        )


async def _ask_second_person(tx: Tx, proposal: Proposal) -> None:
    await staff_queue.put(
        tx, TO_CONFIRM, proposal.case_id, f"proposal:{proposal.id}",
        f"{proposal.proposed_by.name} wants {written(proposal.amount)} to go back: a second person confirms",
        due=tx.now + timedelta(days=2),
        data={"href": f"/desk/billing/cases/{proposal.case_id}#refund-{proposal.id}"},
    )  # fmt: skip


async def _end(tx: Tx, ruled: Proposal) -> None:
    await store.save_ruling(tx, ruled)
    await staff_queue.done(tx, TO_CONFIRM, f"proposal:{ruled.id}")
    _log.info("refund_ruled", case_id=str(ruled.case_id), state=ruled.state)


async def _locked(tx: Tx, proposal_id: UUID) -> tuple[Proposal, CaseRow]:
    """Return the proposal as it stands once nobody else can change it, and its case."""
    if (seen := await store.proposal(tx, proposal_id)) is None:
        raise LookupError("There is no such refund")
    case = await store.lock_case(tx, seen.case_id)
    proposal = await store.proposal(tx, proposal_id)
    assert proposal is not None
    return proposal, case
