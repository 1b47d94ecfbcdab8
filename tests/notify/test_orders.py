"""All 720 orders of the six facts leave the same rows behind."""

import itertools
from uuid import uuid5

from shared.ids import CaseId
from tests.notify import stories as s
from tests.support.service import ServiceUnderTest

SIX = [s.submitted(), s.confirmed(), s.paid(), s.complete(), s.assigned(), s.delivered()]


async def test_all_720_orders_of_the_six_facts_leave_the_same_timeline_and_messages(notify: ServiceUnderTest) -> None:
    orders = list(itertools.permutations(SIX))
    for start in range(0, len(orders), 60):
        await notify.applies(
            *(
                notify.arrival(fact.model_copy(update={"case_id": CaseId(uuid5(s.CASE, str(number)))}))
                for number, order in enumerate(orders[start : start + 60], start)
                for fact in order
            )
        )
    told = await notify.fetch(
        """SELECT DISTINCT kept, asked, errands FROM (
             SELECT case_id, string_agg(fact || identity || (payload - 'case_id')::text, ';' ORDER BY fact) AS kept
             FROM timeline_facts GROUP BY case_id) facts
           JOIN (SELECT case_id, string_agg(kind || audience || occasion || state, ';' ORDER BY kind, audience) AS asked
             FROM messages GROUP BY case_id) messages USING (case_id)
           JOIN (SELECT case_id, count(*) AS errands FROM errands GROUP BY case_id) errands USING (case_id)"""
    )
    assert [row["errands"] for row in told] == [7]
    assert await notify.count("messages") == 720 * 7
