"""Made-up requests, and what tests of intake do again and again."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx

from shared import programme
from shared.ids import CaseId, new_id
from shared.web import Role
from tests.support.service import ServiceUnderTest

RULES = programme.current("msk_international")
CONSENT, NOTICE = RULES.text_version("consent"), RULES.text_version("emergency_notice")


def a_request(**changes: Any) -> dict[str, Any]:
    """Return a complete request, as JSON, by a daughter for her mother; `changes` replace top-level members."""
    return {
        "path": "new_patient",
        "stream": "remote",
        "requester": {"role": "family", "name": "Dalia Testova", "email": "dalia@example.com",
                      "relationship": "daughter", "authority": "permission"},
        "patient": {"name": "Mira Testova", "birth_date": "1958-03-27", "sex": "female", "country": "BR",
                    "languages": ["pt"]},
        "local_physician": {"name": "Dr Ana Exemplo", "email": "ana@example.org", "institution": "Clinic",
                            "country": "BR"},
        "cancer_type": "breast",
        "reasons": ["new_diagnosis", "peace_of_mind"],
        "questions": ["Is surgery needed?", "Which medicine first?"],
        "interests": ["comprehensive"],
        "emergency_notice_version": NOTICE,
        "consent": {"version": CONSENT, "signed_name": "Dalia Testova", "accepted": True},
        "locale": "en",
    } | changes  # fmt: skip


def by_patient(**changes: Any) -> dict[str, Any]:
    """Return a request by the patient."""
    asks = {"role": "patient", "name": "Mira Testova", "email": "mira@example.com", "authority": "self"}
    return a_request(requester=asks) | changes


def by_clinician(**changes: Any) -> dict[str, Any]:
    """Return a referral."""
    asks = {
        "role": "clinician",
        "name": "Dr Ana Exemplo",
        "email": "ana@example.org",
        "authority": "referring_clinician",
    }
    return a_request(path="referral", requester=asks) | changes


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def submit(intake: ServiceUnderTest, request: Mapping[str, Any] | None = None) -> CaseId:
    """Send a request over HTTP and return its case."""
    answer = await intake.http.post("/api/intake/requests", json=request or a_request(), headers=key())
    assert answer.status_code == 201, answer.text
    return CaseId(UUID(answer.json()["case_id"]))


def advisor(intake: ServiceUnderTest) -> httpx.AsyncClient:
    return intake.sign_in(Role.CARE_ADVISOR, subject="staff-ada", name="Ada Winter")


def requester(intake: ServiceUnderTest, case_id: CaseId) -> httpx.AsyncClient:
    return intake.sign_in(Role.REQUESTER, subject="link", name="Dalia Testova", cases=[case_id])


async def quote(
    intake: ServiceUnderTest, case_id: CaseId, *services: str, amount: int = 450_000, supplements: int | None = None
) -> dict[str, Any]:
    """Offer a quote and return it."""
    body = {"supplements": supplements} | {
        "services": services or ("comprehensive",),
        "price": {"amount_minor": amount, "currency": "USD"},
    }
    answer = await advisor(intake).post(f"/api/intake/cases/{case_id}/quotes", json=body, headers=key())
    assert answer.status_code == 201, answer.text
    offered: dict[str, Any] = answer.json()
    return offered


async def accept(intake: ServiceUnderTest, case_id: CaseId, offered: Mapping[str, Any]) -> httpx.Response:
    body = {"quote_id": offered["quote_id"], "revision": offered["revision"]}
    return await requester(intake, case_id).post(f"/api/intake/cases/{case_id}/accept", json=body, headers=key())


def field_of(html: str, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"no field {name}"
    return found[1]


HTML = {"Accept": "text/html"}
