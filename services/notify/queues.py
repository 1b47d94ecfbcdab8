"""Notify's staff queue: readers whom no e-mail reaches, and who should be called."""

from services.notify.words import MESSAGES
from shared.staff_queue import Queue
from shared.web.principals import Role

DESK = (Role.CARE_ADVISOR, Role.CASE_MANAGER, Role.SUPERVISOR)
KNOW_PRICES = (*DESK, Role.FINANCE, Role.PATIENT, Role.REQUESTER, Role.SERVICE)
"""Who pays, and who handles money: to anybody else a timeline names no amount, as billing and intake show them none."""
CALL_INSTEAD = Queue(name="call-instead", title="Call instead", roles=tuple(role.value for role in DESK))


def call_title(kind: str, audience: str, case_number: str) -> str:
    """Return what the desk reads: whom to call about what, without a name."""
    return f"{MESSAGES[kind]}: tell the {audience.replace('_', ' ')} of {case_number or 'this case'}"
