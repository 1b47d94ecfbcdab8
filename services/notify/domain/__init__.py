"""Where a case stands, who acts next and by when: pure rules over the facts that came, in whatever order they came.

The stage is the furthest one that any fact proves, never the latest to arrive, so all orders of the same facts tell the
same story. Deadlines here are clocks that are tracked (R12, R32), never promises.
"""

from services.notify.domain.history import History, happened_at, identity, overtaken, supplementary
from services.notify.domain.timeline import timeline
from services.notify.domain.values import Action, Actor, Stage, Timeline

__all__ = [
    "Action",
    "Actor",
    "History",
    "Stage",
    "Timeline",
    "happened_at",
    "identity",
    "overtaken",
    "supplementary",
    "timeline",
]
