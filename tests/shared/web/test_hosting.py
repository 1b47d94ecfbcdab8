"""A process that serves services: it connects when it starts, or says why it does not start."""

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter

from shared.service import Context, Service
from shared.web.hosting import serve
from shared.web.one_origin import service_of
from tests.shared.web.sample.service import SAMPLE
from tests.support.service import fresh_database


async def _live(app: object) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Start and stop an application; return what it said, and what it answered in between."""
    said: list[dict[str, object]] = []
    answers: list[dict[str, object]] = []
    asked = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, object]:
        kind = next(asked)
        if kind == "lifespan.shutdown":
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:  # type: ignore[arg-type]
                answers.append((await http.get("/api/sample/readyz")).json())
        return {"type": kind}

    async def send(message: dict[str, object]) -> None:
        said.append(message)

    await app({"type": "lifespan"}, receive, send)  # type: ignore[operator]
    return said, answers


@pytest.mark.usefixtures("platform_environment")
async def test_it_connects_when_it_starts_and_lets_go_when_it_stops(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside: list[str] = []

    async def run(ctx: Context) -> None:
        beside.append(ctx.service.name)
        try:
            await asyncio.Event().wait()
        finally:
            beside.append("over")

    async with fresh_database(SAMPLE, postgres_url) as url:
        monkeypatch.setenv("SAMPLE_DATABASE_URL", url)
        said, answers = await _live(serve(replace(SAMPLE, beside=run)))
    assert [message["type"] for message in said] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert answers == [{"ready": True}]
    assert beside == ["sample", "over"]


@pytest.mark.usefixtures("platform_environment")
async def test_an_unsafe_route_keeps_the_process_from_starting(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = APIRouter()
    router.add_api_route("/api/sample/open", lambda: None)
    unsafe = Service(name="sample", package=Path(SAMPLE.package), settings=SAMPLE.settings, routes=lambda: [router])
    monkeypatch.setenv("SAMPLE_DATABASE_URL", postgres_url)
    with pytest.raises(Exception, match="who may call these"):
        await _live(serve(unsafe))


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/", "intake"),
        ("/api/billing/invoices", "billing"),
        ("/my/records/cases/1", "records"),
        ("/desk/matching", "matching"),
        ("/desk/cases/1", "intake"),
        ("/my/cases/1", "intake"),
        ("/partner/records/v1/events", "records"),
        ("/api/unknown/x", "intake"),
        ("/static/v/consilium.css", "intake"),
    ],
)
def test_a_path_names_its_service(path: str, service: str) -> None:
    everything = dict.fromkeys(("intake", "billing", "records", "matching", "notify"))
    assert service_of(path, everything) == service
    assert service_of(path, {"billing": None}) == "billing"
