"""Steps that wait for one another and otherwise happen side by side."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

Finished = Callable[[], bool]


@dataclass
class Step:
    """Something to do once the steps it `needs` are finished.

    `begin` runs in the main thread and returns at once, with a question that answers whether the step is finished;
    either may raise Trouble. `shown` False: no line for it.
    """

    name: str
    needs: Sequence[str]
    begin: Callable[[], Finished]
    shown: bool = True
    began: float = field(default=0.0, init=False)
    finished: Finished | None = field(default=None, init=False)


def take(steps: Sequence[Step], tell: Callable[[str], None], meanwhile: Callable[[], bool]) -> None:
    """Take all steps. `meanwhile` is called again and again; when it answers True the rest is left undone."""
    left, done = list(steps), {""}
    while left and not meanwhile():
        for step in list(left):
            if step.finished is None and done.issuperset(step.needs):
                step.began, step.finished = time.monotonic(), step.begin()
            if step.finished is not None and step.finished():
                left.remove(step)
                done.add(step.name)
                if step.shown:
                    tell(f"{step.name} ({time.monotonic() - step.began:.1f} s)")
        time.sleep(0.03)


def in_thread(pool: ThreadPoolExecutor, work: Callable[[], object]) -> Finished:
    """Do the work in a thread; what it raises, the question raises."""
    future = pool.submit(work)

    def finished() -> bool:
        if future.done():
            future.result()
        return future.done()

    return finished
