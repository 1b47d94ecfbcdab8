"""A service that dies again and again: ``python -m tests.support.mortal SERVICE PORT`` its web server, or ``SERVICE timers``.

By turns the server dies when a request's work is done and not yet committed, and when it is committed and not yet answered;
what runs timers, once for each line that it reads, dies with one in hand, with its work done, and with it committed. The
listening socket outlives the server, and so do the modules that are read: an heir is there after a moment.
"""

import asyncio
import importlib
import itertools
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence

import uvicorn

from shared.backbone import failpoints, timers
from shared.programme import all_programmes
from shared.service import Context, Service
from shared.web.hosting import serve
from tests.support.service import service_named

DEATHS = ("once.worked", "once.committed")
TIMER_DEATHS = ("timers.taken", "timers.handled", "timers.committed")


def in_turns(deaths: Sequence[str], live: Callable[[], None]) -> int:
    """Let one child after the other live until one of them isn't killed; return how many were."""
    for killed, death in enumerate(itertools.cycle(deaths)):
        child = os.fork()
        if child == 0:
            os.environ["CONSILIUM_FAILPOINT"] = death
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


def serve_at(port: int, service: Service) -> None:
    """Serve until told to stop."""
    listening = socket.create_server(("127.0.0.1", port))
    assert service.routes is not None
    service.routes()  # read once, for all children
    in_turns(
        DEATHS,
        lambda: uvicorn.Server(uvicorn.Config(serve(service), log_config=None, access_log=False)).run([listening]),
    )


async def run_timers(service: Service) -> None:
    """Run what is due, as a worker does."""
    ctx = await Context.open(service)
    await timers.run_due(ctx.db, service.timers)
    await ctx.close()


def main(name: str, what: str) -> None:
    service = service_named(name)
    all_programmes()  # read once, for all children
    if what == "timers":
        for _ in sys.stdin:
            print(in_turns(TIMER_DEATHS, lambda: asyncio.run(run_timers(service))), flush=True)
    else:
        serve_at(int(what), service)


if __name__ == "__main__":
    main(*sys.argv[1:])
