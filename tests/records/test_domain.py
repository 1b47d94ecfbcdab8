"""The rules alone: what may be, what may not, and that completeness is empty exactly when nothing is missing."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.records.domain import (
    CaseManager,
    Collection,
    Counts,
    Decision,
    Document,
    DocumentId,
    IdentityCheck,
    Item,
    ItemId,
    ItemState,
    Kind,
    Leg,
    Person,
    Refused,
    Shipment,
    Summary,
    Unknown,
    choose_manager,
    completeness,
    decided,
    describing,
    owed_home,
    receiving,
    refuse_uncounted,
    slides_in,
    tied,
)
from shared.ids import CaseId

NOW = datetime(2027, 3, 1, 15, tzinfo=UTC)
MARA = Person("staff-mara", "Mara Lindqvist")
ACCEPTED = Decision(ItemState.ACCEPTED, MARA, NOW)
RETURNED = Decision(ItemState.RETURNED, MARA, NOW, "blurred")
WAIVED = Decision(ItemState.WAIVED, MARA, NOW, "does not exist")


def document(language: str | None = "en", *, matches: bool | None = True, **fields: object) -> Document:
    identity = None if matches is None else IdentityCheck(matches, True, MARA, NOW)
    made = Document(
        DocumentId(uuid4()), "0" * 64, "x.pdf", "application/pdf", 1, MARA, NOW, None, language, None, identity
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def item(*documents: Document, kind: Kind = Kind.DOCUMENT, needed: bool = True) -> Item:
    state = ItemState.UPLOADED if documents else ItemState.NEEDED
    return Item(ItemId(uuid4()), "code", {"en": "An item"}, kind, needed, state, documents)


def collection(*items: Item, **fields: object) -> Collection:
    return replace(Collection(CaseId(uuid4()), request_read=True, paid=True, opened_at=NOW, items=items), **fields)  # type: ignore[arg-type]


def parcel(slides: int = 3, counted: int | None = 3, leg: Leg = Leg.TO_LABORATORY) -> Shipment:
    return Shipment(uuid4(), leg, Counts(slides, 0), MARA, NOW, counted=None if counted is None else Counts(counted, 0))


def accepted(one: Item) -> Item:
    return replace(one, state=ItemState.ACCEPTED, decision=ACCEPTED)


def waived(one: Item) -> Item:
    return replace(one, state=ItemState.WAIVED, decision=WAIVED)


SIGNED = Summary(1, "text", MARA, NOW, MARA, NOW)


def test_an_english_document_of_the_patient_is_accepted() -> None:
    assert accepted(item(document())).state is ItemState.ACCEPTED


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        ((), "no document"),
        ((document(matches=False),), "no document"),
        ((document(matches=None),), "Compare the name"),
        ((document(None),), "which language"),
        ((document("ar"),), "translation"),
        ((document("zxx"),), "translation"),
        ((document(), document("ar")), "translation"),
        ((document(set_aside=True),), "no document"),
    ],
)
def test_nothing_unproven_is_accepted(documents: tuple[Document, ...], words: str) -> None:
    with pytest.raises(Refused, match=words):
        accepted(item(*documents))


def test_images_without_words_need_no_language_of_ours() -> None:
    assert accepted(item(document("zxx"), kind=Kind.IMAGING)).state is ItemState.ACCEPTED


def test_another_language_is_accepted_with_its_translation_even_when_it_had_been_returned() -> None:
    original, translation = document("ar", set_aside=True), document("en")
    both = item(original, translation)

    assert accepted(tied(both, translation.id, original.id)).in_use() == (
        original,
        replace(translation, translation_of=original.id),
    )


def test_a_translation_nobody_compared_with_the_patient_proves_nothing() -> None:
    original, translation = document("ar"), document("en", matches=None)
    with pytest.raises(Refused):
        accepted(tied(item(original, translation), translation.id, original.id))


def test_translations_are_one_deep_in_one_item_and_english() -> None:
    arabic, english, second = document("ar"), document("en"), document("en")
    three = tied(item(arabic, english, second), english.id, arabic.id)

    with pytest.raises(Refused, match="original language"):
        tied(three, second.id, english.id)
    with pytest.raises(Refused, match="original language"):
        tied(item(english, second), second.id, english.id)
    french = document("fr")
    with pytest.raises(Refused, match="itself the original"):
        tied(item(arabic, french, replace(english, translation_of=arabic.id)), arabic.id, french.id)
    with pytest.raises(Refused, match="same item"):
        tied(item(english), english.id, arabic.id)
    with pytest.raises(Refused, match="own translation"):
        replace(english, translation_of=english.id)
    with pytest.raises(Refused, match="Only an English"):
        tied(item(arabic, french), french.id, arabic.id)


@pytest.mark.parametrize("reason", [None, "", "   "])
@pytest.mark.parametrize("state", [ItemState.RETURNED, ItemState.WAIVED])
def test_nobody_returns_or_waives_without_a_reason(state: ItemState, reason: str | None) -> None:
    with pytest.raises(Refused, match="reason"):
        Decision(state, MARA, NOW, reason)


def test_a_decision_has_a_name_and_is_one_of_three() -> None:
    with pytest.raises(Refused, match="name"):
        Person("staff-x", " ")
    with pytest.raises(Refused, match="accepting, returning or waiving"):
        Decision(ItemState.NEEDED, MARA, NOW)


@given(st.sampled_from(ItemState), st.sampled_from([None, ACCEPTED, RETURNED, WAIVED]))
def test_a_state_follows_from_its_decision_or_does_not_exist(state: ItemState, decision: Decision | None) -> None:
    fits = decision.state is state if decision else state in (ItemState.NEEDED, ItemState.UPLOADED)
    try:
        Item(ItemId(uuid4()), "c", {"en": "t"}, Kind.DOCUMENT, True, state, (document(),), decision)
    except Refused:
        assert not fits
    else:
        assert fits


def test_returning_sets_all_documents_aside() -> None:
    one = item(document(), document("ar"))
    back = decided(collection(one), one.id, RETURNED)

    assert back.in_use() == ()
    with pytest.raises(Refused, match="no document"):
        decided(collection(back), one.id, ACCEPTED)


def test_nothing_is_done_before_payment_or_after_withdrawal() -> None:
    one = item(document())
    for closed, words in (
        (collection(one, opened_at=None), "payment"),
        (collection(one, withdrawn_at=NOW), "withdrawn"),
    ):
        for attempt in (
            lambda c: decided(c, one.id, ACCEPTED),
            lambda c: receiving(c, one.id),
            lambda c: describing(c, one.id),
        ):
            with pytest.raises(Refused, match=words):
                attempt(closed)


def test_what_is_settled_takes_no_more_and_after_completeness_stands() -> None:
    one = accepted(item(document()))
    with pytest.raises(Refused, match="settled"):
        receiving(collection(one), one.id)
    with pytest.raises(Refused, match="settled"):
        describing(collection(one), one.id)
    assert decided(collection(one), one.id, RETURNED).state is ItemState.RETURNED
    with pytest.raises(Refused, match="can't change"):
        decided(collection(one, completed_at=NOW), one.id, RETURNED)


def test_only_what_came_can_be_returned_and_only_items_of_the_case_decided() -> None:
    one = item()
    with pytest.raises(Refused, match="Nothing came"):
        decided(collection(one), one.id, RETURNED)
    with pytest.raises(Unknown):
        decided(collection(one), UUID(int=0), WAIVED)
    assert decided(collection(one), one.id, WAIVED).waived


def test_slides_are_accepted_only_when_all_are_counted_and_agree() -> None:
    slides = item(kind=Kind.SLIDES)
    for parcels, words in (((), "counted"), ((parcel(counted=None),), "counted"), ((parcel(3, 2),), "another number")):
        with pytest.raises(Refused, match=words):
            decided(collection(slides, shipments=parcels), slides.id, ACCEPTED)
    assert decided(collection(slides, shipments=(parcel(),)), slides.id, ACCEPTED).state is ItemState.ACCEPTED
    with pytest.raises(Refused, match="courier"):
        receiving(collection(slides), slides.id)


def test_counts_and_parcels_hold_something() -> None:
    with pytest.raises(Refused):
        Counts(-1, 0)
    with pytest.raises(Refused):
        parcel(0)
    with pytest.raises(Refused):
        Summary(1, "  ", MARA, NOW, MARA, NOW)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20), st.sampled_from(Leg)), max_size=6))
def test_what_is_owed_home_is_what_came_less_what_went_and_never_negative(way: list[tuple[int, int, Leg]]) -> None:
    parcels = [parcel(packed, counted, leg) for packed, counted, leg in way]
    came = sum(c for _, c, leg in way if leg is Leg.TO_LABORATORY)
    gone = sum(p for p, _, leg in way if leg is Leg.HOME)

    assert slides_in(parcels) == came
    assert owed_home(parcels).slides == max(0, came - gone)


ITEMS = st.lists(
    st.tuples(st.sampled_from(["needed", "uploaded", "accepted", "waived"]), st.booleans()), min_size=1, max_size=6
)


@given(
    ITEMS, st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["none", "draft", "signed"]),
    st.sampled_from(["no slides", "waived", "uncounted", "differ", "in"]),
)  # fmt: skip
def test_complete_is_exactly_when_nothing_is_missing(
    lines: list[tuple[str, bool]], paid: bool, is_open: bool, withdrawn: bool, read: bool, summary: str, slides: str
) -> None:
    make = {"needed": lambda i: i, "uploaded": lambda i: i, "accepted": accepted, "waived": waived}
    items = [make[state](item(*(() if state == "needed" else (document(),)), needed=needed)) for state, needed in lines]
    parcels: tuple[Shipment, ...] = ()
    if slides != "no slides":
        one = item(kind=Kind.SLIDES)
        items.append(waived(one) if slides == "waived" else accepted(one))
        parcels = {"uncounted": (parcel(counted=None),), "differ": (parcel(3, 2),), "in": (parcel(),)}.get(slides, ())
    case = collection(
        *items, paid=paid, opened_at=NOW if is_open else None, withdrawn_at=NOW if withdrawn else None,
        request_read=read, shipments=parcels,
        summary={"none": None, "draft": Summary(1, "text", MARA, NOW), "signed": SIGNED}[summary],
    )  # fmt: skip

    expected = (
        paid and is_open and not withdrawn and read and summary == "signed" and slides in ("no slides", "waived", "in")
        and all(state in ("accepted", "waived") for state, needed in lines if needed)
    )  # fmt: skip
    assert (completeness(case) == []) is expected


def test_an_empty_checklist_is_not_complete() -> None:
    assert {missing.code for missing in completeness(collection(summary=SIGNED))} == {"collection"}


def test_uncounted_slides_are_refused_whatever_else_came() -> None:
    with pytest.raises(Refused):
        refuse_uncounted([parcel(leg=Leg.HOME)])


MANAGERS = st.lists(
    st.builds(CaseManager, st.text("abc", min_size=1), st.just("N"), st.frozensets(st.sampled_from(["en", "ar", "zh"])), st.integers(0, 5)),
    unique_by=lambda manager: manager.subject,
)  # fmt: skip


@given(MANAGERS, st.lists(st.sampled_from(["en", "ar", "zh", "fr"])))
def test_the_case_goes_to_the_least_loaded_who_speaks_with_the_patient(
    roster: list[CaseManager], spoken: list[str]
) -> None:
    chosen = choose_manager(roster, spoken, (), NOW)
    assume(roster)
    assert chosen is not None
    speakers = [m for m in roster if m.languages & set(spoken)]
    assert chosen in (speakers or roster)
    assert chosen.load == min(m.load for m in speakers or roster)


def test_an_empty_roster_has_nobody() -> None:
    assert choose_manager([], ["en"], (), NOW) is None
