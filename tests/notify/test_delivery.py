"""Messages reach their readers over real SMTP, each once where nothing crashes, and keep nobody's name behind."""

import random
from datetime import timedelta
from typing import Any

import pytest

from deploy.mail_catcher.app import MailCatcher
from deploy.mail_catcher.mailbox import Mail, Mood
from services.notify.delivery import Contacts, reader_of
from shared import programme
from shared.events import Fact
from tests.notify import stories as s
from tests.support.service import ServiceUnderTest

ALL = [*s.whole_case(), s.refunded(), s.signing_in(), s.withdrawn(), s.form_saved()]


def answers(notify: ServiceUnderTest, **changes: Any) -> None:
    notify.peers.answers["intake", f"/cases/{s.CASE}/contacts"] = s.contacts(**changes)


async def states(notify: ServiceUnderTest) -> list[tuple[str, str, str]]:
    rows = await notify.fetch("SELECT kind, audience, state FROM messages ORDER BY kind, audience, copy")
    return [(row["kind"], row["audience"], row["state"]) for row in rows]


async def calls(notify: ServiceUnderTest) -> list[str]:
    return [
        row["title"] for row in await notify.fetch("SELECT title FROM queue_items WHERE state <> 'done' ORDER BY title")
    ]


def one(mails: MailCatcher) -> Mail:
    found = mails.mailbox.find()
    assert len(found) == 1
    return found[0]


async def test_every_step_of_a_case_is_told_once_to_whom_it_concerns(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    facts = s.whole_case()
    await notify.receives(*facts, *facts)
    await notify.run_errands()
    to = {
        address: len(mails.mailbox.find(to=address))
        for address in ("carer@canary.example", "canary@patient.example", "dr@canary.example")
    }
    assert to == {"carer@canary.example": len(facts) - 1, "canary@patient.example": 1, "dr@canary.example": 1}
    assert {state for *_, state in await states(notify)} == {"sent"}


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_arrival_leaves_the_same_messages(
    notify: ServiceUnderTest, mails: MailCatcher, seed: int
) -> None:
    facts: list[Fact] = list(s.whole_case())
    random.Random(seed).shuffle(facts)
    await notify.receives(*facts)
    await notify.run_errands()
    rows = await notify.fetch("SELECT DISTINCT state FROM messages")
    assert [row["state"] for row in rows] == ["sent"]
    assert len(mails.mailbox.find()) == len(facts) + 1
    assert len({str(mail.message["Message-ID"]) for mail in mails.mailbox.find()}) == len(facts) + 1


async def test_a_mail_says_what_it_must_and_nothing_clinical(notify: ServiceUnderTest, mails: MailCatcher) -> None:
    await notify.receives(*ALL)
    answers(notify, withdrawn=False)
    await notify.run_errands()
    notice = programme.load(s.PROGRAMME).text("emergency_notice", "en")
    assert mails.mailbox.find()
    for mail in mails.mailbox.find():
        assert mail.message["Auto-Submitted"] == "auto-generated"
        for body in (mail.body("plain"), mail.body("html")):
            assert notice in body
            assert "http://consilium.test/link/once-only" in body
            for word in ("cancer", "opinion", "patholog", "oncolog", "comprehensive", "Memorial"):
                assert word.lower() not in body.lower().replace(notice.lower(), "").replace("second-opinion@", "")
        for word in (*s.CANARIES, "cancer", "opinion", "hospital"):
            assert word.lower() not in mail.subject.lower()


async def test_the_local_physicians_mail_names_no_patient(notify: ServiceUnderTest, mails: MailCatcher) -> None:
    await notify.receives(s.submitted(), s.delivered())
    await notify.run_errands()
    [mail] = mails.mailbox.find(to="dr@canary.example")
    assert "Dr Canarino" in mail.body("plain")
    assert "Zubairi" not in mail.raw.decode() + mail.body("plain") + mail.body("html")


@pytest.mark.parametrize(
    ("locale", "tag", "direction", "heading"),
    [
        ("ar", "ar", "rtl", "لقد استلمنا طلبك"),
        ("ar-EG", "ar", "rtl", "لقد استلمنا طلبك"),
        ("zh-CN", "zh-Hans", "ltr", "我们已收到您的申请"),
        ("zh_Hans", "zh-Hans", "ltr", "我们已收到您的申请"),
        ("es-MX", "es", "ltr", "Hemos recibido su solicitud"),
        ("fr", "en", "ltr", "We have received your request"),
    ],
)
async def test_a_mail_is_in_its_readers_language(
    notify: ServiceUnderTest, mails: MailCatcher, locale: str, tag: str, direction: str, heading: str
) -> None:
    answers(notify, locale=locale)
    await notify.receives(s.submitted())
    await notify.run_errands()
    mail = one(mails)
    assert heading in mail.subject
    assert heading in mail.body("plain")
    assert f'<html lang="{tag}" dir="{direction}">' in mail.body("html")
    assert mail.message["Content-Language"] == tag
    assert programme.load(s.PROGRAMME).text("emergency_notice", tag.replace("-", "_")) in mail.body("html")


async def test_each_reader_gets_a_link_of_their_own(notify: ServiceUnderTest, mails: MailCatcher) -> None:
    await notify.receives(s.submitted(), s.delivered())
    await notify.run_errands()
    asked = [sent for _, path, sent in notify.peers.asked if path.endswith("/links")]
    assert {(body["audience"], body["path"].split("/")[2]) for body in asked} == {
        ("requester", "cases"), ("patient", "matching"), ("local_physician", "matching"),
    }  # fmt: skip


async def test_after_withdrawal_only_the_notice_the_refund_and_the_way_in_go_out(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    await notify.receives(*ALL)
    await notify.run_errands()
    sent = {kind for kind, _, state in await states(notify) if state == "sent"}
    assert sent == {"withdrawn", "refund_issued", "sign_in"}
    assert {state for kind, _, state in await states(notify) if kind not in sent} == {"withheld"}


async def test_intakes_word_that_a_case_is_withdrawn_counts_before_the_fact_arrives(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    answers(notify, withdrawn=True)
    await notify.receives(s.submitted())
    await notify.run_errands()
    assert await states(notify) == [("request_received", "requester", "withheld")]
    assert mails.mailbox.find() == []


async def test_whoever_has_no_address_is_called_instead(notify: ServiceUnderTest, mails: MailCatcher) -> None:
    answers(notify, local_physician=None, requester={"name": "Kanarek Opiekun", "email": None, "role": "caregiver"})
    await notify.receives(s.submitted(), s.delivered())
    await notify.run_errands()
    assert await calls(notify) == [
        f"Acknowledgement: tell the requester of {s.NUMBER}", f"Opinion is ready: tell the local physician of {s.NUMBER}",
    ]  # fmt: skip
    await notify.receives(s.withdrawn())
    assert await calls(notify) == []


async def test_nobody_to_tell_at_intake_any_more_is_a_call_and_no_endless_retry(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    del notify.peers.answers["intake", f"/cases/{s.CASE}/contacts"]
    await notify.receives(s.submitted())
    await notify.run_errands()
    assert await states(notify) == [("request_received", "requester", "no_address")]


async def test_what_cant_be_read_of_intakes_answer_is_not_kept_with_the_error(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    answers(notify, requester={"name": ["Nura", "Privatova"], "email": "nura@example.com"})
    await notify.receives(s.submitted())
    await notify.run_errands(may_fail=True)
    [kept] = await notify.fetch("SELECT error FROM errands WHERE kind = 'send'")
    assert "requester.name" in kept["error"]
    assert "Privatova" not in kept["error"]


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_a_refusal_for_good_is_a_call(notify: ServiceUnderTest, mails: MailCatcher, stage: Any) -> None:
    mails.mailbox.moods.append(Mood(stage, 550, 1))
    await notify.receives(s.submitted())
    await notify.run_errands()
    assert await states(notify) == [("request_received", "requester", "bounced")]
    assert len(await calls(notify)) == 1
    assert (await notify.fetch("SELECT smtp_code FROM messages"))[0]["smtp_code"] == 550


@pytest.mark.parametrize(
    "address", ["no-at-sign", "two@@ats.example", "line@break.example\nBcc: x@y.example", "@nobody.example"]
)
async def test_an_address_that_cant_be_one_is_a_call(
    notify: ServiceUnderTest, mails: MailCatcher, address: str
) -> None:
    answers(notify, requester={"name": "Kanarek Opiekun", "email": address, "role": "caregiver"})
    await notify.receives(s.submitted())
    await notify.run_errands()
    assert await states(notify) == [("request_received", "requester", "bounced")]
    assert mails.mailbox.find() == []


async def test_an_international_address_is_reached(notify: ServiceUnderTest, mails: MailCatcher) -> None:
    answers(notify, requester={"name": "王小样", "email": "王@例子.example", "role": "family"})
    await notify.receives(s.submitted())
    await notify.run_errands()
    assert one(mails).to == ("王@xn--fsqu00a.example",)


@pytest.mark.parametrize(("stage", "code"), [("mail", 451), ("mail", 550), ("rcpt", 450), ("data", 451)])
async def test_a_server_that_asks_to_wait_is_asked_again(
    notify: ServiceUnderTest, mails: MailCatcher, stage: Any, code: int
) -> None:
    mails.mailbox.moods.append(Mood(stage, code, 2))
    await notify.receives(s.submitted())
    for _ in range(2):
        await notify.run_errands(may_fail=True)
        assert [state for *_, state in await states(notify)] == ["sending"]
        notify.clock.advance(timedelta(minutes=1))
    await notify.run_errands(may_fail=True)
    assert [state for *_, state in await states(notify)] == ["sent"]
    assert len(mails.mailbox.find()) == 1


async def test_a_server_that_stays_away_is_given_up_and_called_about(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    await mails.stop()
    await notify.receives(s.submitted())
    await notify.run_errands(may_fail=True)
    notify.clock.advance(timedelta(hours=25))
    await notify.run_errands(may_fail=True)
    assert [state for *_, state in await states(notify)] == ["failed"]
    assert len(await calls(notify)) == 1


async def test_a_message_about_an_unknown_programme_waits_for_the_fact_that_names_it(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    await notify.receives(s.paid())
    await notify.run_errands(may_fail=True)
    assert [state for *_, state in await states(notify)] == ["sending"]
    await notify.receives(s.submitted())
    notify.clock.advance(timedelta(minutes=1))
    await notify.run_errands(may_fail=True)
    assert {state for *_, state in await states(notify)} == {"sent"}


async def test_a_crash_after_the_server_took_it_repeats_at_most_once_with_the_same_id(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    mails.mailbox.moods.append(Mood("after_data", 451, 1))
    await notify.receives(s.submitted())
    await notify.run_errands(may_fail=True)
    assert [state for *_, state in await states(notify)] == ["sending"]
    notify.clock.advance(timedelta(minutes=1))
    await notify.run_errands(may_fail=True)
    caught = mails.mailbox.find()
    assert len(caught) == 2
    assert len({str(mail.message["Message-ID"]) for mail in caught}) == 1
    assert [state for *_, state in await states(notify)] == ["sent"]


async def test_no_name_address_or_word_of_a_message_stays_in_the_database(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    mails.mailbox.moods += [Mood("rcpt", 550, 1, "dr@canary.example"), Mood("data", 451, 1)]
    await notify.receives(*s.whole_case())
    await notify.run_errands(may_fail=True)
    notify.clock.advance(timedelta(minutes=1))
    await notify.run_errands(may_fail=True)
    tables = [
        row["table_name"]
        for row in await notify.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    ]
    kept = [str(row["t"]) for table in tables for row in await notify.fetch(f"SELECT {table}::text AS t FROM {table}")]
    assert any(s.NUMBER in row for row in kept)
    for canary in (*s.CANARIES, "canary.example", "once-only", "Dear"):
        assert not [row for row in kept if canary.lower() in row.lower()], canary


def test_a_patient_without_an_address_is_reached_through_their_family_but_never_through_a_referring_clinician() -> None:
    alone = {"name": "Canary Zubairi", "email": None}
    family = Contacts.model_validate(s.contacts(patient=alone))
    reader = reader_of(family, "patient")
    assert reader is not None
    assert (reader.address, reader.enters_as) == ("carer@canary.example", "requester")
    clinician = s.contacts(
        patient=alone, requester={"name": "Dr Canarino", "email": "dr@canary.example", "role": "clinician"}
    )
    assert reader_of(Contacts.model_validate(clinician), "patient") is None
