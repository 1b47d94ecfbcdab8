"""Whatever is sent to intake's JSON interface: no server error, and no answer that its OpenAPI document doesn't name."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.contracts.openapi import as_text, openapi
from shared.ids import CaseId
from shared.web import Role
from tests.intake.asking import a_request, quote, submit
from tests.support.service import ServiceUnderTest, service_named

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 20
"""Of each kind (fit and unfit) for each operation: some seconds in all."""


def document() -> dict[str, Any]:
    """Return intake's document, strictly read: without the answer that stands for any other."""
    found: dict[str, Any] = json.loads(as_text(openapi(service_named("intake"))))
    for _, operation in operations(found):
        del operation["responses"]["default"]
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def streams(operation: dict[str, Any]) -> bool:
    return (
        "text/event-stream" in operation["responses"]["200"].get("content", {})
        if "200" in operation["responses"]
        else False
    )


def client_for(intake: ServiceUnderTest, roles: list[str], case_id: CaseId) -> httpx.AsyncClient:
    if roles == ["service"]:
        return intake.as_service("notify")
    if roles == ["anyone"]:
        return intake.http
    return intake.sign_in(Role(roles[0]), subject="staff-ada", name="Ada Winter", cases=[case_id])


async def send(client: httpx.AsyncClient, case: Case) -> httpx.Response:
    """Send what was made up, with the client's own credentials instead of made-up ones."""
    sent = case.as_transport_kwargs(base_url="http://consilium.test")
    headers = {
        name: value for name, value in sent["headers"].items() if name.lower() not in ("authorization", "connection")
    }
    body = {"json": sent["json"]} if "json" in sent else {"content": sent["data"]} if sent.get("data") else {}
    return await client.request(
        sent["method"], sent["url"], params=_flat(sent.get("params") or {}), headers=_latin(headers), **body
    )  # fmt: skip


def _flat(params: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(one)) for name, value in params.items() for one in (value if isinstance(value, list) else [value])
    ]


def _latin(headers: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), str(value).encode("latin-1", "replace")) for name, value in headers.items()]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fit", "unfit"])
async def test_every_answer_is_one_that_the_document_names(intake: ServiceUnderTest, mode: GenerationMode) -> None:
    case_id = await submit(intake)
    await quote(intake, case_id)
    item = (await intake.fetch("SELECT id FROM queue_items"))[0]["id"]
    known, loop = {"case_id": str(case_id), "item_id": str(item)}, asyncio.get_running_loop()
    seen: dict[str, set[int]] = {}

    def try_out(operation: APIOperation[Any, Any, Any, Any], client: httpx.AsyncClient, answers: set[int]) -> None:
        @settings(max_examples=EXAMPLES, database=None, derandomize=True, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(mode), there=st.booleans())
        def ask(case: Case, there: bool) -> None:
            if there:
                case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
            answer = asyncio.run_coroutine_threadsafe(send(client, case), loop).result(30)
            answers.add(answer.status_code)
            case.validate_response(answer, checks=CHECKS)

        ask()

    found = document()
    for result in schemathesis.openapi.from_dict(found).get_all_operations():
        operation = result.ok()
        about = found["paths"][operation.path][operation.method]
        if streams(about):
            continue
        answers = seen.setdefault(f"{operation.method.upper()} {operation.path}", set())
        await asyncio.to_thread(try_out, operation, client_for(intake, about["x-roles"], case_id), answers)
    reached = set().union(*seen.values())
    assert reached >= ({200, 404, 422} if mode is GenerationMode.POSITIVE else {400, 422}), seen


async def test_who_is_nobody_or_has_another_role_is_told_so_in_the_documents_words(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    lab = intake.sign_in(Role.LAB)
    for name, about in operations(document()):
        method, path = name.split(" ")
        url = path.replace("{case_id}", str(case_id)).replace("{item_id}", str(case_id))
        if about["x-roles"] == ["anyone"]:
            continue
        for client, status in ((intake.http, 401), (lab, 403)):
            answer = await client.request(
                method, url, json=a_request(), headers={"Idempotency-Key": "k" * 10, "If-Match": '"1"'}
            )
            assert answer.status_code == status, (name, answer.text)
            assert str(status) in about["responses"], name
            assert answer.headers["content-type"] == "application/problem+json"
