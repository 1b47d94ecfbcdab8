"""Notify's composition root: ``python -m services.notify api|worker|migrate|parked|replay|reconcile``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.notify import settings
from services.notify.delivery import ERRANDS
from services.notify.handlers import REACTIONS
from services.notify.queues import CALL_INSTEAD
from shared.main import main
from shared.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routes() -> "Sequence[APIRouter]":
    from services.notify import api, pages

    return [api.router, pages.router]


SERVICE = Service(
    name="notify",
    package=Path(__file__).parent,
    settings=settings.read,
    reactions=REACTIONS,
    errands=ERRANDS,
    queues=[CALL_INSTEAD],
    routes=_routes,
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
