"""A roster, a case in intake's words, and people who sign in: what the tests of matching begin with."""

import tomllib
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.matching.seed import load_roster
from shared.ids import CaseId, new_id
from shared.web.principals import Role
from tests.support.facts import complete, submitted
from tests.support.service import ServiceUnderTest

ROSTER = Path("deploy/local/seed/matching.toml")
QUESTIONS = [{"id": "q1", "text": "Do I need chemotherapy?"}, {"id": "q2", "text": "هل يمكنني الانتظار؟"}]


class Clinic:
    """Matching with its roster, and what people do to it over HTTP."""

    def __init__(self, service: ServiceUnderTest) -> None:
        self.service = service
        self.lead = service.sign_in(Role.CLINICAL_LEAD, subject="staff-vera", name="Dr Vera Stahl")
        self.imani = service.sign_in(Role.SPECIALIST, subject="staff-imani", name="Dr Imani Okafor")
        self.yusuf = service.sign_in(Role.SPECIALIST, subject="staff-yusuf", name="Dr Yusuf Demir")

    async def seed(self) -> None:
        async with self.service.ctx.db.transaction() as tx:
            await load_roster(tx, tomllib.loads(ROSTER.read_text()))

    def knows(self, case_id: CaseId, **changes: Any) -> None:
        """Have intake answer for the case: a breast cancer patient treated in Amman."""
        brief: dict[str, Any] = {
            "case_number": "7K3M-9QXW-C",
            "patient": {"name": "فاطمة الزهراء", "birth_date": "1980-05-04", "sex": "female", "country": "JO",
                        "languages": ["ar"]},
            "cancer_type": "breast", "reasons": ["new_diagnosis"], "questions": QUESTIONS, "stream": "remote",
            "local_physician": {"name": "Dr Layla Mansour", "email": "l@clinic.example", "country": "JO",
                                "institution": "Amman Clinic"},
            "withdrawn": False,
        } | changes  # fmt: skip
        self.service.peers.answers["intake", f"/cases/{case_id}/brief"] = brief
        self.service.peers.answers["intake", f"/cases/{case_id}/contacts"] = {"locale": "ar"}

    async def a_complete_case(self, **changes: Any) -> CaseId:
        case_id = CaseId(new_id())
        self.knows(case_id, **changes)
        await self.service.receives(submitted(case_id, case_number="7K3M-9QXW-C"), complete(case_id))
        return case_id

    async def ids(self, case_id: CaseId) -> dict[str, str]:
        """Return the candidates' ids by name, best first."""
        ranking = (await self.lead.get(f"/api/matching/cases/{case_id}/candidates")).json()
        return {one["name"]: one["specialist_id"] for one in ranking["candidates"]}

    async def offer(self, case_id: CaseId, *names: str) -> httpx.Response:
        ids = await self.ids(case_id)
        return await post(
            self.lead, f"/api/matching/cases/{case_id}/offers", {"specialist_ids": [ids[one] for one in names]}
        )

    async def offer_of(self, who: httpx.AsyncClient) -> UUID:
        return UUID((await who.get("/api/matching/offers")).json()["offers"][0]["id"])

    async def accept(self, who: httpx.AsyncClient, *, no_conflict: bool = True) -> httpx.Response:
        offer_id = await self.offer_of(who)
        return await post(who, f"/api/matching/offers/{offer_id}/accept", {"no_conflict": no_conflict})

    async def a_case_with_imani(self, **changes: Any) -> CaseId:
        case_id = await self.a_complete_case(**changes)
        await self.offer(case_id, "Dr Imani Okafor")
        assert (await self.accept(self.imani)).status_code == 200
        return case_id

    async def write(self, case_id: CaseId, text: dict[str, Any] | None = None) -> httpx.Response:
        path = f"/api/matching/cases/{case_id}/opinion"
        tag = (await self.imani.get(path)).headers["ETag"]
        return await self.imani.put(path, json=text or finished(), headers={"If-Match": tag})

    async def sign(self, case_id: CaseId, name: str = "Dr Imani Okafor", *, confirm: bool = True) -> httpx.Response:
        path = f"/api/matching/cases/{case_id}/opinion"
        tag = (await self.imani.get(path)).headers["ETag"]
        return await post(self.imani, path + "/sign", {"name": name, "confirm": confirm}, **{"If-Match": tag})

    async def a_delivered_case(self, **changes: Any) -> CaseId:
        case_id = await self.a_case_with_imani(**changes)
        assert (await self.write(case_id)).status_code == 200
        assert (await self.sign(case_id)).status_code == 200
        await self.service.run_errands()
        return case_id

    def reader(self, role: Role, case_id: CaseId, locale: str = "en") -> httpx.AsyncClient:
        return self.service.sign_in(role, subject=f"{role}-{case_id}", cases=[case_id], locale=locale)


def finished(**changes: Any) -> dict[str, Any]:
    """An opinion with nothing missing."""
    return {
        "received": "Biopsy slides and an MRI of 12 March.",
        "history": "A lump, noticed in February.\n\n- Core biopsy\n- MRI",
        "assessment": "Invasive ductal carcinoma, grade 2.",
        "plan": "Surgery first, then radiotherapy.",
        "limits": "No genomic assay was available.",
        "answers": [
            {"question_id": "q1", "outcome": "answered", "text": "Probably not."},
            {"question_id": "q2", "outcome": "redirected", "text": "Your surgeon at home knows."},
        ],
    } | changes


async def post(who: httpx.AsyncClient, path: str, body: Any, **headers: str) -> httpx.Response:
    """Send JSON once."""
    return await who.post(path, json=body, headers={"Idempotency-Key": str(new_id()), **headers})


@pytest.fixture
async def clinic(matching: ServiceUnderTest) -> Clinic:
    found = Clinic(matching)
    await found.seed()
    return found
