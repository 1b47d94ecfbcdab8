"""Seeking invoices for wires, for the desk: candidates from the books, names from intake at the moment of use (claim check)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.billing import cashier, store
from services.billing.settings import BillingSettings
from services.billing.store import WireReceipt
from services.billing.suggestions import Suggester, Suggestion, Wire
from shared.db import Tx
from shared.ids import CaseId
from shared.peers import PeerProblem, Peers

MOST_ASKED = 10
"""Of how many cases intake is asked who they are, for one wire."""


async def suggestions_for(
    tx: Tx,
    settings: BillingSettings,
    receipts: Sequence[WireReceipt],
    names: Mapping[CaseId, Sequence[str]] | None = None,
) -> dict[UUID, list[Suggestion]]:
    """Return for each wire the likeliest invoices, the best first."""
    candidates = {row.invoice_id: cashier.candidate_of(row) for row in await store.sought(tx)}
    lines = await store.lines_of_receipts(tx, [one.id for one in receipts])
    wires = {one.id: cashier.wire_of(lines[one.id]) if one.id in lines else _by_hand(one) for one in receipts}
    for wire in wires.values():
        candidates |= {one.invoice_id: one for one in await cashier.named_candidates(tx, wire.text)}
    suggester = Suggester(candidates.values(), _limits(settings))
    most = MOST_ASKED if names is None else 5
    return {receipt_id: suggester.suggest(wire, names, most) for receipt_id, wire in wires.items()}


async def names_of(peers: Peers, case_ids: Sequence[CaseId]) -> dict[CaseId, tuple[str, ...]]:
    """Return who the patient and the requester of each case are, as intake says now; nothing of it is kept.

    A case of which intake doesn't answer is left out: names are a help, no more.
    """
    found: dict[CaseId, tuple[str, ...]] = {}
    for case_id in case_ids[:MOST_ASKED]:
        try:
            people = await peers.get("intake", f"/cases/{case_id}/contacts")
        except PeerProblem:
            continue
        found[case_id] = tuple(
            one["name"] for key in ("patient", "requester") if (one := people.get(key)) and one.get("name")
        )
    return found


def _by_hand(receipt: WireReceipt) -> Wire:
    return Wire(receipt.amount, receipt.remittance, receipt.sender)


def _limits(settings: BillingSettings) -> dict[str, int]:
    found = {currency: settings.charges_limit(currency) for currency in settings.charges_borne}
    return {currency: limit.amount_minor for currency, limit in found.items() if limit}
