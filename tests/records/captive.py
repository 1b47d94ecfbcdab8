"""What a stranger's file may make the sandbox do, run inside it by the tests."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def break_out(path: str, secret: str, parent: int) -> tuple[dict[str, Any], bytes]:
    """Try everything that must not work, and say how it ended."""
    return {
        "reads": _ends(lambda: Path("/etc/passwd").read_bytes()),
        "writes": _ends(lambda: Path("/tmp/broken-out").write_bytes(b"x")),
        "connects": _ends(lambda: socket.create_connection(("127.0.0.1", 22), 1)),
        "runs": _ends(lambda: os.execv("/bin/true", ["true"])),
        "kills": _ends(lambda: os.kill(parent, 0)),
        "environment": [name for name in os.environ if "RECORDS" in name or "URL" in name],
        "own file": Path(path).read_text(),
        "forks": _forks(),
    }, b""


def _ends(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return type(error).__name__ if isinstance(error, PermissionError) else "OSError"
    return "worked"


def _forks() -> int:
    children = []
    try:
        while len(children) < 40:
            child = os.fork()
            if child == 0:
                time.sleep(30)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return len(children)


def misbehave(path: str, how: str) -> tuple[dict[str, Any], bytes]:
    """Break a limit, or don't."""
    if how == "hang":
        while True:
            pass
    if how == "eat":
        bytearray(4 << 30)
    if how == "crash":
        os.abort()
    if how == "fill":
        with Path(path).open("wb") as file:
            file.truncate(8 << 30)
    return {"fine": True}, b"bytes"
