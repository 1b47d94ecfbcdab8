"""Queues that staff and their tools work from: a snapshot or a page of it, then changes from its cursor, and a claim for one person.

Changes are ordered by the transaction that made them and read only once no earlier transaction can still commit, so a
follower who continues from a cursor misses nothing, however slow some writer was.
"""

from shared.staff_queue.model import Cursor, Facet, Item, Queue, Taken
from shared.staff_queue.view import (
    PAGE,
    SORTS,
    Tally,
    View,
    changes,
    counted,
    facets_of,
    now_at,
    one,
    shown,
    snapshot,
)
from shared.staff_queue.work import (
    Takeover,
    TakeoverReaction,
    TakingOver,
    claim,
    done,
    done_all,
    pass_on,
    put,
    release,
    take_over,
    takeovers,
    waits,
)

__all__ = [
    "PAGE",
    "SORTS",
    "Cursor",
    "Facet",
    "Item",
    "Queue",
    "Taken",
    "Takeover",
    "TakeoverReaction",
    "TakingOver",
    "Tally",
    "View",
    "changes",
    "claim",
    "counted",
    "done",
    "done_all",
    "facets_of",
    "now_at",
    "one",
    "pass_on",
    "put",
    "release",
    "shown",
    "snapshot",
    "take_over",
    "takeovers",
    "waits",
]
