"""Runs beside: ``python -m services.records.sandbox.mould FD SCRATCH MODULE``. Loads once what a jail needs, and forks jails.

Starting Python and loading decoders takes seconds, a fork takes milliseconds. A mould sees no stranger's byte: an order
brings it one end of a line, and the child at that end gives up what ``cell`` takes away before it answers a call. It has no
network from the beginning, and ends when whoever started it does.
"""

import gc
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from services.records.sandbox import cell, confinement

ORDER, ANSWER = struct.Struct(">q"), struct.Struct(">qi")
"""0, with a line: a new jail, whose number comes back with a handle. A number: how that jail ended (``UNKNOWN``: not yet)."""
UNKNOWN = 1 << 16
_MOST_REMEMBERED = 1000


def main(fd: int, folder: Path, module: str) -> None:
    """Answer orders until the other side hangs up."""
    orders = socket.socket(fileno=fd)
    confinement.isolate()
    loaded = cell.load(module)
    gc.collect()
    gc.freeze()  # what is loaded stays where it is, shared by all jails
    ended: dict[int, int] = {}
    while (order := _ordered(orders)) is not None:
        asked, line = order
        _bury(ended)
        if line is None:
            orders.sendall(ANSWER.pack(asked, ended.pop(asked, UNKNOWN)))
            continue
        with line:
            child = os.fork()
            if child == 0:
                _be_a_jail(orders, line, folder, loaded)
        handle = os.pidfd_open(child)
        socket.send_fds(orders, [ANSWER.pack(child, UNKNOWN)], [handle])
        os.close(handle)


def _ordered(orders: socket.socket) -> tuple[int, socket.socket | None] | None:
    said, fds, _, _ = socket.recv_fds(orders, ORDER.size, 1)
    if len(said) < ORDER.size:
        return None
    return ORDER.unpack(said)[0], socket.socket(fileno=fds[0]) if fds else None


def _be_a_jail(orders: socket.socket, line: socket.socket, folder: Path, loaded: ModuleType) -> None:
    """Serve as a jail, and end: a child never goes on as a mould."""
    status = 1
    try:
        orders.close()
        cell.serve(line, folder, loaded)
        status = 0
    finally:
        os._exit(status)


def _bury(ended: dict[int, int]) -> None:
    """Let go of jails that ended, and remember how the last ones did."""
    with suppress(ChildProcessError):
        while (gone := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            ended[gone[0]] = os.waitstatus_to_exitcode(gone[1])
    while len(ended) > _MOST_REMEMBERED:
        del ended[next(iter(ended))]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it says when it ends
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
