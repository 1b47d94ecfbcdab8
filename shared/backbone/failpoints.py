"""Named places at which a test may kill the process, so that every crash that can happen is made to happen.

``CONSILIUM_FAILPOINT=relay.acknowledged`` kills (SIGKILL) at the first pass; ``relay.acknowledged:3`` at the third;
``relay.acknowledged@STOP`` freezes it there instead, until somebody sends SIGCONT.
Unset, as always outside tests, a pass costs one comparison.
"""

import os
import signal

POINTS = (
    "consumer.polled",
    "consumer.recorded",
    "consumer.handled",
    "consumer.flushed",
    "consumer.committed",
    "consumer.acknowledged",
    "consumer.parking",
    "relay.taken",
    "relay.sent",
    "relay.acknowledged",
    "relay.marked",
    "timers.taken",
    "timers.handled",
    "timers.committed",
    "errands.leased",
    "errands.run",
    "errands.marked",
    "once.worked",
    "once.committed",
    "messages.heard",
    "messages.committed",
    "refund.sent",
    "report.read",
    "uploads.written",
    "uploads.finished",
    "uploads.counted",
    "looking.leased",
    "looking.stored",
    "looking.told",
    "looking.committed",
    "rewrap.wrapped",
    "rewrap.committed",
)

_point, _, _how = os.environ.get("CONSILIUM_FAILPOINT", "").partition("@")
_name, _, _nth = _point.partition(":")
_signal = signal.Signals[f"SIG{_how or 'KILL'}"]
_left = int(_nth or 1)
if _name and _name not in POINTS:
    raise SystemExit(f"CONSILIUM_FAILPOINT={_name}: there is no such point; choose one of {', '.join(POINTS)}")


def reach(point: str) -> None:
    """Die here when a test asked for it."""
    global _left  # noqa: PLW0603 - it counts down once per process
    if point == _name:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), _signal)


def wanted(point: str) -> bool:
    """Whether a test asked to die here: for places that must do something first."""
    return point == _name
