"""Letters that a case manager asks for: a reminder by template, and that a message waits. They say nothing of the case (R22)."""

from typing import Any
from uuid import UUID

import pytest

from deploy.mail_catcher.app import MailCatcher
from shared.events import CaseManagerWrote, MaterialsChased
from tests.notify import stories as s
from tests.support.service import ServiceUnderTest

FIRST = {
    "gentle": "Some things on the list are still missing.",
    "how_to_get": "Getting papers out of a hospital can take patience.",
    "last_items": "Only a little is missing now.",
    "newer_needed": "Something on the list came back, or has become too old.",
}


def chased(template: Any = "gentle", audience: Any = "requester", number: int = 11) -> MaterialsChased:
    return MaterialsChased(
        case_id=s.CASE, chase_id=UUID(int=number), template=template, audience=audience, chased_at=s.START + 6 * s.DAY
    )


def wrote(audience: Any = "requester") -> CaseManagerWrote:
    return CaseManagerWrote(case_id=s.CASE, message_id=UUID(int=12), audience=audience, wrote_at=s.START + 6 * s.DAY)


@pytest.mark.parametrize("template", FIRST)
async def test_each_template_has_words_of_its_own_and_leads_to_the_list(
    notify: ServiceUnderTest, mails: MailCatcher, template: str
) -> None:
    await notify.receives(s.submitted(), chased(template))
    await notify.run_errands()
    [mail] = [mail for mail in mails.mailbox.find() if "how is it going" in mail.subject]
    assert FIRST[template] in mail.body("plain")
    paths = {sent["path"] for _, path, sent in notify.peers.asked if path.endswith("/links")}
    assert f"/my/records/cases/{s.CASE}" in paths


async def test_a_local_physician_is_told_in_words_for_them_and_of_no_patient(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    await notify.receives(s.submitted(), chased(audience="local_physician"), wrote("local_physician"))
    await notify.run_errands()
    letters = mails.mailbox.find(to="dr@canary.example")
    assert {mail.subject.partition(": ")[2] for mail in letters} == {
        "documents are needed from you", "your case manager wrote to you"
    }  # fmt: skip
    for mail in letters:
        for word in ("Zubairi", "cancer", "opinion"):
            assert word not in mail.body("plain").replace("second-opinion@", "")


async def test_two_reminders_are_two_letters_and_the_same_one_twice_is_one(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    once = chased(number=21)
    await notify.receives(s.submitted(), once, once, chased(number=22))
    await notify.run_errands()
    assert len([mail for mail in mails.mailbox.find() if "how is it going" in mail.subject]) == 2
