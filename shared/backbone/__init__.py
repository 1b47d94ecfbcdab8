"""The backbone: how facts leave a service, how they arrive, and how what is due later gets done.

A service sees ``outbox.append``, ``timers.set``, ``errands.request`` and ``Retry``; the rest runs in its worker.
"""

from shared.backbone.errands import Errand
from shared.backbone.inbox import Retry

__all__ = ["Errand", "Retry"]
