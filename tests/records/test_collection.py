"""From payment to completeness, through the real inbox, database, store and HTTP application."""

from shared.events import CollectionOpened, RecordsComplete
from tests.records.conftest import Case


async def test_a_case_is_complete_once_everything_is_in_and_the_summary_is_signed(case: Case) -> None:
    await case.completes()

    [complete] = await case.records.emitted(RecordsComplete)
    assert (complete.received, complete.waived, complete.slides) == (complete.needed, 0, 12)
    assert complete.services == ("comprehensive",)
    assert complete.completed_at < complete.target_from < complete.target_to
    assert len(await case.records.emitted(CollectionOpened)) == 1
