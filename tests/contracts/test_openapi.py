"""docs/openapi/*.json is what the routes say, and a parser that isn't ours accepts it."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis

from deploy.contracts import openapi
from deploy.contracts.__main__ import OPENAPI, declared_services
from shared.service import Service
from shared.web import Role

SERVICES = declared_services()
DOCUMENTS = {service.name: openapi.openapi(service) for service in SERVICES}
ROLES = {str(role) for role in Role} | {"anyone"}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_stored_document_is_the_one_the_routes_make(service: Service) -> None:
    stored = (OPENAPI / f"{service.name}.json").read_text(encoding="utf-8")
    assert stored == openapi.as_text(DOCUMENTS[service.name]), "run python -m deploy.contracts write"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_parser_of_openapi_reads_every_operation(name: str) -> None:
    document = json.loads(openapi.as_text(DOCUMENTS[name]))
    schema = schemathesis.openapi.from_dict(document)
    read = [result.ok() for result in schema.get_all_operations()]
    assert len(read) == len(list(operations(document)))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_model_is_a_schema(name: str) -> None:
    for model in DOCUMENTS[name]["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(model)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_operation_says_who_may_call_it(name: str) -> None:
    for operation, about in operations(DOCUMENTS[name]):
        assert about["x-roles"], operation
        assert set(about["x-roles"]) <= ROLES, operation
        assert bool(about["security"]) == (about["x-roles"] != ["anyone"]), operation


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_post_that_changes_something_needs_a_key(name: str) -> None:
    for operation, about in operations(DOCUMENTS[name]):
        if operation.startswith("post ") and "/webhooks" not in operation:
            assert "Idempotency-Key" in {each["name"] for each in about.get("parameters", ())}, operation


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_operation_answers_in_problems(name: str) -> None:
    for operation, about in operations(DOCUMENTS[name]):
        problems = {status: answer for status, answer in about["responses"].items() if not status.startswith("2")}
        assert {"default", "401", "503"} <= set(problems), operation
        for answer in problems.values():
            assert answer["$ref"].removeprefix("#/components/responses/") in DOCUMENTS[name]["components"]["responses"]


def test_no_two_operations_of_a_service_share_an_id() -> None:
    for document in DOCUMENTS.values():
        ids = [about["operationId"] for _, about in operations(document)]
        assert len(ids) == len(set(ids))
