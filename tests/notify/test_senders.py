"""The port to the mail server: TLS and passwords as the address asks, and verdicts without anybody's words in them."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.notify import settings
from services.notify.senders import Refused, SmtpSender, TryLater


class Taking:
    """A handler that takes everything and remembers how the session stood."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []

    async def handle_DATA(self, _: SMTP, session: Session, __: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.sessions.append(session)
        return "250 OK"


def letter(to: str = "ann@patient.example") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "us@consilium.example", to, "hello"
    mail.set_content("hello")
    return mail


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's idea of trust, for ``localhost``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))


async def serve(handler: Any, tls: ssl.SSLContext | None = None, **options: Any) -> tuple[asyncio.Server, int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, **options), "127.0.0.1", 0, ssl=tls)
    return server, int(server.sockets[0].getsockname()[1])


async def test_starttls_and_a_password_are_used_when_the_address_says_so(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    taking, seen = Taking(), []

    def check(_s: SMTP, _e: Session, _v: Envelope, mechanism: str, data: Any) -> AuthResult:
        seen.append((data.login, data.password))
        return AuthResult(success=True)

    server, port = await serve(taking, tls_context=certificate[0], require_starttls=True, authenticator=check)
    async with server:
        url = f"smtp://con%40silium:s%2Fecret@localhost:{port}?starttls=1"
        await SmtpSender(url, trust=certificate[1]).send(letter())
    assert seen == [(b"con@silium", b"s/ecret")]
    assert taking.sessions[0].ssl


async def test_smtps_speaks_tls_from_the_first_byte(certificate: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    taking = Taking()
    server, port = await serve(taking, tls=certificate[0])
    async with server:
        await SmtpSender(f"smtps://localhost:{port}", trust=certificate[1]).send(letter())
        with pytest.raises(TryLater):
            await SmtpSender(f"smtps://localhost:{port}").send(letter())
    assert len(taking.sessions) == 1


async def test_a_server_without_the_tls_that_was_asked_for_gets_nothing() -> None:
    taking = Taking()
    server, port = await serve(taking)
    async with server:
        with pytest.raises((TryLater, Refused)):
            await SmtpSender(f"smtp://localhost:{port}?starttls=1").send(letter())
    assert taking.sessions == []


async def test_a_wrong_password_is_our_fault_and_never_bounces_a_reader() -> None:
    def never(*_: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    server, port = await serve(Taking(), authenticator=never, auth_require_tls=False)
    async with server:
        with pytest.raises(TryLater) as trouble:
            await SmtpSender(f"smtp://us:wrong@127.0.0.1:{port}").send(letter())
    assert trouble.value.code == 535


async def test_an_address_that_the_server_cannot_write_is_refused_for_good() -> None:
    server, port = await serve(Taking(), enable_SMTPUTF8=False)
    async with server:
        with pytest.raises(Refused) as refused:
            await SmtpSender(f"smtp://127.0.0.1:{port}").send(letter("王@patient.example"))
    assert refused.value.code == 553


async def test_a_refusals_words_stay_in_the_port() -> None:
    class Chatty(Taking):
        async def handle_RCPT(self, *said: Any) -> str:  # noqa: N802 - aiosmtpd's name
            return f"550 5.1.1 <{said[3]}> User unknown"

    server, port = await serve(Chatty())
    async with server:
        with pytest.raises(Refused) as refused:
            await SmtpSender(f"smtp://127.0.0.1:{port}").send(letter())
    assert "ann" not in str(refused.value)
    assert refused.value.__suppress_context__


async def test_nobody_listening_is_tried_later() -> None:
    server, port = await serve(Taking())
    server.close()
    await server.wait_closed()
    with pytest.raises(TryLater) as trouble:
        await SmtpSender(f"smtp://127.0.0.1:{port}").send(letter())
    assert trouble.value.code is None


@pytest.mark.parametrize(
    "url", ["http://mail.example", "smtp://", "smtp://user:password@mail.example:25", "mail.example:25"]
)
def test_an_address_that_cant_work_or_would_show_a_password_is_refused_at_the_start(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    monkeypatch.setenv("NOTIFY_DATABASE_URL", "postgresql://localhost/notify")
    with pytest.raises(ValueError, match="SMTP_URL"):
        settings.read()


def test_a_password_over_tls_is_fine() -> None:
    SmtpSender("smtps://user:password@mail.example")
    SmtpSender("smtp://user:password@mail.example?starttls=1")
