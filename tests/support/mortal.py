"""A service that dies again and again: ``python -m tests.support.mortal SERVICE PORT POINT…`` its web server, or
``SERVICE timers``, ``SERVICE errands`` or ``SERVICE due`` (both), which run what is due once for each line of points that
they read.

It dies at one fail-point after the other, by turns; one that is told ``-`` lives. The listening socket outlives the server,
and so do the modules that are read: an heir is there after a moment. Tests drive it by ``tests.support.dying``.
"""

import asyncio
import importlib
import itertools
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence

import uvicorn

from deploy.local.child import LIBC, PR_SET_PDEATHSIG
from shared.backbone import errands, failpoints, timers
from shared.programme import all_programmes
from shared.service import Context, Service
from shared.web.hosting import serve
from tests.support.service import service_named

DEATHS = ("once.worked", "once.committed")
"""Where a server dies: a request's work is done and not yet committed; it is committed and not yet answered."""
TIMER_DEATHS = ("timers.taken", "timers.handled", "timers.committed")
UPLOAD_DEATHS = ("uploads.written", "uploads.counted", "uploads.finished", "uploads.counted")
"""Over one file of two segments."""
LOOKING_DEATHS = (
    *("looking.leased", "looking.stored", "looking.told", "looking.committed"),
    *("looking.stored", "looking.told", "looking.committed", "looking.told", "looking.committed", "errands.run"),
)
"""Over an archive whose files are told in two commits, and then over the files that were sent themselves, in a third."""
LIVES = "-"


def in_turns(deaths: Sequence[str], live: Callable[[], None]) -> int:
    """Let one child after the other live until one of them isn't killed; return how many were."""
    for killed, death in enumerate(itertools.cycle(deaths)):
        child = os.fork()
        if child == 0:
            LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) if LIBC else None
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what it logs is no answer of ours
            os.environ["CONSILIUM_FAILPOINT"] = "" if death == LIVES else death
            importlib.reload(failpoints)
            live()
            sys.exit(0)
        signal.signal(signal.SIGTERM, lambda *_, child=child: os.kill(child, signal.SIGTERM))
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            if code := os.waitstatus_to_exitcode(status):
                sys.exit(code)
            return killed
    raise AssertionError("a cycle has no end")


def serve_at(port: int, service: Service, deaths: Sequence[str]) -> None:
    """Serve until told to stop."""
    listening = socket.create_server(("127.0.0.1", port))
    assert service.routes is not None
    service.routes()  # read once, for all children
    in_turns(
        deaths,
        lambda: uvicorn.Server(uvicorn.Config(serve(service), log_config=None, access_log=False)).run([listening]),
    )


async def run_timers(ctx: Context) -> None:
    """Run the timers that are due, as a worker does."""
    await timers.run_due(ctx.db, ctx.service.timers)


async def run_errands(ctx: Context) -> None:
    """Run the errands that are due, as a worker does; what a dead one held is due at once."""
    async with ctx.db.transaction() as tx:
        await tx.execute("UPDATE errands SET due = $1 WHERE done_at IS NULL", tx.now)
    while await errands.run_due(ctx, ctx.service.errands):
        pass


async def run_due(ctx: Context) -> None:
    """Run the timers that are due, and then the errands."""
    await run_timers(ctx)
    await run_errands(ctx)


async def _with_context(service: Service, run: Callable[[Context], Awaitable[None]]) -> None:
    ctx = await Context.open(service)
    await run(ctx)
    await ctx.close()


def main(name: str, what: str, *deaths: str) -> None:
    service = service_named(name)
    all_programmes()  # read once, for all children
    if what.isdecimal():
        return serve_at(int(what), service, deaths)
    run = {"timers": run_timers, "errands": run_errands, "due": run_due}[what]
    for line in sys.stdin:
        print(in_turns(line.split(), lambda: asyncio.run(_with_context(service, run))), flush=True)
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
