"""Contacts and links come from intake over real HTTP, with a service token, at the moment of sending."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.mail_catcher.app import MailCatcher
from shared.peers import Peers
from shared.web.tokens import NotOurs, PublicKeys
from tests.notify import stories as s
from tests.support.eventually import eventually
from tests.support.service import ServiceUnderTest


class StandIn:
    """A little intake: checks the token as the real one does, and can be told to fail."""

    def __init__(self, keys: Path, clock: Any) -> None:
        self.keys, self.clock = PublicKeys(keys / "jwks.json"), clock
        self.asked: list[tuple[str, str | None, Any]] = []
        self.failing: list[int] = []
        routes = [
            Route("/api/intake/cases/{case}/contacts", self.contacts),
            Route("/api/intake/cases/{case}/links", self.links, methods=["POST"]),
        ]
        self.server = uvicorn.Server(
            uvicorn.Config(Starlette(routes=routes), port=0, lifespan="off", log_config=None, ws="none")
        )

    async def contacts(self, request: Request) -> Response:
        return await self._answer(request, None, s.contacts())

    async def links(self, request: Request) -> Response:
        key = request.headers["idempotency-key"]
        return await self._answer(request, await request.json(), {"url": f"http://consilium.test/link/{key}"}, 201)

    async def _answer(self, request: Request, body: Any, answer: Any, status: int = 200) -> Response:
        try:
            token = request.headers["authorization"].removeprefix("Bearer ")
            who = self.keys.service(token, audience="intake", now=self.clock.now())
        except (KeyError, NotOurs):
            return JSONResponse({"title": "Who are you?"}, 401)
        self.asked.append((who.subject, request.headers.get("idempotency-key"), body))
        if self.failing:
            return JSONResponse({"title": "Not now"}, self.failing.pop())
        return JSONResponse(answer, status)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture
async def intake_stand_in(notify: ServiceUnderTest, mails: MailCatcher, keys_folder: Path) -> AsyncIterator[StandIn]:
    stand_in = StandIn(keys_folder, notify.clock)
    serving = asyncio.create_task(stand_in.server.serve())
    await eventually(lambda: stand_in.server.started)
    notify.ctx.peers = Peers("notify", stand_in.url, keys_folder / "notify.pem", notify.clock)
    yield stand_in
    await notify.ctx.peers.close()
    stand_in.server.should_exit = True
    await serving


async def test_contacts_and_a_link_are_asked_for_as_notify_and_used_once(
    notify: ServiceUnderTest, mails: MailCatcher, intake_stand_in: StandIn
) -> None:
    await notify.receives(s.submitted())
    await notify.run_errands()
    [mail] = mails.mailbox.find()
    assert [who for who, *_ in intake_stand_in.asked] == ["notify", "notify"]
    key = intake_stand_in.asked[1][1]
    assert f"http://consilium.test/link/{key}" in mail.links
    assert intake_stand_in.asked[1][2] == {"audience": "requester", "path": f"/my/cases/{s.CASE}"}


async def test_an_intake_that_is_away_is_asked_again(
    notify: ServiceUnderTest, mails: MailCatcher, intake_stand_in: StandIn
) -> None:
    intake_stand_in.failing = [503, 500]
    await notify.receives(s.submitted())
    for _ in range(3):
        await notify.run_errands(may_fail=True)
        notify.clock.advance(s.DAY / 24)
    assert len(mails.mailbox.find()) == 1
    assert len({key for _, key, _ in intake_stand_in.asked if key}) == 1


async def test_each_attempt_gets_a_fresh_link(
    notify: ServiceUnderTest, mails: MailCatcher, intake_stand_in: StandIn
) -> None:
    await mails.stop()
    await notify.receives(s.submitted())
    for _ in range(2):
        await notify.run_errands(may_fail=True)
        notify.clock.advance(s.DAY / 24)
    assert len({key for _, key, _ in intake_stand_in.asked if key}) == 2
