"""Letting in whom another service vouches for: once, for minutes, to one case's records and nothing else (R9, R22)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from shared.ids import CaseId, new_id
from tests.intake.asking import submit
from tests.support.service import ServiceUnderTest


async def makes(intake: ServiceUnderTest, case_id: CaseId, **fields: Any) -> httpx.Response:
    body = {"guest_id": str(new_id()), "name": "Noura Madeup", "path": f"/my/records/cases/{case_id}"} | fields
    records = intake.as_service("records")
    return await records.post(
        f"/api/intake/cases/{case_id}/guest-links", json=body, headers={"Idempotency-Key": uuid4().hex}
    )


async def test_a_guests_link_opens_records_once_and_nothing_of_intakes(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    path = (await makes(intake, case_id)).json()["path"]

    entered = await intake.http.post(path)
    assert (entered.status_code, entered.headers["location"]) == (303, f"/my/records/cases/{case_id}")
    intake.http.cookies.update(entered.cookies)
    for closed in (f"/my/cases/{case_id}", f"/api/intake/cases/{case_id}"):
        assert (await intake.http.get(closed)).status_code == 403
    home = await intake.http.get("/my")
    assert (home.status_code, home.headers["location"]) == (303, f"/my/records/cases/{case_id}")
    assert (await intake.http.post(path)).status_code == 410


async def test_a_guests_link_is_too_old_after_minutes_and_leads_nowhere_else(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    path = (await makes(intake, case_id)).json()["path"]
    intake.clock.at += timedelta(minutes=6)

    assert (await intake.http.post(path)).status_code == 410
    assert (await makes(intake, case_id, path="/desk")).status_code == 409
