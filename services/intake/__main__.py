"""Intake, wired: ``python -m services.intake api|worker|streams|migrate|parked|replay|reconcile``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.intake import handlers, queues
from services.intake.settings import Settings
from shared.events import CaseWithdrawn, QuoteOffered, RequestSubmitted, ServicesConfirmed, SignInRequested
from shared.main import main
from shared.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter


def routes() -> "Sequence[APIRouter]":
    from services.intake import api
    from services.intake.pages import account, desk, duplicates, front, public, search, staff_sign_in

    return (
        staff_sign_in(), api.router, account.router, search.router, desk.router, duplicates.router, front.router,
        public.router,
    )  # fmt: skip


def streams() -> None:
    from services.intake import streams

    streams.run()


SERVICE = Service(
    name="intake",
    package=Path(__file__).parent,
    settings=Settings,
    emits=(RequestSubmitted, QuoteOffered, ServicesConfirmed, CaseWithdrawn, SignInRequested),
    reactions=handlers.REACTIONS,
    timers=handlers.TIMERS,
    queues=queues.QUEUES,
    routes=routes,
    streams=streams,
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
