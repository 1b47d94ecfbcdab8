"""Whatever is sent to notify's JSON interface: no server error, and no answer that its OpenAPI document doesn't name."""

import pytest
from schemathesis import GenerationMode

from shared.ids import new_id
from shared.web import Role
from tests.support.answers import MODES, all_are_turned_away, try_everything
from tests.support.facts import a_case, submitted
from tests.support.service import ServiceUnderTest


@pytest.mark.parametrize("mode", MODES, ids=["fit", "unfit"])
async def test_every_answer_is_one_that_the_document_names(notify: ServiceUnderTest, mode: GenerationMode) -> None:
    case_id = a_case()
    await notify.receives(submitted(case_id))
    seen = await try_everything(notify, mode, {"case_id": case_id}, examples=4)
    reached = set().union(*seen.values())
    assert reached >= ({200, 404} if mode is GenerationMode.POSITIVE else {422}), seen


async def test_who_is_nobody_or_has_another_role_is_told_so_in_the_documents_words(notify: ServiceUnderTest) -> None:
    await all_are_turned_away(notify, Role.FAMILY, {"case_id": new_id(), "item_id": new_id()}, {})
