"""Quotes as people live them: priced, read, asked about, brought to mind, answered at the last moment, added to (R17, R19)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.intake import quoting
from services.intake.pricing import Asked
from shared.events import (
    QuoteDeclined,
    QuoteLeftUnanswered,
    QuoteOffered,
    QuoteQuestionAnswered,
    ServicesConfirmed,
)
from shared.ids import CaseId, new_id
from shared.web import Role
from tests.intake.asking import HTML, RULES, a_request, accept, advisor, field_of, key, quote, requester, submit
from tests.support import facts
from tests.support.service import A_MONDAY, ServiceUnderTest

VALID, REMINDER = RULES.clocks.quote_valid, RULES.clocks.quote_reminder


async def agreed(intake: ServiceUnderTest, *services: str) -> CaseId:
    """A case whose services are agreed and paid."""
    case_id = await submit(intake)
    offered = await quote(intake, case_id, *(services or ("written",)), amount=200_000)
    assert (await accept(intake, case_id, offered)).status_code == 200
    await intake.receives(facts.paid(case_id))
    return case_id


async def waiting(intake: ServiceUnderTest) -> list[str]:
    rows = await intake.fetch("SELECT item_key FROM queue_items WHERE queue = 'quotes' AND state <> 'done'")
    return [row["item_key"].partition(":")[0] for row in rows]


async def ask(intake: ServiceUnderTest, case_id: CaseId, offered: dict[str, Any], text: str) -> httpx.Response:
    body = {"quote_id": offered["quote_id"], "revision": offered["revision"], "text": text}
    return await requester(intake, case_id).post(
        f"/api/intake/cases/{case_id}/quote-questions", json=body, headers=key()
    )


async def decline(intake: ServiceUnderTest, case_id: CaseId, offered: dict[str, Any]) -> httpx.Response:
    body = {"quote_id": offered["quote_id"], "revision": offered["revision"], "reason": "price", "words": "Too much"}
    return await requester(intake, case_id).post(f"/api/intake/cases/{case_id}/decline", json=body, headers=key())


async def test_the_reader_is_reminded_once_some_days_before_and_only_while_it_is_open(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    await intake.run_timers(at=A_MONDAY + VALID - REMINDER - timedelta(seconds=1))
    assert await intake.emitted(QuoteLeftUnanswered) == []
    await intake.run_timers(at=A_MONDAY + VALID - REMINDER)
    [told] = await intake.emitted(QuoteLeftUnanswered)
    assert (told.revision, told.valid_until) == (offered["revision"], A_MONDAY + VALID)
    await intake.run_timers(at=A_MONDAY + VALID - timedelta(seconds=1))
    assert len(await intake.emitted(QuoteLeftUnanswered)) == 1


async def test_nobody_is_reminded_of_a_quote_that_was_answered(intake: ServiceUnderTest) -> None:
    for answer in (accept, decline):
        case_id = await submit(intake)
        assert (await answer(intake, case_id, await quote(intake, case_id))).status_code == 200
    await intake.run_timers(at=A_MONDAY + VALID)
    assert await intake.emitted(QuoteLeftUnanswered) == []


async def test_a_refusal_keeps_its_reason_and_words_and_is_told_without_them(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    assert (await decline(intake, case_id, offered)).json()["stage"] == "requested"
    [row] = await intake.fetch("SELECT state, decline_code, decline_words FROM quotes")
    assert tuple(row) == ("declined", "price", "Too much")
    [told] = await intake.emitted(QuoteDeclined)
    assert "Too much" not in told.model_dump_json()
    page = await advisor(intake).get(f"/desk/cases/{case_id}", headers=HTML)
    assert "Too much" in page.text


async def test_a_question_waits_for_an_advisor_and_its_answer_stands_beside_the_quote(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    me, ada = requester(intake, case_id), advisor(intake)
    page = (await me.get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).text
    form = {
        "_once": field_of(page, "_once"),
        "quote_id": offered["quote_id"],
        "revision": "1",
        "text": "Is travel in it?",
    }
    asked = await me.post(f"/my/intake/cases/{case_id}/quote/ask", data=form, headers=HTML)
    assert asked.headers["location"] == f"/my/intake/cases/{case_id}/quote#questions"
    assert await waiting(intake) == ["question"]
    [item] = await intake.fetch("SELECT data FROM queue_items WHERE queue = 'quotes'")
    desk = await ada.get(item["data"]["href"], headers=HTML)
    assert "Is travel in it?" in desk.text
    words = {"_once": field_of(desk.text, "_once"), "text": "No, only the opinion."}
    assert (await ada.post(item["data"]["href"], data=words, headers=HTML)).status_code == 303
    assert await waiting(intake) == []
    assert "No, only the opinion." in (await me.get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).text
    [told] = await intake.emitted(QuoteQuestionAnswered)
    assert "opinion" not in told.model_dump_json()
    again = await ada.post(item["data"]["href"], data=words | {"_once": str(new_id())}, headers=HTML)
    assert again.status_code == 409
    assert "Ada Winter has answered" in again.text


async def test_questions_do_not_pile_up_without_end(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    answers = [await ask(intake, case_id, offered, f"Question {n}") for n in range(quoting.UNANSWERED_AT_ONCE + 1)]
    assert [one.status_code for one in answers[:-1]] == [201] * quoting.UNANSWERED_AT_ONCE
    assert answers[-1].status_code == 409


@pytest.mark.parametrize("moment", [timedelta(0), -timedelta(microseconds=1)])
async def test_accepting_at_the_very_moment_of_expiry_has_one_outcome(
    intake: ServiceUnderTest, moment: timedelta
) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    intake.clock.at = A_MONDAY + VALID + moment
    taken, _ = await asyncio.gather(accept(intake, case_id, offered), intake.run_timers())
    [row] = await intake.fetch("SELECT state FROM quotes")
    confirmed = await intake.emitted(ServicesConfirmed)
    assert (row["state"], len(confirmed), taken.status_code) in {("accepted", 1, 200), ("expired", 0, 409)}
    assert (row["state"] == "expired") == (moment == timedelta(0))
    if taken.status_code == 409:
        assert "no longer valid" in taken.json()["detail"]


async def test_accepting_while_a_new_revision_comes_has_one_outcome(intake: ServiceUnderTest) -> None:
    for _ in range(4):
        case_id = await submit(intake)
        offered = await quote(intake, case_id)
        body = {"services": ["video"], "price": {"amount_minor": 100, "currency": "USD"}}
        path = f"/api/intake/cases/{case_id}/quotes"
        taken, new = await asyncio.gather(
            accept(intake, case_id, offered), advisor(intake).post(path, json=body, headers=key())
        )
        rows = await intake.fetch("SELECT state FROM quotes WHERE case_id = $1 ORDER BY revision", case_id)
        states = [row["state"] for row in rows]
        told = [fact for fact in await intake.emitted(ServicesConfirmed) if fact.case_id == case_id]
        outcome = (states, taken.status_code, len(told))
        assert (outcome, new.status_code) in (
            ((["superseded", "open"], 409, 0), 201),
            ((["accepted"], 200, 1), 409),
        ), new.text


async def test_of_accepting_and_declining_in_two_tabs_one_counts(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    both = await asyncio.gather(accept(intake, case_id, offered), decline(intake, case_id, offered))
    assert sorted(one.status_code for one in both) == [200, 409]
    late = next(one for one in both if one.status_code == 409)
    assert "already been answered" in late.json()["detail"]
    assert len(await intake.emitted(ServicesConfirmed, QuoteDeclined)) == 1


async def test_two_advisors_who_quote_at_once_do_not_replace_each_other_unseen(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    ada, url = advisor(intake), f"/desk/intake/cases/{case_id}/quote"
    pages = [(await ada.get(url, headers=HTML)).text for _ in range(2)]
    forms = [
        {"_once": field_of(page, "_once"), "seen": field_of(page, "seen"), "services": ["written"]} for page in pages
    ]
    answers = [await ada.post(url, data=form, headers=HTML) for form in forms]
    assert [one.status_code for one in answers] == [303, 409]
    assert "Somebody else offered a quote meanwhile" in answers[1].text


async def test_lines_a_discount_and_a_total_always_add_up(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    ada, url = advisor(intake), f"/desk/intake/cases/{case_id}/quote"
    basket = {"services": ["comprehensive", "video"], "priced": ["comprehensive", "video"], "amounts": ["4000.00", ""]}
    form = {"_once": str(new_id()), **basket, "discount": "500", "reason": "Second request this year", "step": "offer"}
    assert (await ada.post(url, data=form, headers=HTML)).status_code == 303
    [row] = await intake.fetch("SELECT amount_minor, adjustment_minor, price_reason FROM quotes")
    assert tuple(row) == (400_000 + 150_000 - 50_000, -50_000, "Second request this year")
    lines = await intake.fetch("SELECT sum(amount_minor)::bigint AS sum FROM quote_lines")
    assert lines[0]["sum"] == 550_000
    page = (await requester(intake, case_id).get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).text
    assert "Discount" in page
    assert "Second request this year" not in page, "why is the office's business"


async def test_the_preview_is_in_the_patients_language_and_offers_nothing(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake, a_request(locale="ar", surgery="yes"))
    form = {
        "_once": str(new_id()),
        "services": ["written"],
        "note": "كما اتفقنا",
        "surgery_advice": "yes",
        "step": "preview",
    }
    page = await advisor(intake).post(f"/desk/intake/cases/{case_id}/quote", data=form, headers=HTML)
    assert page.status_code == 200
    assert 'lang="ar" dir="rtl"' in page.text
    for words in ("كما اتفقنا", RULES.text("surgery_advice", "ar"), RULES.text("quote_tax", "ar")):
        assert words in page.text
    assert await intake.count("quotes") == 0


async def test_every_revision_stays_readable_and_says_what_changed(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    await quote(intake, case_id, "comprehensive", amount=450_000)
    await quote(intake, case_id, "comprehensive", "video", amount=550_000)
    me = requester(intake, case_id)
    first = (await me.get(f"/my/intake/cases/{case_id}/quote/1", headers=HTML)).text
    second = (await me.get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).text
    assert "A newer version replaced this quote" in first
    assert "What changed since version 1" in second
    assert "Added: Live video consultation" in second
    assert "USD\xa05,500.00 instead of USD\xa04,500.00" in second
    assert (await me.get(f"/my/intake/cases/{case_id}/quote/3", headers=HTML)).status_code == 404
    for number in (1, 2):
        page = await advisor(intake).get(f"/desk/intake/cases/{case_id}/quotes/{number}", headers=HTML)
        assert page.status_code == 200


@pytest.mark.parametrize("lang", ["en", "es", "ar", "zh-Hans"])
async def test_the_document_comes_in_the_readers_language(intake: ServiceUnderTest, lang: str) -> None:
    case_id = await submit(intake)
    await quote(intake, case_id, "comprehensive", "video")
    path = f"/my/intake/cases/{case_id}/quote/1/quote.pdf?lang={lang}"
    answer = await requester(intake, case_id).get(path)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    assert b"/StructTreeRoot" in answer.content
    assert f"/Lang({lang.partition('-')[0]}".encode() in answer.content


async def test_a_service_is_added_after_payment_with_its_own_acceptance_and_price(intake: ServiceUnderTest) -> None:
    case_id = await agreed(intake)
    more = await quote(intake, case_id, "pathology", amount=80_000, supplements=1)
    assert (more["revision"], more["supplements"], more["added"]) == (2, 1, ["pathology"])
    assert (await accept(intake, case_id, more)).json()["stage"] == "paid"
    first, second = await intake.emitted(ServicesConfirmed)
    assert (second.services, second.added, second.supplements) == (("written", "pathology"), ("pathology",), 1)
    assert (first.price.amount_minor, second.price.amount_minor) == (200_000, 80_000)
    offers = await intake.emitted(QuoteOffered)
    assert [one.supplements for one in offers] == [None, 1]


async def test_what_is_added_obeys_the_rules_together_with_what_is_agreed(intake: ServiceUnderTest) -> None:
    case_id = await agreed(intake, "comprehensive")
    path = f"/api/intake/cases/{case_id}/quotes"
    for services, says in ((["pathology"], "already part"), (["comprehensive"], "agreed already")):
        body = {"services": services, "price": {"amount_minor": 1, "currency": "USD"}, "supplements": 1}
        refused = await advisor(intake).post(path, json=body, headers=key())
        assert (refused.status_code, says in refused.text) == (422, True), refused.text
    assert (await quote(intake, case_id, "integrative", supplements=1))["added"] == ["integrative"]


async def test_a_supplement_that_came_to_nothing_is_put_before_an_advisor(intake: ServiceUnderTest) -> None:
    declined, forgotten = await agreed(intake), await agreed(intake)
    await decline(intake, declined, await quote(intake, declined, "video", supplements=1))
    await quote(intake, forgotten, "video", supplements=1)
    assert await waiting(intake) == ["answer"]
    await intake.run_timers(at=A_MONDAY + VALID)
    assert await waiting(intake) == ["answer", "answer"]
    assert len(await intake.emitted(ServicesConfirmed)) == 2


async def test_the_payment_of_what_was_agreed_first_does_not_stop_a_supplements_clock(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    await accept(intake, case_id, await quote(intake, case_id, "written"))
    await quote(intake, case_id, "video", supplements=1)
    await intake.receives(facts.paid(case_id))
    await intake.run_timers(at=A_MONDAY + VALID)
    states = await intake.fetch("SELECT state FROM quotes ORDER BY revision")
    assert [row["state"] for row in states] == ["accepted", "expired"]


async def test_an_open_supplement_ends_with_the_opinion(intake: ServiceUnderTest) -> None:
    case_id = await agreed(intake)
    more = await quote(intake, case_id, "video", supplements=1)
    await intake.receives(facts.delivered(case_id))
    assert (await accept(intake, case_id, more)).status_code == 409
    body = {"services": ["video"], "price": {"amount_minor": 1, "currency": "USD"}}
    path = f"/api/intake/cases/{case_id}/quotes"
    assert (await advisor(intake).post(path, json=body, headers=key())).status_code == 409


async def test_a_specialists_wish_reaches_the_advisors_and_ends_in_a_quote_or_a_reason(
    intake: ServiceUnderTest,
) -> None:
    case_id = await agreed(intake)
    imani = intake.sign_in(Role.SPECIALIST, subject="staff-imani", name="Dr Imani Okafor")
    path = f"/api/intake/cases/{case_id}/wishes"
    for service in ("pathology", "radiology"):
        body = {"service": service, "words": "The grade is unclear."}
        assert (await imani.post(path, json=body, headers=key())).status_code == 201
    assert await waiting(intake) == ["wish", "wish"]
    assert (await imani.post(path, json={"service": "written", "words": "Again"}, headers=key())).status_code == 422
    await quote(intake, case_id, "pathology", supplements=1)
    wishes = (await advisor(intake).get(path)).json()["wishes"]
    left = next(one["wish_id"] for one in wishes if one["outcome"] is None)
    aside = await advisor(intake).post(f"{path}/{left}/set-aside", json={"reason": "Read last month"}, headers=key())
    assert aside.status_code == 200
    wishes = (await imani.get(path)).json()["wishes"]
    assert [(one["outcome"], one["settled_as"]) for one in wishes] == [("quoted", ""), ("set_aside", "Read last month")]
    assert await waiting(intake) == []


async def test_withdrawal_closes_questions_wishes_and_quotes_and_says_so_on_its_page(intake: ServiceUnderTest) -> None:
    case_id = await agreed(intake)
    more = await quote(intake, case_id, "video", supplements=1)
    await ask(intake, case_id, more, "How long is it?")
    me = requester(intake, case_id)
    page = (await me.get(f"/my/intake/cases/{case_id}/withdraw", headers=HTML)).text
    for words in (
        "What stops",
        "What comes back to you",
        "It ends with the withdrawal",
        f"/my/billing/cases/{case_id}/withdrawal",
    ):
        assert words in page
    form = {"_once": field_of(page, "_once"), "reason": ""}
    assert (await me.post(f"/my/intake/cases/{case_id}/withdraw", data=form, headers=HTML)).status_code == 303
    assert await waiting(intake) == []
    assert (await accept(intake, case_id, more)).status_code == 409
    assert (await ask(intake, case_id, more, "Too late?")).status_code == 409
    doctor = intake.sign_in(Role.LOCAL_PHYSICIAN, subject="link", name="Dr Ana Exemplo", cases=[case_id])
    assert (await doctor.get(f"/my/cases/{case_id}", headers=HTML)).status_code == 410
    assert "It ended on" in (await me.get(f"/my/intake/cases/{case_id}/withdraw", headers=HTML)).text


async def test_only_a_revisions_own_case_answers_its_questions(intake: ServiceUnderTest) -> None:
    case_id, other = await submit(intake), await submit(intake)
    asked = await ask(intake, case_id, await quote(intake, case_id), "Is it mine?")
    question = UUID(asked.json()["questions"][0]["question_id"])
    path = f"/api/intake/cases/{other}/quote-questions/{question}/answer"
    assert (await advisor(intake).post(path, json={"text": "No"}, headers=key())).status_code == 404


async def test_a_quote_made_before_there_were_lines_is_still_read(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    async with intake.ctx.db.transaction() as tx:
        await quoting.offer(tx, case_id, ("written",), Asked(), "", "staff-ada")
        await tx.execute("DELETE FROM quote_lines")
    page = await requester(intake, case_id).get(f"/my/intake/cases/{case_id}/quote", headers=HTML)
    assert "USD\xa02,000.00" in page.text
