"""The basket's rules against a reading of R13-R17 written without the programme's code, and prices that add up."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake.basket import Basket, judged, minor_units
from services.intake.domain import ServiceSelection, Unacceptable
from services.intake.pricing import Asked, price, whole_of
from shared.money import plain
from tests.intake.asking import RULES

SERVICES = ("comprehensive", "video", "written", "pathology", "radiology", "integrative")
chosen = st.lists(st.sampled_from(SERVICES), max_size=7)


def allowed(codes: list[str]) -> bool:
    """R13-R17 as the page says them: what a reader would let through, word by word."""
    has = set(codes)
    if not codes or len(has) != len(codes):
        return False
    standalone = has & {"written", "pathology", "radiology"}
    if "comprehensive" in has and standalone:
        return False
    oncology = has & {"comprehensive", "written", "video"}
    return "integrative" not in has or bool(oncology)


@given(chosen)
def test_the_basket_takes_what_a_reader_of_the_rules_would_take(codes: list[str]) -> None:
    if allowed(codes):
        assert ServiceSelection(tuple(codes), RULES).codes == tuple(codes)
    else:
        with pytest.raises(Unacceptable) as refused:
            ServiceSelection(tuple(codes), RULES)
        assert all(sentence.strip() for sentence in refused.value.sentences)


@given(chosen, chosen)
def test_what_is_added_is_judged_with_what_is_agreed(agreed: list[str], added: list[str]) -> None:
    if not allowed(agreed):
        return
    fine = bool(added) and not set(agreed) & set(added) and allowed([*agreed, *added])
    try:
        ServiceSelection(whole_of(RULES, agreed, added), RULES)
    except Unacceptable:
        assert not fine
    else:
        assert fine


@given(chosen.map(lambda codes: list(dict.fromkeys(codes))))
def test_each_change_that_is_proposed_mends_the_basket(codes: list[str]) -> None:
    basket = cast("Basket", SimpleNamespace(agreed=None, rules=RULES, offered=list(SERVICES)))
    said = judged(basket, codes, None)
    assert bool(said.refusals) == (bool(codes) and not allowed(codes))
    titles = {RULES.catalogue[code].title: code for code in SERVICES}
    for sentence in said.mends:
        code = titles[sentence.partition("“")[2].removesuffix("”")]
        changed = [*codes, code] if sentence.startswith("add") else [one for one in codes if one != code]
        assert allowed(changed)
        assert (code in codes) == sentence.startswith("take out")


@given(
    chosen.map(lambda codes: list(dict.fromkeys(codes))),
    st.dictionaries(st.sampled_from(SERVICES), st.integers(0, 10**9)),
    st.integers(0, 10**9),
    st.none() | st.integers(0, 10**9),
    st.sampled_from(["", "Agreed by phone"]),
)
def test_a_price_adds_up_is_never_below_zero_and_has_a_reason_when_it_is_individual(
    codes: list[str], amounts: dict[str, int], discount: int, total: int | None, reason: str
) -> None:
    asked = Asked({code: amounts[code] for code in amounts if code in codes}, discount, total, reason)
    sample = sum(RULES.catalogue[code].price_minor for code in codes)
    try:
        made = price(RULES, codes, asked)
    except Unacceptable:
        return
    assert made.total_minor == sum(line.amount_minor for line in made.lines) + made.adjustment_minor >= 0
    assert total is None or made.total_minor == total
    assert made.reason or made.total_minor == sample
    assert [line.service for line in made.lines] == codes


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**12), st.sampled_from(["USD", "KWD", "JPY"]))
def test_what_an_advisor_reads_is_what_is_kept(minor: int, currency: str) -> None:
    minor %= 10**9
    assert minor_units(plain(minor, currency), currency) == minor


@pytest.mark.parametrize("typed", ["", "abc", "-1", "1.005", "NaN", "1e99", "Infinity"])
def test_what_is_no_price_is_refused_with_what_to_type(typed: Any) -> None:
    with pytest.raises(ValueError, match="price"):
        minor_units(typed, "USD")
