"""The rules of ranking, offers and signing, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.candidates import (
    CaseNeeds,
    Conflicts,
    Discipline,
    Specialist,
    lead_discipline,
    rank,
    same_name,
)
from services.matching.domain.offers import Offer, OfferState
from services.matching.domain.opinions import Answer, OpinionText, Outcome, Question, check_signature, gaps
from services.matching.domain.values import Refused
from shared.ids import CaseId, new_id

NOW = datetime(2027, 3, 1, 15, tzinfo=UTC)
BREAST = CaseNeeds(discipline=Discipline.ONCOLOGY, cancer_type="breast", patient="Mona Idris", languages=("ar",))


def a_specialist(name: str = "Dr Ann Bell", **fields: Any) -> Specialist:
    return Specialist(**{
        "id": new_id(), "subject": name, "name": name, "credentials": "Oncology", "discipline": Discipline.ONCOLOGY,
        "subspecialties": ("breast",), "capacity": 10,
    } | fields)  # fmt: skip


def an_offer(**fields: Any) -> Offer:
    return Offer(**{
        "id": new_id(), "case_id": CaseId(new_id()), "discipline": Discipline.ONCOLOGY, "specialist_id": new_id(),
        "rank": 1, "state": OfferState.OFFERED, "expires_at": NOW + timedelta(hours=48),
    } | fields)  # fmt: skip


names = st.sampled_from(["Dr Ann Bell", "Dr Béla Kun", "Dr Cai Wen", "Dr Dora Ek", "Dr Eli Fox", "Dr Fay Gil"])
specialists = st.builds(
    Specialist,
    id=st.uuids(), subject=st.uuids().map(str), name=names, credentials=st.just("Oncology"),
    discipline=st.sampled_from(Discipline), subspecialties=st.sampled_from([("breast",), ("lung",), ("general",), ()]),
    languages=st.sampled_from([("en",), ("en", "ar")]), capacity=st.integers(0, 5), open_cases=st.integers(0, 6),
    recent_cases=st.integers(0, 9), active=st.booleans(),
    conflicts=st.sampled_from([Conflicts(), Conflicts(institutions=("Amman Clinic",)), Conflicts(relations=("Mona Idris",))]),
)  # fmt: skip
rosters = st.lists(specialists, max_size=8, unique_by=lambda one: one.id)


@given(rosters)
def test_every_peer_is_ranked_or_left_out_with_a_reason_and_nobody_else_is(roster: list[Specialist]) -> None:
    ranking = rank(BREAST, roster)
    named = [one.specialist.id for one in (*ranking.candidates, *ranking.excluded)]
    assert sorted(named) == sorted(one.id for one in roster if one.discipline is Discipline.ONCOLOGY)
    assert all(one.sentence for one in ranking.excluded)


@given(rosters, st.randoms())
def test_the_order_of_the_roster_changes_nothing(roster: list[Specialist], random: Any) -> None:
    shuffled = list(roster)
    random.shuffle(shuffled)
    assert rank(BREAST, shuffled) == rank(BREAST, roster)


@given(rosters)
def test_nobody_with_a_conflict_without_room_or_away_is_a_candidate(roster: list[Specialist]) -> None:
    needs = BREAST.model_copy(update={"institution": "The Amman Clinic"})
    for candidate in rank(needs, roster).candidates:
        one = candidate.specialist
        assert one.conflicts == Conflicts()
        assert one.active
        assert one.free > 0
        assert 0 <= candidate.score <= 100
    scores = [candidate.score for candidate in rank(needs, roster).candidates]
    assert scores == sorted(scores, reverse=True)


@given(specialists, st.integers(0, 4))
def test_more_room_never_makes_a_specialist_worse(one: Specialist, taken: int) -> None:
    busy = one.model_copy(update={
        "capacity": 5, "open_cases": taken, "active": True, "conflicts": Conflicts(), "discipline": Discipline.ONCOLOGY,
    })  # fmt: skip
    free = busy.model_copy(update={"open_cases": 0})
    assert rank(BREAST, [free]).candidates[0].score >= rank(BREAST, [busy]).candidates[0].score


def test_the_tumours_own_specialist_comes_before_a_neighbour_and_a_generalist() -> None:
    needs = BREAST.model_copy(update={"cancer_type": "liver_pancreas"})
    own, near, general, other = (
        a_specialist(f"Dr {name}", subspecialties=(field,), open_cases=load)
        for name, field, load in (
            ("Own Own", "liver_pancreas", 9), ("Near By", "liver_bile", 0), ("Gen Eral", "general", 0), ("Oth Er", "lung", 0),
        )
    )  # fmt: skip
    ranking = rank(needs, [other, general, near, own])
    assert [one.specialist.name for one in ranking.candidates] == [
        "Dr Own Own",
        "Dr Near By",
        "Dr Gen Eral",
        "Dr Oth Er",
    ]


def test_a_shared_language_and_fairness_break_a_tie() -> None:
    plain, speaks, tired = (
        a_specialist("Dr A A"),
        a_specialist("Dr B B", languages=("en", "ar")),
        a_specialist("Dr C C", recent_cases=8),
    )
    assert [one.specialist.name for one in rank(BREAST, [tired, plain, speaks]).candidates] == [
        "Dr B B",
        "Dr A A",
        "Dr C C",
    ]


@pytest.mark.parametrize(
    ("conflicts", "needs", "word"),
    [
        ({"institutions": ("Amman Clinic",)}, {"institution": "Amman Clinic, Wing B"}, "institution"),
        ({"institutions": ("Klinik Süd",)}, {"institution": "klinik sud"}, "institution"),
        ({"physicians": ("Layla Mansour",)}, {"physician": "Prof. MANSOUR, Layla"}, "physician"),
        ({"relations": ("Mona Idris",)}, {}, "patient"),
        ({}, {"physician": "Ann Bell"}, "physician"),
        ({}, {"patient": "Bell Ann Maria"}, "patient"),
    ],
)
def test_a_declared_tie_rules_a_specialist_out(conflicts: Any, needs: Any, word: str) -> None:
    ranking = rank(BREAST.model_copy(update=needs), [a_specialist(conflicts=Conflicts(**conflicts))])
    assert ranking.candidates == ()
    assert "Conflict of interest" in ranking.excluded[0].sentence
    assert word in ranking.excluded[0].sentence


@pytest.mark.parametrize(
    "needs", [{"physician": "Ann Archer"}, {"physician": ""}, {"institution": "Clinic"}, {"patient": "Bell"}]
)
def test_a_single_common_word_is_no_conflict(needs: Any) -> None:
    declared = Conflicts(institutions=("Amman Clinic",), physicians=("Ann Smith",))
    assert rank(BREAST.model_copy(update=needs), [a_specialist(conflicts=declared)]).excluded == ()


def test_who_declined_is_not_asked_again() -> None:
    one = a_specialist()
    assert rank(BREAST, [one], {one.id: "declined it"}).excluded[0].sentence == "Was asked before and declined it."


@pytest.mark.parametrize(
    ("specialties", "leads"),
    [
        (("pathology", "oncology", "radiology"), "oncology"), (("radiology",), "radiology"),
        (("radiology", "pathology"), "pathology"), (("integrative",), "integrative"), (("integrative", "oncology"), "oncology"),
        (("surgery",), "oncology"),
    ],
)  # fmt: skip
def test_an_oncologist_leads_unless_no_service_calls_for_one(specialties: tuple[str, ...], leads: str) -> None:
    assert lead_discipline(specialties) == leads


def test_an_offer_is_accepted_with_the_declaration_and_in_time_only() -> None:
    offer = an_offer()
    assert offer.accept(True, NOW).state is OfferState.ACCEPTED
    with pytest.raises(Refused, match="conflict of interest"):
        offer.accept(False, NOW)
    with pytest.raises(Refused, match="run out"):
        offer.accept(True, NOW + timedelta(hours=48))
    for state in set(OfferState) - {OfferState.OFFERED}:
        with pytest.raises(Refused, match="closed"):
            an_offer(state=state).accept(True, NOW)


def test_declining_takes_a_reason() -> None:
    assert an_offer().decline(" On leave ", NOW).reason == "On leave"
    with pytest.raises(Refused, match="why"):
        an_offer().decline("  ", NOW)


@given(st.sampled_from(OfferState), st.integers(-100, 100))
def test_only_an_open_offer_past_its_clock_expires(state: OfferState, hours: int) -> None:
    offer = an_offer(state=state)
    expired = offer.expire(NOW + timedelta(hours=hours))
    if state is OfferState.OFFERED and hours >= 48:
        assert expired.state is OfferState.EXPIRED
    else:
        assert expired is offer


QUESTIONS = [Question(id=str(number), text=f"Question {number}?") for number in range(4)]
WRITTEN = OpinionText(received="a", history="b", assessment="c", plan="d", limits="e")
answers = st.lists(
    st.builds(
        Answer, question_id=st.sampled_from([*(one.id for one in QUESTIONS), "unknown"]),
        outcome=st.sampled_from([None, *Outcome]), text=st.sampled_from(["", "  ", "Yes."]),
    ),
    max_size=5, unique_by=lambda one: one.question_id,
)  # fmt: skip


@given(answers)
def test_a_question_stays_open_until_it_has_an_outcome_and_words(given_answers: list[Answer]) -> None:
    text = WRITTEN.model_copy(update={"answers": tuple(given_answers)})
    settled = {one.question_id for one in given_answers if one.outcome and one.text}
    assert {gap.field for gap in gaps(text, QUESTIONS)} == {
        f"answer-{one.id}" for one in QUESTIONS if one.id not in settled
    }


@pytest.mark.parametrize("section", ["received", "history", "assessment", "plan", "limits"])
def test_every_section_must_be_written(section: str) -> None:
    assert [gap.field for gap in gaps(OpinionText(**(WRITTEN.model_dump() | {section: " \n"})), [])] == [section]


def test_the_signature_is_the_authors_own_name_and_a_deliberate_yes() -> None:
    assert check_signature("Dr Imani Okafor", "imani  OKAFOR", True) == ()
    assert [gap.field for gap in check_signature("Dr Imani Okafor", "Yusuf Demir", False)] == ["name", "confirm"]
    assert not same_name("Dr", "Dr")


@given(st.text())
def test_prose_keeps_no_control_characters_and_no_hidden_turns(text: str) -> None:
    kept = OpinionText(plan=text).plan
    assert not any(ord(c) < 32 and c not in "\n\t" for c in kept)
    assert not set(kept) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069")
    assert OpinionText(plan=kept).plan == kept
