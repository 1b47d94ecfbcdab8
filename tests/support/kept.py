"""A small web server that is kept (``shared.web.keeper``): ``python -m tests.support.kept PORT FOLDER``.

It says who answers, dies when asked to, takes its time when asked to, and dies before it answers for as long as the
folder holds files named ``die``; with one named ``refuse`` it can't start at all.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shared.web import keeper


async def who(_request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(os.getpid()))


async def die(_request: Request) -> PlainTextResponse:
    os.kill(os.getpid(), signal.SIGKILL)
    return PlainTextResponse("never said")


async def slow(_request: Request) -> PlainTextResponse:
    (folder / "begun").touch()
    await asyncio.sleep(0.5)
    return PlainTextResponse("said in the end")


@asynccontextmanager
async def life(_app: Starlette) -> AsyncIterator[None]:
    if (folder / "refuse").exists():
        raise RuntimeError("told to")
    for one in folder.glob("die*"):
        one.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    yield


def begin() -> None:
    (folder / f"begun-{os.getpid()}").touch()


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    app = Starlette(routes=[Route("/", who), Route("/die", die), Route("/slow", slow)], lifespan=life)
    config = uvicorn.Config(app, port=int(sys.argv[1]), log_config=None, timeout_graceful_shutdown=2)
    sys.exit(keeper.keep(config, begin))
