"""The worklist: what each case waits for, since when, narrowed with counts and ordered (R22)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.records.domain.worklist import Line, Sort, View, Waits, chosen, facets
from shared.web import Role
from tests.records.conftest import Case
from tests.records.test_guides import opens
from tests.support.service import ServiceUnderTest

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def line(number: int = 0, **fields: Any) -> Line:
    return Line(**{
        "case_id": UUID(int=number), "case_number": str(number), "manager": "m", "manager_name": "M", "opened_at": NOW,
        "completed_at": None, "missing": {"imaging": "Scans"}, "to_review": 0, "questions": 0, "late": 0,
        "never_made": 0, "lapsed": 0, "to_send": 1, "since": NOW, "heard_at": NOW,
    } | fields)  # fmt: skip


def test_our_own_moves_stand_first_and_a_complete_case_waits_for_nothing() -> None:
    assert line(questions=1, to_review=2).waits == (Waits.ANSWER, Waits.REVIEW, Waits.SENDERS)
    assert line(missing={}, to_send=0).waits == (Waits.SUMMARY,)
    assert line(missing={}, to_send=0, completed_at=NOW).waits == (Waits.NOTHING,)
    assert line(missing={}, to_send=0, completed_at=NOW, late=1).waits == (Waits.LATE,)


def test_ticks_in_one_group_widen_and_groups_narrow_each_other() -> None:
    lines = [line(1), line(2, missing={"slides": "Slides"}), line(3, manager="n", manager_name="N")]
    both = View(missing=frozenset({"imaging", "slides"}))
    assert len(chosen(lines, both)) == 3
    view = View(missing=frozenset({"imaging"}), managers=frozenset({"m"}))
    assert [one.case_number for one in chosen(lines, view)] == ["1"]
    counts = {one.value: one.count for one in facets(lines, view)["missing"]}
    assert counts == {"imaging": 1, "slides": 1}, "what each tick would show beside what else is ticked"


LINES = st.lists(
    st.builds(
        line, st.integers(0, 9), since=st.datetimes(timezones=st.just(UTC)), to_review=st.integers(0, 1),
        missing=st.dictionaries(st.sampled_from("abc"), st.just("T")), manager=st.sampled_from("mn"),
    ),
    max_size=8,
)  # fmt: skip


@given(LINES, st.sampled_from(Sort))
def test_a_count_beside_a_choice_is_what_choosing_it_alone_shows(lines: list[Line], sort: Sort) -> None:
    for group, offered in facets(lines, View(sort=sort)).items():
        for one in offered:
            assert one.count == len(chosen(lines, View(**{group: frozenset({one.value})}, sort=sort)))


async def test_the_list_says_what_each_case_waits_for_and_since_when(seeded: ServiceUnderTest) -> None:
    quiet, sent = await opens(seeded), await opens(seeded)
    seeded.clock.at += timedelta(days=3)
    fresh = {"_": sent.records.sign_in(Role.PATIENT, subject="p", name="Made Up", cases=[sent.id])}
    sent.patient, sent.manager = (
        fresh["_"],
        seeded.sign_in(Role.CASE_MANAGER, subject="staff-mara", name="Mara Lindqvist"),
    )
    await sent.uploads("clinical_summary")

    found = (await sent.manager.get("/api/records/worklist", params={"waits": "review"})).json()
    assert (found["total"], found["cases"][0]["case_id"]) == (1, str(sent.id))
    assert "imaging" in found["cases"][0]["missing"]
    everything = (await sent.manager.get("/api/records/worklist", params={"sort": "quiet"})).json()
    assert [one["case_id"] for one in everything["cases"]] == [str(quiet.id), str(sent.id)]
    page = (await sent.manager.get("/desk/records")).text
    assert "To check" in page
    assert "3 days ago" in page
    narrowed = (await sent.manager.get("/desk/records", params={"waits": "review", "sort": "missing"})).text
    assert str(quiet.id) not in narrowed
    assert (await sent.manager.get("/desk/records", params={"waits": "x", "sort": "y", "page": "z"})).status_code == 200


async def test_a_case_manager_sees_their_own_cases_first_and_the_laboratory_nothing_clinical(case: Case) -> None:
    other = case.records.sign_in(Role.CASE_MANAGER, subject="staff-tomas", name="Tomas Oyelaran")
    await case.post("/hand-overs", {"to": "staff-tomas"})
    assert "1</strong> in this list" in (await other.get("/desk/records")).text
    lab = (await case.lab.get("/desk/records")).text
    assert "Scans as DICOM files" not in lab
    assert str(case.id) in lab
    assert (await case.lab.get("/api/records/worklist")).status_code == 403
    assert (await case.patient.get("/desk/records")).status_code == 403
