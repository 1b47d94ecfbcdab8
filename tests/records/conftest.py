"""Records as the tests meet it: a roster, a case at any stage, and people who sign in."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.records import roster
from shared.ids import CaseId, new_id
from shared.web import Role
from tests.records.made_up import dicom, pdf
from tests.support.facts import SPECIALIST, a_case, assigned, confirmed, paid, submitted
from tests.support.service import ServiceUnderTest

PDF = pdf()
ROSTER = {
    "case_managers": [
        {"subject": "staff-mara", "name": "Mara Lindqvist", "languages": ["en", "ar"]},
        {"subject": "staff-tomas", "name": "Tomas Oyelaran", "languages": ["en", "zh"]},
        {"subject": "staff-away", "name": "Away Altogether", "languages": ["fr"], "active": False},
    ]
}


@dataclass
class Case:
    """One case under test, and everybody who works on it."""

    id: CaseId
    records: ServiceUnderTest
    patient: httpx.AsyncClient
    manager: httpx.AsyncClient
    lab: httpx.AsyncClient

    @property
    def api(self) -> str:
        return f"/api/records/cases/{self.id}"

    async def checklist(self) -> dict[str, Any]:
        answer = await self.manager.get(f"{self.api}/checklist")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def item(self, code: str) -> dict[str, Any]:
        found: dict[str, Any] = next(i for i in (await self.checklist())["items"] if i["code"] == code)
        return found

    async def uploads(self, code: str, body: bytes = PDF, *, name: str = "letter.pdf") -> UUID:
        """Send a file for an item, as the patient, and have it looked at."""
        item, document = await self.item(code), new_id()
        answer = await self.patient.put(
            f"{self.api}/items/{item['id']}/documents/{document}", params={"name": name}, content=body
        )
        assert answer.status_code == 201, answer.text
        await self.looks()
        return document

    async def looks(self) -> None:
        """Have what waits looked at, as the worker does."""
        await self.records.run_timers()
        await self.records.run_errands()

    async def post(
        self, path: str, body: dict[str, Any], *, version: int | None = None, who: httpx.AsyncClient | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": uuid4().hex} | ({"If-Match": f'"{version}"'} if version is not None else {})
        return await (who or self.manager).post(self.api + path, json=body, headers=headers)

    async def describes(self, code: str, document: UUID, **fields: Any) -> httpx.Response:
        version = (await self.item(code))["version"]
        said = {"language": "en", "dated_on": self.records.ctx.clock.now().date().isoformat()}
        return await self.manager.patch(
            f"{self.api}/documents/{document}", json=said | fields, headers={"If-Match": f'"{version}"'}
        )

    async def identifies(self, code: str, document: UUID, *, matches: bool = True) -> httpx.Response:
        version = (await self.item(code))["version"]
        body = {"name_matches": matches, "birth_date_matches": True}
        return await self.post(f"/documents/{document}/identity", body, version=version)

    async def decides(self, code: str, verb: str, reason: str | None = None) -> httpx.Response:
        item = await self.item(code)
        body = {"reason": reason} if reason else {}
        return await self.post(f"/items/{item['id']}/{verb}", body, version=item["version"])

    async def brings_in(self, code: str, body: bytes = PDF) -> UUID:
        """Upload, describe, identify and accept one item."""
        document = await self.uploads(code, body)
        assert (await self.describes(code, document)).status_code == 200
        assert (await self.identifies(code, document)).status_code == 200
        answer = await self.decides(code, "accept")
        assert answer.status_code == 200, answer.text
        return document

    async def counts_slides_in(self, slides: int = 12, counted: int | None = None) -> UUID:
        """Send a parcel of slides, as the patient, and count it, as the laboratory."""
        packed = await self.post("/parcels", {"leg": "to_laboratory", "slides": slides}, who=self.patient)
        assert packed.status_code == 201, packed.text
        parcel = UUID(packed.json()["id"])
        answer = await self.post(f"/parcels/{parcel}/count", {"slides": counted or slides}, who=self.lab)
        assert answer.status_code == 200, answer.text
        return parcel

    async def signs_summary(self, text: str = "A made-up summary.") -> httpx.Response:
        version = (await self.manager.get(f"{self.api}/summary")).json()["version"]
        written = await self.manager.put(
            f"{self.api}/summary", json={"text": text}, headers={"If-Match": f'"{version}"'}
        )
        assert written.status_code == 200, written.text
        return await self.post("/summary/signature", {}, version=written.json()["version"])

    async def specialist(self) -> httpx.AsyncClient:
        """Assign a specialist, whom matching names, and sign them in."""
        self.records.peers.answers["matching", f"/cases/{self.id}/specialist"] = {
            "specialist_id": str(SPECIALIST), "subject": "staff-imani",
        }  # fmt: skip
        await self.records.receives(assigned(self.id))
        await self.records.run_errands()
        return self.records.sign_in(Role.SPECIALIST, subject="staff-imani", name="Dr Imani Okafor")

    async def completes(self) -> None:
        """Do everything that is left, down to the signature."""
        for item in (await self.checklist())["items"]:
            if item["kind"] == "slides":
                await self.counts_slides_in()
            elif item["needed"] and item["state"] not in ("accepted", "waived"):
                body = PDF if item["kind"] != "imaging" else dicom()
                await self.brings_in(item["code"], body)
        assert (await self.signs_summary()).status_code == 200


def brief(**fields: Any) -> dict[str, Any]:
    """Return what intake answers about a request."""
    patient = {"name": "Made Up", "birth_date": "1970-01-01", "sex": "female", "country": "EG", "languages": ["ar"]}
    return {"case_number": "x", "patient": patient, "cancer_type": "breast", "withdrawn": False} | fields


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for plain copies; one for all tests, for each has its jails started for it."""
    return tmp_path_factory.mktemp("scratch")


def unnamed(folder: Path, content: bytes) -> int:
    """Return the descriptor of a file without a name."""
    fd = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, content)
    return fd


@pytest.fixture
async def seeded(records: ServiceUnderTest) -> ServiceUnderTest:
    """Records with a roster."""
    async with records.ctx.db.transaction() as tx:
        await roster.seed(tx, ROSTER)
    return records


def case_of(records: ServiceUnderTest, case_id: CaseId | None = None) -> Case:
    """Return a case nobody has told records about, with everybody signed in."""
    case_id = case_id or a_case()
    return Case(
        case_id,
        records,
        patient=records.sign_in(Role.PATIENT, subject=f"patient-{new_id()}", name="Made Up", cases=[case_id]),
        manager=records.sign_in(Role.CASE_MANAGER, subject="staff-mara", name="Mara Lindqvist"),
        lab=records.sign_in(Role.LAB, subject="staff-lena", name="Lena Brook"),
    )


@pytest.fixture
async def case(seeded: ServiceUnderTest) -> Case:
    """A paid case whose collection is open."""
    opened = case_of(seeded)
    seeded.peers.answers["intake", f"/cases/{opened.id}/brief"] = brief()
    await seeded.receives(submitted(opened.id), confirmed(opened.id))
    await seeded.run_errands()
    await seeded.receives(paid(opened.id))
    return opened
