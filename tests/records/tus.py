"""The tus protocol as a test's sender speaks it."""

import base64
from typing import Any
from uuid import uuid4

import httpx

from tests.records.conftest import Case

TUS = {"Tus-Resumable": "1.0.0"}
BODY = TUS | {"Content-Type": "application/offset+octet-stream"}


def metadata(**told: str) -> str:
    """Return the header ``Upload-Metadata``."""
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())


async def begin(
    case: Case, size: int, *, who: httpx.AsyncClient | None = None, code: str = "clinical_summary", **more: str
) -> httpx.Response:
    """Announce a file."""
    item = await case.item(code)
    headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": metadata(filename="scan.png")} | more
    return await (who or case.patient).post(f"{case.api}/items/{item['id']}/uploads", headers=headers)


async def patch(case: Case, place: str, offset: int, body: Any, **more: str) -> httpx.Response:
    """Add bytes to a file."""
    return await case.patient.patch(place, content=body, headers=BODY | {"Upload-Offset": str(offset)} | more)


async def offset_of(case: Case, place: str) -> int:
    """Return where a file stands."""
    return int((await case.patient.head(place, headers=TUS)).headers["Upload-Offset"])


async def sends(case: Case, code: str, body: bytes, **told: str) -> None:
    """Send a file in one request."""
    item = await case.item(code)
    headers = BODY | {"Upload-Length": str(len(body)), "Upload-Metadata": metadata(**told)}
    answer = await case.patient.post(f"{case.api}/items/{item['id']}/uploads", content=body, headers=headers)
    assert answer.status_code == 201, answer.text


async def looked_at(case: Case, code: str, body: bytes, name: str = "sent") -> dict[str, Any]:
    """Send a file and return what its sender is told."""
    item, document = await case.item(code), uuid4()
    answer = await case.patient.put(
        f"{case.api}/items/{item['id']}/documents/{document}", params={"name": name}, content=body
    )
    assert answer.status_code == 201, answer.text
    await case.looks()
    sent = (await case.patient.get(f"{case.api}/uploads")).json()["sent"]
    found: dict[str, Any] = next(one for one in sent if one["id"] == str(document))
    return found
