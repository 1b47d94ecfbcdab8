"""What was accepted may become too old while the case waits: it is asked for again, with the reason at the line (R23)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.records.domain import (
    Decision,
    Document,
    DocumentId,
    IdentityCheck,
    Item,
    ItemId,
    ItemState,
    Kind,
    Person,
    Refused,
    fresh_until,
    lapsed,
    next_check,
    refuse_too_old,
)
from shared.events import MaterialReturned
from shared.ids import new_id
from shared.web import Role
from tests.records.conftest import Case
from tests.records.made_up import dicom
from tests.support.service import A_MONDAY

MARA = Person("staff-mara", "Mara Lindqvist")
CAME = datetime(2027, 3, 1, 12, tzinfo=UTC)


def document(**fields: Any) -> Document:
    check = IdentityCheck(True, True, MARA, CAME)
    return Document(**{
        "id": DocumentId(new_id()), "sha256": "ab" * 32, "name": "x.pdf", "media_type": "application/pdf", "size": 9,
        "uploaded_by": MARA, "uploaded_at": CAME, "language": "en", "identity": check,
    } | fields)  # fmt: skip


def accepted(*documents: Document, max_age: timedelta | None = timedelta(days=90)) -> Item:
    return Item(
        ItemId(new_id()), "clinical_summary", {"en": "Summary"}, Kind.DOCUMENT, True, ItemState.ACCEPTED, documents,
        Decision(ItemState.ACCEPTED, MARA, CAME), max_age=max_age,
    )  # fmt: skip


def test_the_newest_document_that_counts_says_how_fresh_an_item_is() -> None:
    item = accepted(document(dated_on=date(2027, 1, 1)), document(dated_on=date(2027, 2, 1)))
    assert fresh_until(item) == datetime(2027, 5, 2, tzinfo=UTC)
    assert fresh_until(accepted(document())) == datetime(2027, 5, 30, tzinfo=UTC), "undated: the day it came"
    assert fresh_until(accepted(document(), max_age=None)) is None


def test_an_item_lapses_at_its_last_instant_and_not_before() -> None:
    item = accepted(document(dated_on=date(2027, 2, 1)))
    end = fresh_until(item)
    assert end is not None
    assert lapsed([item], end - timedelta(seconds=1)) == []
    assert lapsed([item], end) == [item]
    assert next_check([accepted(document()), item]) == end
    with pytest.raises(Refused, match="at most 90 days old"):
        refuse_too_old(item, end)


async def test_what_becomes_too_old_while_the_case_waits_is_asked_for_again_and_the_patient_told_once(
    case: Case,
) -> None:
    sent = await case.uploads("clinical_summary")
    assert (await case.describes("clinical_summary", sent, dated_on="2027-01-15")).status_code == 200
    assert (await case.identifies("clinical_summary", sent)).status_code == 200
    assert (await case.decides("clinical_summary", "accept")).status_code == 200

    await case.records.run_timers(at=datetime(2027, 4, 14, 23, tzinfo=UTC))
    case.manager = case.records.sign_in(Role.CASE_MANAGER, subject="staff-mara", name="Mara Lindqvist")
    assert (await case.item("clinical_summary"))["state"] == "accepted"
    await case.records.run_timers(at=datetime(2027, 4, 15, 1, tzinfo=UTC))

    item = await case.item("clinical_summary")
    assert (item["state"], item["lapsed_on"], item["documents"][0]["set_aside"]) == ("needed", "2027-01-15", True)
    assert len(await case.records.emitted(MaterialReturned)) == 1
    page = await fresh_patient(case).get(f"/my/records/cases/{case.id}")
    assert "It may be at most 90 days old, so please send a newer one." in page.text
    await case.records.run_timers()
    assert len(await case.records.emitted(MaterialReturned)) == 1


def fresh_patient(case: Case) -> Any:
    """Sign in again: the session of weeks ago is over."""
    return case.records.sign_in(Role.PATIENT, subject="patient-again", name="Made Up", cases=[case.id])


async def test_what_is_too_old_already_is_not_accepted(case: Case) -> None:
    sent = await case.uploads("clinical_summary")
    await case.describes("clinical_summary", sent, dated_on="2026-06-01")
    await case.identifies("clinical_summary", sent)

    answer = await case.decides("clinical_summary", "accept")
    assert answer.status_code == 409
    assert "at most 90 days old" in answer.json()["detail"]
    future = await case.describes("clinical_summary", sent, dated_on="2028-01-01")
    assert future.status_code == 409


async def test_what_may_become_too_old_is_not_accepted_before_its_own_day_is_said(case: Case) -> None:
    sent = await case.uploads("clinical_summary")
    await case.describes("clinical_summary", sent, dated_on=None)
    await case.identifies("clinical_summary", sent)

    undated = await case.decides("clinical_summary", "accept")
    await case.describes("clinical_summary", sent, dated_on="2026-12-20")
    dated = await case.decides("clinical_summary", "accept")

    assert (undated.status_code, dated.status_code) == (409, 200)
    assert "Say the day of the examination or letter" in undated.json()["detail"]


async def test_a_scan_is_of_the_day_that_it_says_until_somebody_says_another(case: Case) -> None:
    sent = await case.uploads("imaging", dicom())
    page = (await case.manager.get(f"/desk/records/cases/{case.id}")).text
    assert 'value="2026-01-02" required' in page
    assert "it can&#39;t be accepted without" in page or "it can't be accepted without" in page

    await case.describes("imaging", sent, dated_on=None, language="zxx")
    await case.identifies("imaging", sent)
    answer = await case.decides("imaging", "accept")

    assert (answer.status_code, "is of 2026-01-02" in answer.json()["detail"]) == (409, True)
    assert (await case.describes("imaging", sent, dated_on="2026-12-01")).status_code == 200
    assert (await case.decides("imaging", "accept")).status_code == 200


async def test_a_newer_document_mends_it_and_a_complete_case_is_left_alone(case: Case) -> None:
    await case.completes()
    await case.records.run_timers(at=A_MONDAY + timedelta(days=400))

    assert (await case.records.fetch("SELECT count(*) AS n FROM items WHERE state = 'needed' AND needed"))[0]["n"] == 0
    assert await case.records.emitted(MaterialReturned) == []
