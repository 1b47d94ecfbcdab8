"""What machines ask a web process: does it live, can it serve, is its service well, and the counters."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.backbone import health
from shared.web.auth import anyone
from shared.web.context import Db


def ops_router(service: str) -> APIRouter:
    """Return ``/livez``, ``/readyz``, ``/healthz``, ``/metrics``, and the first three under ``/api/<service>`` too.

    They say nothing of any case. A gateway passes on only those under ``/api``.
    """
    router = APIRouter(dependencies=[anyone()], include_in_schema=False)
    answers: dict[str, Callable[..., Any]] = {"/livez": live, "/readyz": ready, "/healthz": healthy}
    for path, answer in answers.items():
        router.add_api_route(path, answer, methods=["GET"])
        router.add_api_route(f"/api/{service}{path}", answer, methods=["GET"])
    router.add_api_route("/metrics", metrics, methods=["GET"])
    return router


async def live() -> dict[str, bool]:
    """Say that this process answers."""
    return {"live": True}


async def ready(db: Db) -> dict[str, bool]:
    """Say that requests can be served: the database answers (503 while it does not)."""
    async with db.reading() as tx:
        await tx.fetchval("SELECT 1")
    return {"ready": True}


async def healthy(request: Request, db: Db) -> Response:
    """Say whether anybody must look: relay age, consumer lag, parked records, failing timers and errands."""
    found = await health.check(db, request.app.state.service_name)
    return JSONResponse(asdict(found), 200 if found.ok else 503)


async def metrics() -> Response:
    """Return this process's counters for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
