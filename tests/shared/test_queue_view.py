"""What a view of a queue shows and counts, without a database: against counting one by one."""

from collections import Counter
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.staff_queue import Facet, Queue, View, facets_of
from shared.staff_queue.view import SORTS, tally

WAITING = Facet("waiting", "Waits for", {"contact": "To contact", "answer": "Quote open"}, first=("contact",))
COUNTRY = Facet("country", "Country", str)
QUEUE = Queue("requests", "Requests", ("care_advisor",), (WAITING, COUNTRY))
VALUES = {
    "waiting": ["contact", "answer", None], "country": ["BR", "DE", "JO", None],
    "clock": ["late", "running", "none"], "who": ["mine", "nobody", "colleague"],
}  # fmt: skip
NAMES = [facet.name for facet in facets_of(QUEUE)]

items = st.lists(st.tuples(*(st.sampled_from(VALUES[name]) for name in NAMES)), max_size=40)
chosen = st.fixed_dictionaries(
    {}, optional={name: st.lists(st.sampled_from([v for v in VALUES[name] if v]), min_size=1, unique=True).map(tuple) for name in NAMES}
)  # fmt: skip


@given(items, chosen)
def test_each_choice_is_counted_as_if_it_alone_were_chosen_in_its_facet(
    rows: list[tuple[Any, ...]], wanted: dict[str, tuple[str, ...]]
) -> None:
    def fits(row: tuple[Any, ...], besides: str | None = None) -> bool:
        return all(row[NAMES.index(name)] in values for name, values in wanted.items() if name != besides)

    found = tally(facets_of(QUEUE), wanted, Counter(rows).items())
    assert found.total == sum(fits(row) for row in rows)
    for name in NAMES:
        for value in filter(None, VALUES[name]):
            alone = sum(row[NAMES.index(name)] == value and fits(row, besides=name) for row in rows)
            assert found.counts[name].get(value, 0) == alone


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
