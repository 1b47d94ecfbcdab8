"""The local mail catcher: keeps what comes, shows it safely, forgets in good time, and has moods on demand."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiosmtplib
import httpx
import pytest

from deploy.mail_catcher.app import MailCatcher, create_app
from deploy.mail_catcher.mailbox import Mailbox


@pytest.fixture
async def catcher() -> AsyncIterator[MailCatcher]:
    async with MailCatcher(Mailbox(most=3)) as lent:
        yield lent


@pytest.fixture
async def web(catcher: MailCatcher) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(catcher.app), base_url="http://mails.test") as client:
        yield client


def letter(to: str = "ann@patient.example", subject: str = "你好", html: str = "<p>hello</p>") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = "us@consilium.example", to, subject, "<1@test>"
    mail.set_content("hello in text")
    mail.add_alternative(f"<html><head></head><body>{html}</body></html>", subtype="html")
    return mail


async def put(catcher: MailCatcher, mail: EmailMessage) -> None:
    port = int(catcher.smtp_url.rpartition(":")[2])
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False)


async def test_what_was_sent_can_be_read_by_programs(catcher: MailCatcher, web: httpx.AsyncClient) -> None:
    await put(
        catcher,
        letter(html='<a href="http://x.test/a?b=1&amp;c=2">go</a> <a href="http://x.test/a?b=1&amp;c=2">again</a>'),
    )
    [mail] = (await web.get("/api/messages", params={"to": "ANN@patient.example"})).json()["messages"]
    assert (mail["subject"], mail["to"], mail["message_id"]) == ("你好", ["ann@patient.example"], "<1@test>")
    assert mail["text"].strip() == "hello in text"
    assert mail["links"] == ["http://x.test/a?b=1&c=2"]
    assert (await web.get(f"/api/messages/{mail['id']}")).json() == mail
    assert (await web.get("/api/messages", params={"to": "bob@patient.example"})).json() == {"messages": []}
    assert b"Message-ID: <1@test>" in (await web.get(f"/messages/{mail['id']}/raw")).content


async def test_a_reader_can_wait_for_a_mail(catcher: MailCatcher, web: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(web.get("/api/messages", params={"subject": "later", "wait": 10}))
    await put(catcher, letter(subject="not this"))
    await put(catcher, letter(subject="much later"))
    assert [mail["subject"] for mail in (await waiting).json()["messages"]] == ["much later"]
    assert (await web.get("/api/messages", params={"subject": "never", "wait": 0.05})).json() == {"messages": []}


async def test_a_mails_html_can_run_nothing_and_load_nothing(catcher: MailCatcher, web: httpx.AsyncClient) -> None:
    await put(catcher, letter(html="<script>alert(1)</script><img src='http://evil.test/x'>", subject="<b>bold</b>"))
    mail = catcher.mailbox.find()[0]
    page = await web.get(f"/messages/{mail.id}")
    assert "&lt;b&gt;bold" in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    policy = (await web.get(f"/messages/{mail.id}/html")).headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert "hello in text" in (await web.get(f"/messages/{mail.id}?view=text")).text
    assert "1 mail" in (await web.get("/")).text
    assert (await web.get("/messages/999")).status_code == 404


async def test_memory_is_bounded_in_mails_and_in_bytes(catcher: MailCatcher) -> None:
    for number in range(5):
        await put(catcher, letter(subject=str(number)))
    assert [mail.subject for mail in catcher.mailbox.find()] == ["4", "3", "2"]
    small = Mailbox(most_bytes=100)
    for _ in range(9):
        small.add("a", ["b"], b"x" * 60)
    assert len(small.find()) == 1


async def test_mails_are_forgotten_on_demand(catcher: MailCatcher, web: httpx.AsyncClient) -> None:
    for to in ("a@x.example", "b@x.example"):
        await put(catcher, letter(to))
    assert (await web.delete("/api/messages", params={"to": "a@x.example"})).json() == {"removed": 1}
    assert (await web.get("/healthz")).json() == {"status": "ok", "messages": 1}
    assert (await web.post("/forget")).status_code == 303
    assert catcher.mailbox.find() == []


@pytest.mark.parametrize(("stage", "code"), [("mail", 451), ("rcpt", 550), ("data", 452)])
async def test_moods_answer_as_asked_for_as_long_as_asked(
    catcher: MailCatcher, web: httpx.AsyncClient, stage: str, code: int
) -> None:
    mood = {"stage": stage, "code": code, "times": 1}
    assert (await web.put("/api/moods", json=mood)).status_code == 200
    with pytest.raises((aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused)) as refused:
        await put(catcher, letter())
    assert str(code) in str(refused.value)
    await put(catcher, letter())
    assert len(catcher.mailbox.find()) == 1


async def test_moods_end_when_told_and_refuse_nonsense(catcher: MailCatcher, web: httpx.AsyncClient) -> None:
    await web.put("/api/moods", json={"times": 100})
    assert (await web.delete("/api/moods")).status_code == 204
    await put(catcher, letter())
    assert (await web.put("/api/moods", json={"code": 200})).status_code == 422
    assert (await web.put("/api/moods", json={"colour": "blue"})).status_code == 422


async def test_the_application_alone_takes_mails_while_it_runs() -> None:
    app = create_app(smtp_port=0)
    async with app.router.lifespan_context(app):
        port = app.state.smtp_port

        def send() -> None:
            with smtplib.SMTP("127.0.0.1", port) as server:
                server.send_message(letter())

        await asyncio.to_thread(send)
        assert len(app.state.mailbox.find()) == 1
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


def test_a_catcher_that_was_not_started_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="Start"):
        _ = MailCatcher().smtp_url
