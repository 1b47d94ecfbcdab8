"""Which invoice a wire may be for: the one sure rule, and what is near, with reasons (R21)."""

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import creditor_reference, find_references
from services.billing.suggestions import Candidate, Suggester, Wire, names_alike, sure_match
from shared.events import Money
from shared.ids import CaseId, new_case_number
from tests.billing.conftest import NUMBER, usd

REFERENCE = creditor_reference(NUMBER, 1)
INVOICE = Candidate(uuid4(), CaseId(uuid4()), NUMBER, 1, REFERENCE, usd(250_000), live=True)
WIRE = Wire(usd(250_000), REFERENCE, "Amal Haddad")
LIMITS = {"USD": 5_000}


def reasons(wire: Wire, *candidates: Candidate) -> list[tuple[str, ...]]:
    return [one.reasons for one in Suggester(candidates or (INVOICE,), LIMITS).suggest(wire)]


def test_only_a_sound_reference_with_exactly_what_is_missing_is_sure() -> None:
    found = sure_match(WIRE, [INVOICE])
    assert found
    assert "exactly what was missing" in found[1]
    assert sure_match(WIRE, [INVOICE, INVOICE]), "one invoice named twice is one invoice"
    for wire, named in (
        (WIRE, []),
        (WIRE, [INVOICE, replace(INVOICE, invoice_id=uuid4())]),
        (WIRE, [replace(INVOICE, live=False)]),
        (replace(WIRE, amount=usd(249_999)), [INVOICE]),
        (replace(WIRE, amount=Money(amount_minor=250_000, currency="EUR")), [INVOICE]),
        (replace(WIRE, twin_line=7), [INVOICE]),
    ):
        assert sure_match(wire, named) is None


@given(
    st.integers(0, 13), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), st.sampled_from(["change", "drop", "add"])
)
def test_any_one_slip_in_a_reference_is_found_and_never_taken_for_sound(at: int, put: str, how: str) -> None:
    plain = REFERENCE.replace(" ", "")
    text = plain[:at] + {"change": put, "drop": "", "add": put + plain[at]}[how] + plain[at + 1 :]
    text = f"invoice {text} of March" if how != "drop" else text
    [found] = Suggester([INVOICE], LIMITS).suggest(replace(WIRE, text=text))
    assert found.candidate is INVOICE
    if (NUMBER[:9], 1) not in find_references(text):
        assert "slip of the pen" in found.reasons[0]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (replace(WIRE, text=f"my case {NUMBER.lower()}"), "case number"),
        (replace(WIRE, text=""), "Exactly what is missing"),
        (replace(WIRE, amount=usd(245_000)), "banks' charges may have kept it"),
        (replace(WIRE, amount=usd(244_999)), "would still be missing"),
        (replace(WIRE, amount=usd(243_000), charges_minor=7_000), "banks' charges may have kept it"),
        (replace(WIRE, amount=usd(250_001)), "more than what is missing"),
        (
            replace(WIRE, amount=usd(270_000), text="", instructed=Money(amount_minor=250_000, currency="EUR")),
            "same figures",
        ),
        (
            replace(WIRE, amount=Money(amount_minor=231_000, currency="EUR"), text="", instructed=usd(250_000)),
            "was instructed",
        ),
        (replace(WIRE, amount=Money(amount_minor=231_000, currency="EUR")), "Another currency"),
    ],
)
def test_each_suggestion_says_why(wire: Wire, reason: str) -> None:
    [found] = reasons(wire)
    assert any(reason in one for one in found), found


def test_the_likeliest_comes_first_and_what_fits_nothing_gets_none() -> None:
    other = replace(
        INVOICE, invoice_id=uuid4(), case_number=new_case_number(), reference=creditor_reference(new_case_number(), 1)
    )
    ranked = Suggester([other, INVOICE], LIMITS).suggest(WIRE)
    assert [one.candidate for one in ranked] == [INVOICE, other]
    assert reasons(replace(WIRE, text="rent", amount=usd(31))) == []
    assert len(Suggester([replace(INVOICE, invoice_id=uuid4()) for _ in range(9)], LIMITS).suggest(WIRE)) == 5


def test_names_help_in_whatever_order_their_parts_stand() -> None:
    assert names_alike("HADDAD, AMAL", "Amal Haddad")
    assert not names_alike("Amal Haddad", "Wei Zhang")
    assert not names_alike("", "")
    wire = replace(WIRE, text="", amount=usd(31))
    [known] = reasons(wire, replace(INVOICE, payers=("Amal  Hadad",)))
    assert "paid for this case before" in known[0]
    [asked] = Suggester([INVOICE], LIMITS).suggest(wire, {INVOICE.case_id: ("Amal Haddad",)})
    assert "near the patient" in asked.reasons[0]
