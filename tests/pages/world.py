"""All five services at one origin, telling each other their facts directly: a case at any stage, for pages to show."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from services.records import roster
from shared.ids import CaseId, new_id
from shared.peers import PeerProblem
from shared.web.identity import session_cookie
from shared.web.one_origin import service_of
from shared.web.principals import Principal, Role
from shared.web.tokens import SESSIONS, mint_session, read_key
from tests.intake.asking import accept, advisor, key, quote, submit
from tests.matching.conftest import Clinic, finished
from tests.records.conftest import ROSTER, case_of
from tests.support.service import SERVICES, ServiceUnderTest, service_named, under_test

MARA = ("staff-mara", "Mara Lindqvist")


class PeersHere:
    """Asks the other services of this process, as this one."""

    def __init__(self, world: "World", me: str) -> None:
        self._world, self._me = world, me

    async def get(self, service: str, path: str, **params: Any) -> Any:
        return await self._ask("GET", service, path, params=params or None)

    async def post(self, service: str, path: str, body: Any, *, key: str) -> Any:
        return await self._ask("POST", service, path, json=body, headers={"Idempotency-Key": key})

    async def close(self) -> None:
        return None

    async def _ask(self, method: str, service: str, path: str, **options: Any) -> Any:
        client = self._world.services[service].as_service(self._me)
        answer = await client.request(method, f"/api/{service}{path}", **options)
        if answer.is_error:
            raise PeerProblem(service, path, answer.status_code, answer.text)
        return answer.json()


class World:
    """The product in one process: ``app`` is its one origin."""

    def __init__(self, services: Mapping[str, ServiceUnderTest]) -> None:
        self.services = services
        self._told: dict[str, int] = dict.fromkeys(services, 0)
        for name, service in services.items():
            service.ctx.peers = PeersHere(self, name)  # type: ignore[assignment]

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.services[service_of(scope["path"], self.services)].app(scope, receive, send)

    async def tell(self) -> None:
        """Hand every new fact to every service that reacts to it, until there is nothing new; do errands that can be done."""
        busy = True
        while busy:
            busy = False
            for name, service in self.services.items():
                facts = (await service.emitted())[self._told[name] :]
                self._told[name] += len(facts)
                busy = busy or bool(facts)
                for fact in facts:
                    for other in self.services.values():
                        if type(fact) in other.ctx.service.reactions:
                            await other.receives(fact)
                if name in ("matching", "records"):
                    busy = await service.run_errands(may_fail=True) > 0 or busy

    def cookies(
        self, *roles: Role, subject: str, name: str, cases: tuple[CaseId, ...] = (), locale: str = "en"
    ) -> dict[str, str]:
        """Return the session cookie of a person."""
        intake = self.services["intake"]
        who = Principal(subject, name, frozenset(roles), frozenset(cases), locale)
        token = mint_session(read_key(intake._keys / "sessions.pem", SESSIONS), who, now=intake.clock.now())
        return {session_cookie(intake.ctx.platform.public_url): token}

    async def a_request(self) -> CaseId:
        """A request that nobody has answered."""
        case_id = await submit(self.services["intake"])
        await self.tell()
        return case_id

    async def a_quoted_case(self) -> CaseId:
        """A case whose requester has a quote to answer."""
        case_id = await self.a_request()
        await quote(self.services["intake"], case_id, "comprehensive", "video")
        await self.tell()
        return case_id

    async def an_accepted_case(self) -> CaseId:
        """A case that waits for its payment."""
        case_id = await self.a_request()
        intake = self.services["intake"]
        offered = await quote(intake, case_id, "comprehensive", "video")
        assert (await accept(intake, case_id, offered)).status_code == 200
        await self.tell()
        return case_id

    async def a_paid_case(self) -> CaseId:
        """A case whose materials are being collected."""
        case_id = await self.an_accepted_case()
        billing = self.services["billing"]
        finance = billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")
        invoice = (await finance.get(f"/api/billing/cases/{case_id}/invoices")).json()
        invoice = (invoice["invoices"] if isinstance(invoice, dict) else invoice)[0]
        wire = {
            "amount": {"amount_minor": 450_000, "currency": "USD"}, "remittance": invoice["reference"], "sender": "D Testova",
            "bank_reference": str(new_id()), "value_on": billing.clock.now().date().isoformat(),
        }  # fmt: skip
        entered = await finance.post("/api/billing/receipts", json=wire, headers=key())
        assert entered.status_code == 201, entered.text
        path = f"/api/billing/receipts/{entered.json()['id']}/match"
        matched = await finance.post(path, json={"invoice_id": invoice["id"]}, headers=key())
        assert matched.status_code == 200, matched.text
        await self.tell()
        return case_id

    async def a_complete_case(self) -> CaseId:
        """A case that waits for a specialist."""
        case_id = await self.a_paid_case()
        await case_of(self.services["records"], case_id).completes()
        await self.tell()
        return case_id

    async def an_offered_case(self) -> CaseId:
        """A case that a specialist is asked to take."""
        case_id = await self.a_complete_case()
        answer = await Clinic(self.services["matching"]).offer(case_id, "Dr Imani Okafor")
        assert answer.status_code == 200, answer.text
        await self.tell()
        return case_id

    async def an_assigned_case(self) -> CaseId:
        """A case whose opinion is being written."""
        case_id = await self.an_offered_case()
        imani = Clinic(self.services["matching"]).imani
        waiting = (await imani.get("/api/matching/offers")).json()["offers"]
        offer = next(one["id"] for one in waiting if one["case_id"] == str(case_id))
        taken = await imani.post(f"/api/matching/offers/{offer}/accept", json={"no_conflict": True}, headers=key())
        assert taken.status_code == 200, taken.text
        await self.tell()
        return case_id

    async def a_delivered_case(self) -> CaseId:
        """A case whose opinion is in the hands of its readers."""
        case_id = await self.an_assigned_case()
        clinic = Clinic(self.services["matching"])
        asked = (await clinic.imani.get(f"/api/matching/cases/{case_id}/opinion")).json()["questions"]
        answers = [{"question_id": one["id"], "outcome": "answered", "text": "Probably not."} for one in asked]
        assert (await clinic.write(case_id, finished(answers=answers))).status_code == 200
        signed = await clinic.sign(case_id)
        assert signed.status_code == 200, signed.text
        await self.tell()
        return case_id


@asynccontextmanager
async def opened(postgres_url: str, environment: pytest.MonkeyPatch, keys: Path) -> AsyncIterator[World]:
    """Lend a world with its rosters."""
    async with AsyncExitStack() as stack:
        services = {
            name: await stack.enter_async_context(under_test(service_named(name), postgres_url, environment, keys))
            for name in SERVICES
        }
        async with services["records"].ctx.db.transaction() as tx:
            await roster.seed(tx, ROSTER)
        await Clinic(services["matching"]).seed()
        yield World(services)


__all__ = ["World", "advisor", "httpx", "opened"]
