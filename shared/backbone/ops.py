"""A worker's own little port for machines: /livez, /readyz, /healthz and /metrics."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from shared.backbone import health
from shared.db import BARE, Database

StartResponse = Callable[..., Any]
CHECK_SECONDS = 3.0


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing: health checks are not facts."""


def serve(port: int, db: Database, service: str, host: str) -> _Server:
    """Answer on ``port`` from a thread of its own, so that a busy event loop still shows its metrics."""
    loop = asyncio.get_running_loop()
    metrics = make_wsgi_app()

    def healthz() -> tuple[str, bytes]:
        try:
            asked = asyncio.run_coroutine_threadsafe(health.check(db, service), loop)
            found = asked.result(CHECK_SECONDS)
        except BARE as error:
            return "503 Service Unavailable", json.dumps({"service": service, "problems": [repr(error)]}).encode()
        return ("200 OK" if found.ok else "503 Service Unavailable"), json.dumps(asdict(found)).encode()

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        status, body = {
            "/livez": lambda: ("200 OK", b'{"live": true}'),
            "/readyz": lambda: _ready(db, loop),
            "/healthz": healthz,
        }.get(path, lambda: ("404 Not Found", b"{}"))()
        start_response(status, [("Content-Type", "application/json")])
        return [body]

    server: _Server = make_server(host, port, app, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, args=[0.1], daemon=True, name="ops").start()
    return server


def _ready(db: Database, loop: asyncio.AbstractEventLoop) -> tuple[str, bytes]:
    async def ask() -> None:
        async with db.reading() as tx:
            await tx.fetchval("SELECT 1")

    try:
        asyncio.run_coroutine_threadsafe(ask(), loop).result(CHECK_SECONDS)
    except BARE as error:
        return "503 Service Unavailable", json.dumps({"ready": False, "problem": repr(error)}).encode()
    return "200 OK", b'{"ready": true}'
