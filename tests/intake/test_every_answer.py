"""Whatever is sent to intake's JSON interface: no server error, and no answer that its OpenAPI document doesn't name."""

import pytest
from schemathesis import GenerationMode

from shared.web import Role
from tests.intake.asking import a_request, quote, submit
from tests.support.answers import MODES, all_are_turned_away, try_everything
from tests.support.service import ServiceUnderTest


@pytest.mark.parametrize("mode", MODES, ids=["fit", "unfit"])
async def test_every_answer_is_one_that_the_document_names(intake: ServiceUnderTest, mode: GenerationMode) -> None:
    case_id = await submit(intake)
    await quote(intake, case_id)
    item = (await intake.fetch("SELECT id FROM queue_items"))[0]["id"]
    seen = await try_everything(intake, mode, {"case_id": case_id, "item_id": item})
    reached = set().union(*seen.values())
    assert reached >= ({200, 404, 422} if mode is GenerationMode.POSITIVE else {400, 422}), seen


async def test_who_is_nobody_or_has_another_role_is_told_so_in_the_documents_words(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    await all_are_turned_away(intake, Role.LAB, {"case_id": case_id, "item_id": case_id}, a_request())
