"""Finance's desk: wires to enter and match, refunds to rule on and pay, a case's ledger, the trial balance (R21).

Each subject has a module with a router of its own; they are put together here.
"""

from fastapi import APIRouter, Depends

from services.billing.desk import (
    books,
    cases,
    disputes,
    home,
    matching,
    overview,
    papers,
    provider,
    receipts,
    refunds,
    statements,
    unpaid,
)
from services.billing.paying import refusals

router = APIRouter(dependencies=[Depends(refusals)])
for subject in (
    home,
    statements,
    matching,
    receipts,
    cases,
    disputes,
    provider,
    refunds,
    unpaid,
    overview,
    papers,
    books,
):
    router.include_router(subject.router, prefix="/desk/billing")
