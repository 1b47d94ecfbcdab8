"""Refunds that wait for a second person, and what became of them."""

from uuid import UUID

from services.billing.domain import Person, Proposal, ProposalState
from services.billing.store.rows import with_amount
from shared.db import Row, Tx
from shared.ids import CaseId

_PROPOSAL = """id, case_id, payment_id, amount_minor, currency, of_fee_minor, reason, proposed_by_id, proposed_by,
               proposed_at, state, ruled_by_id, ruled_by, ruled_at, ruling"""


def _proposal(row: Row) -> Proposal:
    given = with_amount(row)
    given["proposed_by"] = Person(given.pop("proposed_by_id"), given["proposed_by"])
    subject, name = given.pop("ruled_by_id"), given["ruled_by"]
    return Proposal(**given | {"ruled_by": Person(subject, name) if subject else None,
                               "state": ProposalState(given["state"])})  # fmt: skip


async def add_proposal(tx: Tx, proposal: Proposal) -> None:
    await tx.execute(
        """INSERT INTO refund_proposals (id, case_id, payment_id, amount_minor, currency, of_fee_minor, reason,
               proposed_by_id, proposed_by, proposed_at, state)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)""",
        proposal.id, proposal.case_id, proposal.payment_id, proposal.amount.amount_minor, proposal.amount.currency,
        proposal.of_fee_minor, proposal.reason, proposal.proposed_by.subject, proposal.proposed_by.name,
        proposal.proposed_at, proposal.state,
    )  # fmt: skip


async def save_ruling(tx: Tx, proposal: Proposal) -> None:
    """Keep how a proposal ended; what was proposed never changes."""
    by = proposal.ruled_by
    await tx.execute(
        """UPDATE refund_proposals SET state = $2, ruled_by_id = $3, ruled_by = $4, ruled_at = $5, ruling = $6
           WHERE id = $1""",
        proposal.id, proposal.state, by and by.subject, by and by.name, proposal.ruled_at, proposal.ruling,
    )  # fmt: skip


async def proposal(tx: Tx, proposal_id: UUID) -> Proposal | None:
    row = await tx.fetchrow(f"SELECT {_PROPOSAL} FROM refund_proposals WHERE id = $1", proposal_id)
    return _proposal(row) if row else None


async def proposals_of_case(tx: Tx, case_id: CaseId) -> list[Proposal]:
    """Return what was proposed for a case, oldest first."""
    rows = await tx.fetch(
        f"SELECT {_PROPOSAL} FROM refund_proposals WHERE case_id = $1 ORDER BY proposed_at, id", case_id
    )
    return [_proposal(row) for row in rows]


async def proposals_waiting(tx: Tx, case_id: CaseId) -> list[Proposal]:
    """Return a case's proposals that nobody has ruled on."""
    return [one for one in await proposals_of_case(tx, case_id) if one.state is ProposalState.WAITING]


async def decided_alone(tx: Tx, case_id: CaseId, currency: str) -> int:
    """Return what one person without a second gave back of a case's fee so far, in minor units."""
    total: int = await tx.fetchval(
        """SELECT coalesce(sum(r.of_fee_minor), 0)::bigint FROM refunds r
           WHERE r.case_id = $1 AND r.currency = $2 AND r.why = 'decision'
             AND NOT EXISTS (SELECT FROM refund_proposals p WHERE p.id = r.id)""",
        case_id, currency,
    )  # fmt: skip
    return total
