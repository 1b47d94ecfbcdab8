"""Whatever is sent to matching's JSON interface: no server error, and no answer that its OpenAPI document doesn't name."""

import pytest
from schemathesis import GenerationMode

from shared.ids import new_id
from shared.web import Role
from tests.matching.conftest import Clinic
from tests.support.answers import MODES, all_are_turned_away, try_everything


@pytest.mark.parametrize("mode", MODES, ids=["fit", "unfit"])
async def test_every_answer_is_one_that_the_document_names(clinic: Clinic, mode: GenerationMode) -> None:
    case_id = await clinic.a_complete_case()
    await clinic.offer(case_id, "Dr Imani Okafor")
    offer_id = await clinic.offer_of(clinic.imani)
    item = (await clinic.service.fetch("SELECT id FROM queue_items"))[0]["id"]
    known = {"case_id": case_id, "offer_id": offer_id, "item_id": item}
    seen = await try_everything(clinic.service, mode, known, examples=2)
    reached = set().union(*seen.values())
    assert reached >= ({200, 404, 422} if mode is GenerationMode.POSITIVE else {400, 422}), seen


async def test_who_is_nobody_or_has_another_role_is_told_so_in_the_documents_words(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    known = {"case_id": case_id, "item_id": new_id(), "offer_id": new_id()}
    await all_are_turned_away(clinic.service, Role.LAB, known, {"specialist_ids": [str(new_id())]})
