"""How an address spells a view of a queue."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.staff_queue import SORTS, Facet, Queue, View, facets_of

WAITING = Facet("waiting", "Waits for", {"contact": "To contact", "answer": "Quote open"}, first=("contact",))
COUNTRY = Facet("country", "Country", str)
QUEUE = Queue("requests", "Requests", ("care_advisor",), (WAITING, COUNTRY))
VALUES = {
    "waiting": ["contact", "answer", None], "country": ["BR", "DE", "JO", None],
    "clock": ["late", "running", "none"], "who": ["mine", "nobody", "colleague"],
}  # fmt: skip
NAMES = [facet.name for facet in facets_of(QUEUE)]

chosen = st.fixed_dictionaries(
    {}, optional={name: st.lists(st.sampled_from([v for v in VALUES[name] if v]), min_size=1, unique=True).map(tuple) for name in NAMES}
)  # fmt: skip


@given(chosen, st.sampled_from(list(SORTS)), st.integers(1, 9999))
def test_an_address_spells_its_view(wanted: dict[str, tuple[str, ...]], sort: str, page: int) -> None:
    view = View("ada", wanted, sort, page)
    assert View.read(QUEUE, parse_qsl(urlencode(view.query())), "ada") == view


@given(st.lists(st.tuples(st.sampled_from([*NAMES, "sort", "page", "all", "x"]), st.text(max_size=8)), max_size=8))
def test_no_address_is_an_error(sent: list[tuple[str, str]]) -> None:
    view = View.read(QUEUE, sent, "ada")
    assert view.page >= 1
    assert view.sort in SORTS


@pytest.mark.parametrize(("query", "expected"), [
    ("", {"waiting": ("contact",)}), ("sort=newest", {"waiting": ("contact",)}), ("all=1", {}),
    ("who=mine", {"who": ("mine",)}), ("waiting=answer&waiting=answer", {"waiting": ("answer",)}),
])  # fmt: skip
def test_what_the_queue_has_chosen_first_holds_until_somebody_chooses(query: str, expected: dict[str, Any]) -> None:
    assert View.read(QUEUE, parse_qsl(query), "ada").chosen == expected
