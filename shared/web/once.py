"""Once: the same request sent twice is done once, and gets the same answer (requirement of every POST).

The key comes from the header ``Idempotency-Key`` or the hidden form field ``_once``. One transaction holds the key, the
work and the answer, so a crash leaves all three or none; a second sender waits for the first and reads its answer.
Work that raises stores nothing: the same key may be tried again.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from shared.backbone import failpoints
from shared.db import Database, Row, Tx, UniqueViolation
from shared.web.auth import Who
from shared.web.forms import sent_form
from shared.web.i18n import N_
from shared.web.problem import Problem

MIN_KEY, MAX_KEY = 8, 255

_TAKE = """
INSERT INTO idempotency (principal, key, route, body_hash, status, answer, created_at)
VALUES ($1, $2, $3, $4, NULL, NULL, $5) ON CONFLICT (principal, key) DO NOTHING RETURNING true
"""
_EARLIER = "SELECT route, body_hash, status, answer FROM idempotency WHERE principal = $1 AND key = $2"
_KEEP = """
INSERT INTO idempotency (principal, key, route, body_hash, status, answer, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_ANSWER = "UPDATE idempotency SET status = $3, answer = $4 WHERE principal = $1 AND key = $2"


@dataclass(frozen=True)
class Answer:
    """What is stored, and sent again, to the byte, to whoever sends the same again: a JSON text, or where to go (303)."""

    status: int
    content: str

    def response(self) -> Response:
        """Return the answer as it was."""
        if self.status == 303:
            return RedirectResponse(self.content, 303)
        return Response(self.content, self.status, media_type="application/json")


@dataclass(frozen=True)
class OnceOnly:
    """One request's promise to be done once; handlers get it as ``once: Once``."""

    db: Database
    principal: str
    key: str
    route: str
    body_hash: bytes

    async def earlier(self) -> Response | None:
        """Return the answer that this very request got before, if any: for who must ask somebody else before the work.

        Without it a repeat would ask again, and get another answer when the state has moved on or nobody answers.
        """
        async with self.db.reading() as tx:
            found = await tx.fetchrow(_EARLIER, self.principal, self.key)
        return None if found is None else self._as_before(found).response()

    async def run(self, work: Callable[[Tx], Awaitable[BaseModel | dict[str, Any]]], status: int = 200) -> Response:
        """Do ``work`` in a transaction, unless it was done before, and answer its model (or plain values) as JSON."""

        async def answer(tx: Tx) -> Answer:
            done = await work(tx)
            return Answer(status, done.model_dump_json() if isinstance(done, BaseModel) else to_json(done).decode())

        return (await self._once(answer)).response()

    async def create(self, work: Callable[[Tx], Awaitable[BaseModel]]) -> Response:
        """Do ``work`` that makes something new, unless it was done before, and answer 201 with its model as JSON.

        ``work`` writes ``later`` and reads nothing, and refuses for what was sent alone: it runs before the key is known to be
        new, and all of it, the key and the answer are one statement. When the key was there, nothing of it is true.
        """
        try:
            async with self.db.transaction() as tx:
                answer = Answer(201, (await work(tx)).model_dump_json())
                tx.later(
                    _KEEP, self.principal, self.key, self.route, self.body_hash, answer.status, answer.content, tx.now
                )
                if failpoints.wanted("once.worked"):  # otherwise writing and committing are one
                    await tx.catch_up()
                    failpoints.reach("once.worked")
        except UniqueViolation as taken:
            if taken.constraint_name != "idempotency_pkey":
                raise
            async with self.db.reading() as tx:
                return self._as_before(await tx.fetchrow(_EARLIER, self.principal, self.key)).response()
        failpoints.reach("once.committed")
        return answer.response()

    async def redirect(self, work: Callable[[Tx], Awaitable[str]]) -> Response:
        """Do ``work`` in a transaction, unless it was done before, and send the browser on (303) to the path it returns."""

        async def answer(tx: Tx) -> Answer:
            return Answer(303, await work(tx))

        return (await self._once(answer)).response()

    async def _once(self, work: Callable[[Tx], Awaitable[Answer]]) -> Answer:
        answer = earlier = None
        async with self.db.transaction() as tx:
            if await tx.fetchval(_TAKE, self.principal, self.key, self.route, self.body_hash, tx.now):
                answer = await work(tx)
                tx.later(_ANSWER, self.principal, self.key, answer.status, answer.content)
                failpoints.reach("once.worked")
            else:
                earlier = await tx.fetchrow(_EARLIER, self.principal, self.key)
        if answer is not None:
            failpoints.reach("once.committed")
            return answer
        return self._as_before(earlier)

    def _as_before(self, earlier: Row | None) -> Answer:
        if earlier is None:
            raise Problem(409, N_("Sent twice at once"), detail=N_("Send it again."))
        if (earlier["route"], bytes(earlier["body_hash"])) != (self.route, self.body_hash):
            raise Problem(
                422,
                N_("This key was used for something else"),
                detail=N_("Use a new Idempotency-Key for a new request."),
            )
        return Answer(earlier["status"], earlier["answer"])


async def read_once(request: Request, who: Who) -> OnceOnly:
    """Read the key and the fingerprint of the body. Raises ``Problem`` 400 without a proper key."""
    body_hash, field = await _fingerprint(request)
    key = request.headers.get("idempotency-key") or field or ""
    if not (MIN_KEY <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise Problem(
            400,
            N_("Idempotency-Key is missing"),
            detail=f"Send a header Idempotency-Key of {MIN_KEY} to {MAX_KEY} printable ASCII characters, new for each new request.",
        )
    route = f"{request.method} {request.url.path}"
    return OnceOnly(request.app.state.context.db, who.subject, key, route, body_hash)


Once = Annotated[OnceOnly, Depends(read_once)]


async def _fingerprint(request: Request) -> tuple[bytes, str | None]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return hashlib.sha256(await request.body()).digest(), None
    form = await sent_form(request)
    fields = [
        [name, await _digest(value) if isinstance(value, UploadFile) else value] for name, value in form.multi_items()
    ]
    field = form.get("_once")
    return hashlib.sha256(json.dumps(fields).encode()).digest(), field if isinstance(field, str) else None


async def _digest(file: UploadFile) -> str:
    digest = hashlib.sha256((file.filename or "").encode())
    while chunk := await file.read(1 << 20):
        digest.update(chunk)
    await file.seek(0)
    return digest.hexdigest()
