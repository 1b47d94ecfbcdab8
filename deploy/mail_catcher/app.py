"""The web side: a list of the mails, one mail with its text and HTML, and a JSON interface for tests and the demo.

A mail's HTML is a stranger's: it is shown in a sandboxed frame under a policy that runs no script and loads nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

import jinja2
from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from deploy.mail_catcher import smtp
from deploy.mail_catcher.mailbox import Mail, Mailbox, Mood, Stage
from shared.web.times import spoken_instant

_TEMPLATES = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
_PAGES = jinja2.Environment(loader=_TEMPLATES, autoescape=True, undefined=jinja2.StrictUndefined)
_PAGES.filters["when"] = lambda at: spoken_instant(at, ZoneInfo("UTC"), "en")
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'"
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
)


class MoodAsked(BaseModel):
    """The body of ``PUT /api/moods``."""

    model_config = ConfigDict(extra="forbid")

    stage: Stage = "rcpt"
    code: Annotated[int, Field(ge=400, le=599)] = 550
    times: Annotated[int, Field(ge=1, le=10_000)] = 1
    to: str = ""


def create_app(
    mailbox: Mailbox | None = None, *, smtp_host: str = "127.0.0.1", smtp_port: int | None = None
) -> FastAPI:
    """Return the web application; with ``smtp_port`` it also takes mails there while it runs (0: any free port)."""
    box = mailbox if mailbox is not None else Mailbox()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if smtp_port is None:
            yield
            return
        server = await smtp.listen(box, smtp_host, smtp_port)
        app.state.smtp_port = server.sockets[0].getsockname()[1]
        yield
        server.close()

    app = FastAPI(title="Mail catcher", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.mailbox = box
    _json_routes(app, box)
    _page_routes(app, box)
    return app


def _json_routes(app: FastAPI, box: Mailbox) -> None:
    @app.get("/api/messages")
    async def messages(to: str = "", subject: str = "", wait: Annotated[float, Query(ge=0, le=30)] = 0) -> JSONResponse:
        found = await box.wait_for(to=to, subject=subject, seconds=wait)
        return JSONResponse({"messages": [mail.as_json() for mail in found]})

    @app.get("/api/messages/{mail_id}")
    async def message(mail_id: int) -> JSONResponse:
        return JSONResponse(_mail(box, mail_id).as_json())

    @app.delete("/api/messages")
    async def forget(to: str = "", subject: str = "") -> JSONResponse:
        return JSONResponse({"removed": box.remove(to=to, subject=subject)})

    @app.put("/api/moods")
    async def mood(asked: MoodAsked) -> JSONResponse:
        box.moods.append(Mood(asked.stage, asked.code, asked.times, asked.to))
        return JSONResponse({"moods": len(box.moods)})

    @app.delete("/api/moods")
    async def good_mood() -> Response:
        box.moods.clear()
        return Response(status_code=204)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok", "messages": len(box.find())})


def _page_routes(app: FastAPI, box: Mailbox) -> None:
    @app.get("/")
    async def inbox(to: str = "") -> HTMLResponse:
        return _page("inbox.html", mails=box.find(to=to), to=to)

    @app.get("/messages/{mail_id}")
    async def one(mail_id: int, view: Literal["html", "text"] = "html") -> HTMLResponse:
        return _page("mail.html", mail=_mail(box, mail_id), view=view)

    @app.get("/messages/{mail_id}/html")
    async def html(mail_id: int) -> HTMLResponse:
        body = _mail(box, mail_id).body("html").replace("<head>", '<head><base target="_blank">', 1)
        return HTMLResponse(body, headers={"Content-Security-Policy": _MAIL_POLICY, "Referrer-Policy": "no-referrer"})

    @app.get("/messages/{mail_id}/raw")
    async def raw(mail_id: int) -> Response:
        headers = {"X-Content-Type-Options": "nosniff"}
        return Response(_mail(box, mail_id).raw, media_type="text/plain; charset=utf-8", headers=headers)

    @app.post("/forget")
    async def forget_all() -> RedirectResponse:
        box.remove()
        return RedirectResponse("/", status_code=303)


def _mail(box: Mailbox, mail_id: int) -> Mail:
    mail = box.get(mail_id)
    if mail is None:
        raise HTTPException(404, "This mail was never caught, or made room for newer ones.")
    return mail


def _page(template: str, **values: object) -> HTMLResponse:
    headers = {"Content-Security-Policy": _PAGE_POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return HTMLResponse(_PAGES.get_template(template).render(**values), headers=headers)


class MailCatcher:
    """A catcher inside this process, for tests: ``async with MailCatcher() as mails: … mails.smtp_url``."""

    def __init__(self, mailbox: Mailbox | None = None) -> None:
        self.mailbox = mailbox if mailbox is not None else Mailbox()
        self.app = create_app(self.mailbox)
        self._server: asyncio.Server | None = None

    @property
    def smtp_url(self) -> str:
        """Where mails are taken, as ``SMTP_URL`` wants it. ``RuntimeError`` before ``start``."""
        if self._server is None:
            raise RuntimeError("Start the mail catcher first.")
        return f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await smtp.listen(self.mailbox, "127.0.0.1", 0)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
