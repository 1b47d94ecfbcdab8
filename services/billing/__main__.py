"""Billing, wired: ``python -m services.billing api|worker|migrate|parked|replay|reconcile|reconcile-provider|history``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.billing import cashier, handlers, reconciling
from services.billing.settings import BillingSettings
from shared.events.billing import FACTS
from shared.main import main
from shared.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter


def routes() -> "Sequence[APIRouter]":
    from services.billing import api, api_refunds, api_statements, desk, pages, papers

    return (api.router, api_refunds.router, api_statements.router, pages.router, papers.router, desk.router)


SERVICE = Service(
    name="billing",
    package=Path(__file__).parent,
    settings=BillingSettings,
    emits=FACTS,
    reactions=handlers.REACTIONS,
    timers=handlers.TIMERS,
    errands=handlers.ERRANDS,
    standing={reconciling.CHECK: reconciling.next_check_at},
    queues=(
        cashier.TO_MATCH,
        cashier.TO_REFUND,
        cashier.TO_CONFIRM,
        cashier.DISPUTES,
        cashier.PROVIDER,
        cashier.UNPAID,
    ),
    routes=routes,
    commands=(reconciling.COMMAND,),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
