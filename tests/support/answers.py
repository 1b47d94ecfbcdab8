"""Whatever is sent to a service's JSON interface: no server error, and no answer that its OpenAPI document doesn't name."""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.contracts.openapi import as_text, openapi
from shared.web import Role
from tests.support.measuring import not_measuring
from tests.support.service import ServiceUnderTest, service_named

schemathesis.serializer.alias("multipart/related", "application/octet-stream")
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DRILL = 10 if "CONSILIUM_DRILL" in os.environ else 1
"""How often as many requests as by default."""
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def document(service: str) -> dict[str, Any]:
    """Return a service's document, strictly read: without the answer that stands for any other."""
    found: dict[str, Any] = json.loads(as_text(openapi(service_named(service))))
    for _, operation in operations(found):
        del operation["responses"]["default"]
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ``METHOD path`` of each operation, and what the document says of it."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


async def try_everything(
    tested: ServiceUnderTest, mode: GenerationMode, known: Mapping[str, UUID], examples: int = 8, *, below: str = ""
) -> dict[str, set[int]]:
    """Send ``examples`` requests, fit or unfit, to each operation by somebody who may; return how each answered.

    ``known`` are ids that are there: half of the requests name them. ``below``: what the addresses must hold to be tried.
    Streams, which never end, are left out.
    """
    loop, seen = asyncio.get_running_loop(), dict[str, set[int]]()

    def try_out(operation: APIOperation[Any, Any, Any, Any], client: httpx.AsyncClient, answers: set[int]) -> None:
        @settings(max_examples=examples * DRILL, database=None, derandomize=True, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy(mode), there=st.booleans())
        def ask(case: Case, there: bool) -> None:
            if there:
                names = case.path_parameters.keys() & known.keys()
                case.path_parameters.update({name: str(known[name]) for name in names})
            answer = asyncio.run_coroutine_threadsafe(_send(client, case), loop).result(30)
            answers.add(answer.status_code)
            case.validate_response(answer, checks=CHECKS)

        with contextlib.suppress(*((Unsatisfiable,) if mode is GenerationMode.NEGATIVE else ())):
            ask()  # nothing is unfit for an operation that asks for nothing

    found = document(tested.name)
    with not_measuring():
        for result in schemathesis.openapi.from_dict(found).get_all_operations():
            operation = result.ok()
            about = found["paths"][operation.path][operation.method]
            if below in operation.path and not _streams(about):
                answers = seen.setdefault(f"{operation.method.upper()} {operation.path}", set())
                await asyncio.to_thread(try_out, operation, _client_for(tested, about["x-roles"], known), answers)
    return seen


async def all_are_turned_away(tested: ServiceUnderTest, stranger: Role, known: Mapping[str, UUID], body: Any) -> None:
    """Assert that each operation tells nobody, and a role that has no business here, so in the document's words."""
    outsider = tested.sign_in(stranger)
    for name, about in operations(document(tested.name)):
        method, path = name.split(" ")
        if about["x-roles"] == ["anyone"]:
            continue
        for place, there in known.items():
            path = path.replace(f"{{{place}}}", str(there))
        for client, status in ((tested.http, 401), (outsider, 403)):
            answer = await client.request(
                method, path, json=body, headers={"Idempotency-Key": "k" * 10, "If-Match": '"1"'}
            )
            assert answer.status_code == status, (name, answer.text)
            assert str(status) in about["responses"], name
            assert answer.headers["content-type"] == "application/problem+json"


def _streams(operation: dict[str, Any]) -> bool:
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


def _client_for(tested: ServiceUnderTest, roles: list[str], known: Mapping[str, UUID]) -> httpx.AsyncClient:
    if roles == ["service"]:
        return tested.as_service("notify")
    if roles == ["anyone"]:
        return tested.http
    return tested.sign_in(Role(roles[0]), subject="staff-ada", name="Ada Winter", cases=[known["case_id"]])


async def _send(client: httpx.AsyncClient, case: Case) -> httpx.Response:
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
