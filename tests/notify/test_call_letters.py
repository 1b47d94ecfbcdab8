"""Letters about calls back: the time on the reader's own clock, asked of intake at the moment of sending, and on ours (R11)."""

from datetime import timedelta
from uuid import UUID

import pytest

from deploy.mail_catcher.app import MailCatcher
from shared.events import CallBackBooked, CallBackMissed
from tests.notify import stories as s
from tests.support.service import ServiceUnderTest

CALL = UUID(int=77)


@pytest.mark.parametrize("kind", ["booked", "missed"])
async def test_a_letter_about_a_call_tells_the_readers_own_time_once(
    notify: ServiceUnderTest, mails: MailCatcher, kind: str
) -> None:
    at = s.START + timedelta(hours=2)
    booked = CallBackBooked(case_id=s.CASE, call_back_id=CALL, at=at, booked_at=s.START)
    missed = CallBackMissed(case_id=s.CASE, call_back_id=CALL, tries=3, missed_at=at)
    fact = booked if kind == "booked" else missed
    notify.peers.answers["intake", f"/cases/{s.CASE}/call-backs/{CALL}"] = {"zone": "Asia/Tokyo"}
    await notify.receives(s.submitted(), fact, fact)
    await notify.run_errands()
    told = [mail for mail in mails.mailbox.find() if "call" in mail.body("plain") and "2:00" in mail.body("plain")]
    assert len(told) == 1
    assert "Japan" in told[0].body("plain")
