"""A service's web server that dies again and again: ``python -m tests.support.mortal SERVICE PORT``.

By turns it dies when a request's work is done and not yet committed, and when it is committed and not yet answered. The
listening socket outlives it, and so do the modules it has read: its heir answers after a moment.
"""

import importlib
import itertools
import os
import signal
import socket
import sys

import uvicorn

from shared.backbone import failpoints
from shared.web.hosting import serve
from tests.support.service import service_named

DEATHS = ("once.worked", "once.committed")


def main(service: str, port: int) -> None:
    """Serve until told to stop, in one child after the other."""
    listening = socket.create_server(("127.0.0.1", port))
    declared = service_named(service)
    assert declared.routes is not None
    declared.routes()  # read once, for all children
    for death in itertools.cycle(DEATHS):
        child = os.fork()
        if child == 0:
            os.environ["CONSILIUM_FAILPOINT"] = death
            importlib.reload(failpoints)
            uvicorn.Server(uvicorn.Config(serve(declared), log_config=None, access_log=False)).run([listening])
            sys.exit(0)
        signal.signal(signal.SIGTERM, lambda *_, child=child: os.kill(child, signal.SIGTERM))
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            return


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
