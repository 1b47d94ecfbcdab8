"""Pages of records: the patient's checklist, and the desks of case manager and laboratory.

Each form does one thing and works without JavaScript; a rule's no comes back on the page it was asked from.
"""

from services.records.pages import (
    collecting,
    desk,
    either_side,
    imaging,
    inside,
    managers,
    patient,
    reads,
    talking,
    viewer,
    worklist,
)
from services.records.pages.common import mine, staff

ROUTERS = (collecting.invited, mine, staff)

__all__ = [
    "ROUTERS", "collecting", "desk", "either_side", "imaging", "inside", "managers", "patient", "reads", "talking", "viewer", "worklist",
]  # fmt: skip
