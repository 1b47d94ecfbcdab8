"""What takes files in, and what looks at them, dies at every step: each file is whole, judged once, and has its row.

Afterwards no file lies in the store without a row, no row is without its file, and nothing is left of whoever died.
"""

import hashlib
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest

from deploy.local import child
from deploy.local.places import ROOT
from services.records import handlers, roster, vault
from services.records.__main__ import SERVICE
from services.records.inspection import looking
from shared.backbone import errands, timers
from shared.clock import Clock, FixedClock
from shared.db import Database
from shared.ids import CaseId
from shared.service import Context
from shared.web.identity import session_cookie
from shared.web.principals import Principal, Role
from shared.web.tokens import SESSIONS, mint_session, read_key
from tests.records.conftest import PDF, ROSTER
from tests.records.hostile import EXE
from tests.records.made_up import archive, pdf
from tests.records.tus import BODY, TUS, metadata
from tests.support.dying import dying, fetch, own_database
from tests.support.facts import a_case, confirmed, paid
from tests.support.installation import until
from tests.support.measuring import unmeasured
from tests.support.mortal import LIVES, LOOKING_DEATHS, UPLOAD_DEATHS

pytestmark = pytest.mark.timeout(240)

PIECE = 5 << 20
NOTES = b"".join(b"%07d\n" % number for number in range(PIECE // 8))
HARMFUL = pdf("<< /S /JavaScript /JS (1) >>", root="/OpenAction 10 0 R")
PAGES = {f"page-{number}.txt": b"page %d\n" % number for number in range(looking.CHILDREN_AT_A_TIME + 50)}
CD = archive({"notes.txt": NOTES, **PAGES, "again.txt": b"page 1\n", "viewer.exe": EXE, "form.pdf": HARMFUL}, packing=0)
"""Its files are told in two commits; the longest is two segments."""


@pytest.fixture
async def db(postgres_url: str, platform_environment: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Database]:
    (tmp_path / "scratch").mkdir()
    platform_environment.setenv("RECORDS_SCRATCH", str(tmp_path / "scratch"))
    async with own_database("records", postgres_url, platform_environment) as lent:
        yield lent


async def collected(db: Database) -> CaseId:
    """Return a case whose collection is open."""
    case_id = a_case()
    async with db.transaction() as tx:
        await roster.seed(tx, ROSTER)
        await handlers.draft_checklist(confirmed(case_id), tx)
        await handlers.open_collection(paid(case_id), tx)
    async with db.transaction() as tx:
        await tx.execute("UPDATE errands SET done_at = $1", tx.now)  # intake isn't here to be asked
    return case_id


@dataclass
class Sender:
    """Somebody who sends files by tus, and goes on where the server says that it stands."""

    line: httpx.AsyncClient
    api: str
    server: psutil.Process
    unanswered: int = 0

    async def begin(self, item_id: UUID, name: str, size: int) -> str:
        headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": metadata(filename=name)}
        made = await self.line.post(f"{self.api}/items/{item_id}/uploads", headers=headers)
        assert made.status_code == 201, made.text
        return str(made.headers["Location"])

    async def send(self, item_id: UUID, name: str, body: bytes) -> None:
        place, offset = await self.begin(item_id, name, len(body)), 0
        while offset < len(body):
            headers = BODY | {"Upload-Offset": str(offset)}
            try:
                answer = await self.line.patch(place, content=body[offset : offset + PIECE], headers=headers)
            except httpx.TransportError:
                self.unanswered += 1
                answer = await self.line.head(place, headers=TUS)
            assert answer.is_success, answer.text
            stands = int(answer.headers["Upload-Offset"])
            assert stands >= offset, "what was answered is kept"
            offset = stands

    async def told(self) -> Counter[tuple[str, str, str | None]]:
        """Return what the sender is told: name, verdict and reason of each file."""
        sent = (await self.line.get(f"{self.api}/uploads")).json()["sent"]
        assert all(one["sentence"] for one in sent if one["reason"])
        return Counter((one["name"], one["verdict"], one["reason"]) for one in sent)


@pytest.fixture
async def sender(db: Database, keys_folder: Path, tmp_path: Path) -> AsyncIterator[Sender]:
    """Somebody who sends files to a server that dies at each step of the first one, and lives on with the others."""
    case_id, port = await collected(db), child.free_port()
    argv = [sys.executable, "-P", "-m", "tests.support.mortal", "records", str(port), *UPLOAD_DEATHS, LIVES]
    server = child.spawn(
        argv, log=tmp_path / "server.log", env={**unmeasured(os.environ), "PYTHONPATH": str(ROOT)}, cwd=ROOT
    )
    who = Principal("patient-1", "Made Up", frozenset({Role.PATIENT}), frozenset({case_id}))
    token = mint_session(read_key(keys_folder / "sessions.pem", SESSIONS), who, now=Clock().now())
    cookies = {session_cookie(os.environ["PUBLIC_URL"]): token}
    try:
        until(lambda: child.listens(port), "the server listens")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", cookies=cookies, timeout=60) as line:
            yield Sender(line, f"/api/records/cases/{case_id}", psutil.Process(server.pid))
    finally:
        child.stop(server)


async def days_pass() -> None:
    """Run what is due when a half upload can't be gone on with any more, the sweep too."""
    ctx = await Context.open(SERVICE, clock=FixedClock(Clock().now() + timedelta(days=9)))
    while await timers.run_due(ctx.db, ctx.service.timers) + await errands.run_due(ctx, ctx.service.errands):
        pass
    await ctx.close()


async def test_each_file_is_whole_and_judged_once_whatever_dies_over_it(
    db: Database, sender: Sender, tmp_path: Path
) -> None:
    items = dict(await fetch(db, "SELECT code, id FROM items"))
    await sender.send(items["clinical_summary"], "cd.zip", CD)
    assert sender.unanswered == len(UPLOAD_DEATHS)
    for name, body in (("letter.pdf", PDF), ("again.pdf", PDF), ("harmful.pdf", HARMFUL)):
        await sender.send(items["treatment_history"], name, body)
    half = await sender.begin(items["treatment_history"], "half.txt", 2 * len(NOTES))
    await sender.line.patch(half, content=NOTES, headers=BODY | {"Upload-Offset": "0"})

    await timers.run_due(db, SERVICE.timers)
    async with dying("records", "errands") as deaths:
        assert await deaths(*LOOKING_DEATHS, LIVES) == len(LOOKING_DEATHS)

    judged = {
        ("cd.zip", "clean", None): 1, ("form.pdf", "quarantined", "script"): 1, ("letter.pdf", "clean", None): 1,
        ("again.pdf", "skipped", "known"): 1, ("harmful.pdf", "quarantined", "script"): 1,
    }  # fmt: skip
    assert await sender.told() == judged
    counted = {"clean": len(PAGES) + 1, "known": 1, "program": 1, "script": 1}
    assert await fetch(db, "SELECT contents FROM documents WHERE name = 'cd.zip'") == [(counted,)]
    clean = await fetch(db, "SELECT path FROM documents WHERE parent_id IS NOT NULL AND verdict = 'clean'")
    assert Counter(path for (path,) in clean) == Counter(["notes.txt", *PAGES])
    history = (
        "SELECT i.code, count(*) FROM case_history h JOIN items i ON i.id = h.item_id WHERE h.kind = 'sent' GROUP BY 1"
    )
    assert dict(await fetch(db, history)) == {"clinical_summary": 1, "treatment_history": 1}

    await days_pass()
    assert await fetch(db, "SELECT id FROM incoming") == []
    assert await fetch(db, "SELECT object_key FROM uploads") == []
    rows = await fetch(db, "SELECT DISTINCT unnest(segment_keys) FROM documents")
    assert stored(tmp_path) == {key for (key,) in rows}
    await each_is_what_was_sent(db)
    until(lambda: left_behind(tmp_path, sender.server) == [], "the sandboxes of the dead are gone")


def stored(folder: Path) -> set[str]:
    files = folder / "files"
    return {str(path.relative_to(files)) for path in files.rglob("*") if path.is_file()}


def left_behind(folder: Path, server: psutil.Process) -> list[Any]:
    """Return copies of files that somebody left, and sandboxes but for those of the server that lives."""
    scratch = folder / "scratch"
    living = {process.pid for process in server.children(recursive=True)}
    running = [process.info for process in psutil.process_iter(["pid", "cmdline"])]
    return [
        *(path for path in scratch.rglob("*") if path.is_file()),
        *(one for one in running if str(scratch) in " ".join(one["cmdline"] or ()) and one["pid"] not in living),
    ]


async def each_is_what_was_sent(db: Database) -> None:
    """Read every file back by its row."""
    sent = {"cd.zip": CD, "letter.pdf": PDF, "harmful.pdf": HARMFUL, "notes.txt": NOTES} | PAGES
    ctx = await Context.open(SERVICE)
    for document_id, name, sha256 in await fetch(
        db, "SELECT id, name, sha256 FROM documents WHERE segment_keys IS NOT NULL"
    ):
        file = await vault.open_document(ctx, document_id)
        assert b"".join(file.pieces()) == sent.pop(name)
        assert hashlib.sha256(b"".join(file.pieces())).hexdigest() == sha256
    await ctx.close()
    assert sent == {}
