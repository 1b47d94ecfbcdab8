"""What stands in shared/contracts is what the code says, and every record that was ever stored still reads."""

import json
from pathlib import Path

import jsonschema
import pytest

from deploy.contracts import schemas
from deploy.contracts.schemas import FOLDER, as_text, examples, generated_schemas
from shared.envelope import read_fact
from shared.events import BY_TYPE_NAME, FACTS, Fact
from shared.ids import parse_case_number

STORED = sorted(FOLDER.glob("*/*.example.json"))


def type_name_of(example: Path) -> str:
    return ".".join(example.name.split(".")[:2])


@pytest.mark.parametrize("path", generated_schemas())
def test_each_stored_schema_is_the_one_the_code_makes(path: str) -> None:
    assert (FOLDER / path).read_text(encoding="utf-8") == as_text(generated_schemas()[path]), (
        "run python -m deploy.contracts write"
    )


def test_no_schema_is_left_over() -> None:
    assert schemas.stored_schemas().keys() == generated_schemas().keys()


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_each_fact_has_a_stored_example(fact: type[Fact]) -> None:
    assert examples(fact) != []


@pytest.mark.parametrize("example", STORED, ids=lambda file: file.name)
def test_every_stored_example_still_reads(example: Path) -> None:
    value = example.read_bytes()
    fact = read_fact(type_name_of(example), value)
    assert fact is not None
    assert fact.topic == example.parent.name
    assert json.loads(fact.model_dump_json(exclude_unset=True)) == json.loads(value)


@pytest.mark.parametrize("example", STORED, ids=lambda file: file.name)
def test_every_stored_example_fits_its_schema(example: Path) -> None:
    schema = generated_schemas()[f"{example.parent.name}/{type_name_of(example)}.schema.json"]
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(json.loads(example.read_bytes()))


def test_a_reader_ignores_a_field_that_it_does_not_know() -> None:
    for example in STORED:
        value = json.loads(example.read_bytes()) | {"from_the_future": {"a": 1}}
        assert read_fact(type_name_of(example), json.dumps(value)) is not None


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    for example in STORED:
        whole = json.loads(example.read_bytes())
        schema = generated_schemas()[f"{example.parent.name}/{type_name_of(example)}.schema.json"]
        for field in schema["required"]:
            lacking = {key: value for key, value in whole.items() if key != field}
            assert not jsonschema.Draft202012Validator(schema).is_valid(lacking), (example.name, field)
            with pytest.raises(Exception, match=field):
                read_fact(type_name_of(example), json.dumps(lacking))


def test_the_examples_tell_one_case() -> None:
    values = [json.loads(example.read_bytes()) for example in STORED]
    assert len({value["case_id"] for value in values}) == 1
    numbers = [value["case_number"] for value in values if "case_number" in value]
    assert [parse_case_number(number) for number in numbers] == numbers


PERSONAL_OR_CLINICAL = (
    "name", "email", "phone", "address", "birth", "sex", "country", "diagnosis", "cancer", "tumour", "stage",
    "reason_text", "question", "summary", "title", "text", "note", "file",
)  # fmt: skip


@pytest.mark.parametrize("fact", BY_TYPE_NAME.values(), ids=lambda fact: fact.__name__)
def test_no_field_is_named_after_anything_personal_or_clinical(fact: type[Fact]) -> None:
    words = {word for field in fact.model_fields for word in field.split("_")}
    assert not words & set(PERSONAL_OR_CLINICAL)
