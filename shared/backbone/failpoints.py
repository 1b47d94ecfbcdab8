"""Named places at which a test may kill the process, so that every crash that can happen is made to happen.

``CONSILIUM_FAILPOINT=relay.acknowledged`` kills (SIGKILL) at the first pass; ``relay.acknowledged:3`` at the third;
``relay.acknowledged@STOP`` freezes it there instead, until somebody sends SIGCONT.
Unset, as always outside tests, a pass costs one comparison.
"""

import os
import signal

_STEPS = {
    "consumer": ("polled", "recorded", "handled", "flushed", "committed", "acknowledged", "parking"),
    "relay": ("taken", "sent", "acknowledged", "marked"),
    "timers": ("taken", "handled", "committed"),
    "errands": ("leased", "run", "marked"),
    "once": ("worked", "committed"),
    "messages": ("heard", "committed"),
    "refund": ("sent",),
    "report": ("read",),
    "uploads": ("written", "finished", "counted"),
    "looking": ("leased", "stored", "told", "committed"),
    "rewrap": ("wrapped", "committed"),
}
"""Who may be killed, and at which of its steps."""
POINTS = tuple(f"{who}.{step}" for who, steps in _STEPS.items() for step in steps)

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
