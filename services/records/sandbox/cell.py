"""Runs inside: takes away its own rights, then answers calls. Forked from a ``mould``, which has loaded the module before.

A call names a function of the module and brings one open file; the function is given its path (``/proc/self/fd/N``) and
returns, or yields, pairs of a JSON-able dictionary and bytes. Each step has its time; a step that takes longer kills
the process, and so does anything the kernel forbids that isn't caught. Nothing is remembered between calls.
"""

import importlib
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from services.records.sandbox import confinement

MEMORY = 1536 * 1024 * 1024
LARGEST_FILE = 4 * 1024**3
CPU_SECONDS = 1200
"""Of a process's whole life; each step of a call is limited more tightly."""
FRAME = struct.Struct(">IQ")
LEVELS = 4

_scratch: list[int] = []

Step = tuple[dict[str, Any], bytes]


def scratch(level: int) -> str:
    """Return the path of an empty file to unpack into; each ``level`` has one, emptied each time it is asked for."""
    os.ftruncate(_scratch[level], 0)
    os.lseek(_scratch[level], 0, os.SEEK_SET)
    return f"/proc/self/fd/{_scratch[level]}"


def load(module: str) -> ModuleType:
    """Return the module that answers calls, with all that it needs: later, nothing can be loaded any more.

    What it has to do once, so that its first call is as quick as any, it does in ``get_ready`` if it has that.
    """
    importlib.import_module(
        "PIL.Image"
    )  # first: after gdcm, its zlib would be taken for Pillow's, which corrupts memory
    loaded = importlib.import_module(module)
    getattr(loaded, "get_ready", lambda: None)()
    return loaded


def serve(line: socket.socket, folder: Path, loaded: ModuleType) -> None:
    """Give up all rights that aren't needed, then answer calls until the other side hangs up."""
    confinement.limit(MEMORY, LARGEST_FILE, CPU_SECONDS)
    _scratch.extend(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600) for _ in range(LEVELS))
    root = Path(__file__).parents[3]
    libraries = [Path(sys.prefix), Path(sys.base_prefix), *map(Path, ("/usr", "/lib", "/lib64"))]
    confinement.confine([*libraries, root / "services", root / "shared"], folder)
    confinement.forbid()
    _send(line, {"ready": sorted(confinement.TAKEN_AWAY)}, b"")
    while (call := _receive(line)) is not None:
        said, given = call
        try:
            _answer(line, getattr(loaded, said["function"]), f"/proc/self/fd/{given}", said)
        finally:
            os.close(given)


def _answer(line: socket.socket, function: Callable[..., Any], path: str, said: dict[str, Any]) -> None:
    try:
        for meta, payload in _steps(function, path, said["arguments"], said["seconds"]):
            _send(line, {"step": meta}, payload)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes raise is the answer
        _send(line, {"failed": type(error).__name__, "code": getattr(error, "code", None)}, b"")
    else:
        _send(line, {"done": True}, b"")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _steps(function: Callable[..., Any], path: str, arguments: dict[str, Any], seconds: float) -> Iterator[Step]:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    made = function(path, **arguments)
    for step in [made] if isinstance(made, tuple) else made:
        signal.setitimer(signal.ITIMER_REAL, 0)
        yield step
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _send(line: socket.socket, meta: dict[str, Any], payload: bytes) -> None:
    told = json.dumps(meta).encode()
    line.sendall(FRAME.pack(len(told), len(payload)) + told)
    if payload:
        line.sendall(payload)


def _receive(line: socket.socket) -> tuple[dict[str, Any], int] | None:
    head, fds, _, _ = socket.recv_fds(line, FRAME.size, 1)
    while 0 < len(head) < FRAME.size:
        head += line.recv(FRAME.size - len(head))
    if not head:
        return None
    length, _ = FRAME.unpack(head)
    told = b""
    while len(told) < length:
        told += line.recv(length - len(told))
    call: dict[str, Any] = json.loads(told)
    return call, fds[0]
