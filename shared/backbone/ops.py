"""A worker's own little port for machines: /livez, /readyz, /healthz and /metrics."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import asdict
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from shared.backbone import health
from shared.db import BARE, Database

StartResponse = Callable[..., Any]
Answer = tuple[str, dict[str, Any]]
OK, UNWELL, NOWHERE = "200 OK", "503 Service Unavailable", "404 Not Found"
CHECK_SECONDS = 3.0


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing: health checks are not facts."""


def serve(port: int, db: Database, service: str, host: str) -> ThreadingWSGIServer:
    """Answer on ``port`` from a thread of its own, so that a busy event loop still shows its metrics."""
    loop, metrics = asyncio.get_running_loop(), make_wsgi_app()
    questions = {"/readyz": _ready, "/healthz": _healthy}

    def ask(question: Callable[[Database, str], Coroutine[Any, Any, Answer]]) -> Answer:
        try:
            return asyncio.run_coroutine_threadsafe(question(db, service), loop).result(CHECK_SECONDS)
        except BARE as error:
            return UNWELL, {"ready": False, "service": service, "problems": [repr(error)]}

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        if path in questions:
            status, said = ask(questions[path])
        else:
            status, said = (OK, {"live": True}) if path == "/livez" else (NOWHERE, {})
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(said).encode()]

    server = make_server(host, port, app, ThreadingWSGIServer, _Quiet)
    threading.Thread(target=server.serve_forever, args=[0.1], daemon=True, name="ops").start()
    return server


async def _ready(db: Database, _service: str) -> Answer:
    async with db.reading() as tx:
        await tx.fetchval("SELECT 1")
    return OK, {"ready": True}


async def _healthy(db: Database, service: str) -> Answer:
    found = await health.check(db, service)
    return (OK if found.ok else UNWELL), asdict(found)
