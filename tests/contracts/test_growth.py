"""The checker lets contracts grow and nothing else: it must catch each way of breaking one."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.contracts.growth import breaking_changes, broken_contracts
from deploy.contracts.schemas import generated_schemas

CONTRACTS = generated_schemas()
REQUEST = CONTRACTS["intake.events/RequestSubmitted.v1.schema.json"]
CONFIRMED = CONTRACTS["intake.events/ServicesConfirmed.v1.schema.json"]


def changed(schema: dict[str, Any], *path: str, to: Any = None) -> dict[str, Any]:
    """The schema with the value at ``path`` set, or taken away."""
    copy = deepcopy(schema)
    node = copy
    for step in path[:-1]:
        node = node[step]
    if to is None:
        del node[path[-1]]
    else:
        node[path[-1]] = to
    return copy


def test_a_schema_may_follow_itself() -> None:
    for schema in CONTRACTS.values():
        assert breaking_changes(schema, deepcopy(schema)) == []
    assert broken_contracts(CONTRACTS, deepcopy(CONTRACTS)) == []


def test_a_new_optional_field_is_growth() -> None:
    optional = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    grown = changed(REQUEST, "properties", "country_group", to=optional)
    assert breaking_changes(REQUEST, grown) == []


def test_another_description_is_growth() -> None:
    assert breaking_changes(REQUEST, changed(REQUEST, "description", to="Said in other words.")) == []


BREAKS = {
    "a field that is gone": (changed(REQUEST, "properties", "channel"), "channel is gone"),
    "another type": (
        changed(REQUEST, "properties", "case_number", "type", to="integer"),
        "case_number: type was 'string'",
    ),
    "another format": (changed(REQUEST, "properties", "submitted_at", "format", to="date"), "submitted_at: format was"),
    "a new required field": (
        changed(
            changed(REQUEST, "properties", "urgency", to={"type": "string"}),
            "required",
            to=[*REQUEST["required"], "urgency"],
        ),
        "urgency became required",
    ),
    "a field that became optional": (
        changed(REQUEST, "required", to=[name for name in REQUEST["required"] if name != "channel"]),
        "channel became optional",
    ),
    "a narrower list of values": (
        changed(REQUEST, "properties", "channel", "enum", to=["web", "phone"]),
        "channel: the value 'fax' is gone",
    ),
    "a wider list of values": (
        changed(REQUEST, "properties", "channel", "enum", to=[*REQUEST["properties"]["channel"]["enum"], "telex"]),
        "channel: the value 'telex' is new",
    ),
    "a list of values where there was none": (
        changed(REQUEST, "properties", "case_number", "enum", to=["A"]),
        "case_number: a list of values came",
    ),
    "a tighter number": (
        changed(REQUEST, "properties", "programme", "properties", "version", "minimum", to=2),
        "programme.version: minimum was 1 and is 2",
    ),
    "a nested field that is gone": (
        changed(REQUEST, "properties", "programme", "properties", "version"),
        "programme.version is gone",
    ),
    "closed to fields that it doesn't know": (
        changed(REQUEST, "additionalProperties", to=False),
        "additionalProperties was absent",
    ),
    "a pattern": (changed(REQUEST, "properties", "case_number", "pattern", to="^A"), "case_number: pattern was absent"),
}  # fmt: skip


@pytest.mark.parametrize(("broken", "sentence"), BREAKS.values(), ids=BREAKS)
def test_a_broken_contract_is_caught(broken: dict[str, Any], sentence: str) -> None:
    found = breaking_changes(REQUEST, broken)
    assert any(sentence in each for each in found), found


def test_what_stands_in_a_list_is_compared_too() -> None:
    numbers = changed(CONFIRMED, "properties", "services", "items", to={"type": "integer"})
    assert breaking_changes(CONFIRMED, numbers) == ["services[]: type was 'string' and is 'integer'"]
    assert breaking_changes(CONFIRMED, changed(CONFIRMED, "properties", "services", "items")) != []


def test_a_contract_that_is_gone_or_moved_to_another_topic_is_broken() -> None:
    path = "billing.events/PaymentReceived.v1.schema.json"
    without = {key: schema for key, schema in CONTRACTS.items() if key != path}
    moved = without | {"intake.events/PaymentReceived.v1.schema.json": CONTRACTS[path]}
    for later in (without, moved):
        [sentence] = broken_contracts(CONTRACTS, later)
        assert sentence.startswith(path)


def test_a_new_contract_breaks_nothing() -> None:
    assert broken_contracts(CONTRACTS, CONTRACTS | {"intake.events/CaseMerged.v1.schema.json": REQUEST}) == []


_KEYS = [(name, key) for name, schema in REQUEST["properties"].items() for key in schema]


@given(st.sampled_from(_KEYS))
def test_no_word_about_a_field_can_be_taken_away_unseen(place: tuple[str, str]) -> None:
    name, keyword = place
    broken = changed(REQUEST, "properties", name, keyword)
    assert bool(breaking_changes(REQUEST, broken)) == (keyword != "description")
