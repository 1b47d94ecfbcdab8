"""What a request, a selection, a quote and a case may be: plain asserts and properties, no database."""

from datetime import UTC, datetime, timedelta
from itertools import chain, combinations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.domain import (
    MAY,
    Quote,
    QuoteState,
    Refused,
    Request,
    ServiceSelection,
    Stage,
    Step,
    Stream,
    Unacceptable,
    check_may,
    check_move,
    check_request,
)
from shared import programme
from shared.events import Money
from tests.intake.asking import RULES, a_request, by_clinician, by_patient

NOW = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)
QUOTE_ID = UUID("0190f000-0000-7000-8000-00000000000a")
SERVICES = ("comprehensive", "video", "written", "pathology", "radiology", "integrative")
HARBORLIGHT = programme.current("harborlight_integrative")


def request(body: dict[str, Any]) -> Request:
    return Request.model_validate(body)


def asks(**changes: Any) -> dict[str, Any]:
    return {**a_request()["requester"], **changes}


@pytest.mark.parametrize("body", [a_request(), by_patient(), by_clinician()])
def test_each_way_in_makes_a_request(body: dict[str, Any]) -> None:
    made = request(body)
    check_request(made, RULES, NOW.date())
    assert made.stream is Stream.REMOTE


def test_who_forgets_to_choose_lands_in_the_in_person_stream() -> None:
    body = a_request()
    del body["stream"]
    assert request(body).stream is Stream.IN_PERSON


@pytest.mark.parametrize("body", [
    a_request(reasons=[]),
    a_request(reasons=["peace_of_mind", "peace_of_mind"]),
    a_request(consent={**a_request()["consent"], "accepted": False}),
    a_request(consent={**a_request()["consent"], "signed_name": "  "}),
    a_request(emergency_notice_version=""),
    a_request(path="referral"),
    by_clinician(path="new_patient"),
    a_request(requester=asks(authority="self")),
    a_request(requester=asks(authority="referring_clinician")),
    a_request(requester=asks(relationship=None)),
    a_request(requester=asks(email="nobody")),
    a_request(requester=asks(phone="call me")),
    a_request(requester=asks(role="patient")),
    by_clinician(requester={**by_clinician()["requester"], "authority": "permission"}),
    a_request(contact="patient"),
    a_request(patient={**a_request()["patient"], "languages": []}),
    a_request(patient={**a_request()["patient"], "country": "Brazil"}),
    a_request(mood="hopeful"),
])  # fmt: skip
def test_a_request_that_lacks_something_does_not_exist(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        request(body)


@pytest.mark.parametrize(("change", "said"), [
    ({"reasons": ["curious"]}, "curious"),
    ({"interests": ["massage"]}, "massage"),
    ({"cancer_type": "unheard_of"}, "unheard_of"),
    ({"consent": {**a_request()["consent"], "version": "consent.v0"}}, "consent text has changed"),
    ({"emergency_notice_version": "emergency_notice.v0"}, "emergency notice has changed"),
    ({"patient": {**a_request()["patient"], "birth_date": "2027-03-02"}}, "not in the future"),
])  # fmt: skip
def test_a_request_speaks_its_programmes_language_and_its_texts_in_force(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        check_request(request(a_request(**change)), RULES, NOW.date())
    assert len(refused.value.sentences) == 1
    assert said in str(refused.value)


def test_possible_surgery_is_advised_on_and_never_refused() -> None:
    made = request(a_request(surgery="yes"))
    check_request(made, RULES, NOW.date())
    assert made.surgery_advice
    assert not request(a_request()).surgery_advice


def sold_by_the_reference_programme(chosen: frozenset[str]) -> bool:
    """Read R13-R16 aloud, without the programme's data."""
    if not chosen:
        return False
    if "comprehensive" in chosen and chosen & {"pathology", "radiology", "written"}:
        return False  # R13 holds these consultations already
    needs_consult = "integrative" in chosen
    return not needs_consult or bool(chosen & {"comprehensive", "written", "video"})


ALL_SELECTIONS = [frozenset(s) for s in chain.from_iterable(combinations(SERVICES, n) for n in range(7))]


@pytest.mark.parametrize("chosen", ALL_SELECTIONS, ids=lambda chosen: "+".join(sorted(chosen)) or "nothing")
def test_a_selection_exists_exactly_when_r13_to_r16_allow_it(chosen: frozenset[str]) -> None:
    codes = tuple(code for code in SERVICES if code in chosen)
    if sold_by_the_reference_programme(chosen):
        assert ServiceSelection(codes, RULES).codes == codes
    else:
        with pytest.raises(Unacceptable) as refused:
            ServiceSelection(codes, RULES)
        assert all(sentence.endswith(".") for sentence in refused.value.sentences)


def test_another_programme_sells_integrative_medicine_alone() -> None:
    assert ServiceSelection(("integrative",), HARBORLIGHT).codes == ("integrative",)
    with pytest.raises(Unacceptable):
        ServiceSelection(("integrative",), RULES)


@given(st.lists(st.sampled_from([*SERVICES, "unknown"]), max_size=8))
def test_no_selection_holds_a_service_twice_or_an_unknown_one(codes: list[str]) -> None:
    try:
        made = ServiceSelection(tuple(codes), RULES)
    except Unacceptable:
        pass
    else:
        assert len(set(made.codes)) == len(made.codes)
        assert "unknown" not in made.codes


def quote(state: QuoteState = QuoteState.OPEN, revision: int = 2) -> Quote:
    price = Money(amount_minor=1, currency="USD")
    return Quote(QUOTE_ID, revision, ("written",), price, NOW + timedelta(days=14), NOW, "staff-ada", "", state)


@given(st.sampled_from(QuoteState), st.integers(1, 3), st.timedeltas(timedelta(0), timedelta(days=30)))
def test_a_quote_is_answered_once_in_its_own_revision_and_within_its_time(
    state: QuoteState, revision: int, later: timedelta
) -> None:
    answerable = state is QuoteState.OPEN and revision == 2 and later < timedelta(days=14)
    try:
        quote(state).check_answerable(QUOTE_ID, revision, NOW + later)
    except Refused:
        assert not answerable
    else:
        assert answerable


def test_another_quotes_revision_is_not_this_one() -> None:
    with pytest.raises(Refused, match="newer quote"):
        quote().check_answerable(UUID(int=1), 2, NOW)


@pytest.mark.parametrize("step", list(Step))
def test_a_case_that_was_withdrawn_or_goes_on_in_another_takes_no_step(step: Step) -> None:
    with pytest.raises(Refused, match="withdrawn"):
        check_may(step, Stage.WITHDRAWN)
    with pytest.raises(Refused, match="another case"):
        check_may(step, Stage.CONTINUED)


@given(st.sampled_from(Step), st.sampled_from(Stage))
def test_a_step_may_happen_exactly_where_the_table_says(step: Step, stage: Stage) -> None:
    if stage in MAY[step]:
        check_may(step, stage)
    else:
        with pytest.raises(Refused, match=r"\.$"):
            check_may(step, stage)


def test_withdrawal_is_possible_at_every_stage_of_a_case_that_goes_on_by_itself() -> None:
    assert MAY[Step.WITHDRAW] == set(Stage) - {Stage.WITHDRAWN, Stage.CONTINUED}


def test_a_move_needs_another_stream_and_a_reason() -> None:
    check_move(Stream.IN_PERSON, Stream.REMOTE, "asked by phone")
    for to, reason in ((Stream.IN_PERSON, "why"), (Stream.REMOTE, "  ")):
        with pytest.raises(Refused):
            check_move(Stream.IN_PERSON, to, reason)
