"""Whatever is sent to records' JSON interface: no server error, and no answer that its OpenAPI document doesn't name."""

import pytest
from schemathesis import GenerationMode

from shared.web import Role
from tests.records.conftest import Case
from tests.records.tus import begin
from tests.support.answers import MODES, all_are_turned_away, try_everything

EXAMPLES = 3
"""Of each kind (fit and unfit) for each operation: some seconds in all."""


async def places(case: Case) -> dict[str, object]:
    """Return ids of what is there: a hospital, a helper, a question, a document, an upload, an absence."""
    document = await case.uploads("clinical_summary")
    item = await case.item("clinical_summary")
    upload = (await begin(case, 5000, who=case.manager)).headers["Location"].rsplit("/", 1)[1]
    hospital = {"name": "Hope", "country": "EG", "language": "en"}
    provider = (await case.post("/providers", hospital, who=case.patient)).json()["id"]
    invited = {"name": "Noura", "relation": "child", "authority": "sends"}
    helper = (await case.post("/helpers", invited, who=case.patient)).json()["id"]
    await case.post(f"/items/{item['id']}/messages", {"text": "Is this right?"}, who=case.patient)
    away = {"manager": "staff-tomas", "first_day": "2028-01-03", "last_day": "2028-01-05"}
    absence = await case.manager.post("/api/records/absences", json=away, headers={"Idempotency-Key": "the absence"})
    return {
        "case_id": case.id, "item_id": item["id"], "document_id": document, "provider_id": provider, "helper_id": helper,
        "absence_id": absence.json()["id"], "parcel_id": case.id, "upload_id": upload,
    }  # fmt: skip


@pytest.mark.parametrize("mode", MODES, ids=["fit", "unfit"])
async def test_every_answer_is_one_that_the_document_names(case: Case, mode: GenerationMode) -> None:
    seen = await try_everything(case.records, mode, await places(case), EXAMPLES)  # type: ignore[arg-type]
    reached = set().union(*seen.values())
    assert reached >= ({200, 201, 404, 409} if mode is GenerationMode.POSITIVE else {400, 422}), seen


async def test_who_is_nobody_or_has_another_role_is_told_so_in_the_documents_words(case: Case) -> None:
    await all_are_turned_away(case.records, Role.FINANCE, await places(case), {})  # type: ignore[arg-type]
