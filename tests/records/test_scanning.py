"""Viruses: a scanner is shown each file by itself; what it wouldn't look at is said, and holds no other file up."""

import asyncio
import os
from typing import Any
from uuid import uuid4

import pytest

from shared.web import Role
from tests.records.conftest import PDF, Case
from tests.records.made_up import archive, pdf, stream
from tests.records.tus import looked_at, sends

STREAM_LIMIT = 64 << 10


class Scanner:
    """Speaks clamd's INSTREAM as that does: finds a virus in what holds the word, answers what is larger than its limit while
    it still comes and hangs up on it, and breaks down over what it can't bear. ``seen``: the sizes that it looked at.
    """

    def __init__(self) -> None:
        self.seen: list[int] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.readuntil(b"\x00")
        if command == b"zVERSION\x00":
            writer.write(b"ClamAV 1.4.0/27000\x00")
        else:
            assert command == b"zINSTREAM\x00"
            writer.write(await self.looks(reader))
        if not writer.transport.is_closing():
            await writer.drain()
        writer.close()

    async def looks(self, reader: asyncio.StreamReader) -> bytes:
        body = b""
        while size := int.from_bytes(await reader.readexactly(4), "big"):
            if len(body) + size > STREAM_LIMIT:
                return b"INSTREAM size limit exceeded. ERROR\x00"
            body += await reader.readexactly(size)
        self.seen.append(len(body))
        if b"breaks it" in body:
            return b""
        if b"says much" in body:
            return b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\x00"
        return b"stream: Made-Up-Virus FOUND\x00" if b"made-up-virus" in body else b"stream: OK\x00"


@pytest.fixture
async def clamd(case: Case) -> Any:
    scanner = Scanner()
    server = await asyncio.start_server(scanner.serve, "127.0.0.1", 0)
    case.records.ctx.settings.clamd = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield scanner


async def scans(case: Case) -> dict[str, tuple[str, str | None, str | None, str | None]]:
    rows = await case.records.fetch(
        "SELECT coalesce(path, name) AS name, verdict, reason, scanned, unscanned FROM documents"
    )
    return {row["name"]: (row["verdict"], row["reason"], row["scanned"], row["unscanned"]) for row in rows}


GOOD, BAD = ("clean", None, "ClamAV 1.4.0/27000", None), ("quarantined", "virus", "ClamAV 1.4.0/27000", None)
LARGE, LOCKED = ("clean", None, None, "too_large"), (404, 200, 200)


async def test_where_a_clamd_is_set_a_virus_is_locked_away(case: Case, clamd: Scanner) -> None:
    await sends(case, "clinical_summary", PDF, filename="good.pdf")
    await sends(case, "clinical_summary", pdf(words="made-up-virus"), filename="bad.pdf")
    await case.looks()

    assert await scans(case) == {"good.pdf": GOOD, "bad.pdf": BAD}


async def test_what_a_scanner_does_not_take_is_taken_in_and_said_to_be_unscanned(case: Case, clamd: Scanner) -> None:
    await sends(case, "clinical_summary", pdf(stream(os.urandom(40 * STREAM_LIMIT))), filename="large.pdf")
    await sends(case, "clinical_summary", pdf(words="says much"), filename="limits.pdf")
    await sends(case, "clinical_summary", PDF, filename="good.pdf")
    await case.looks()
    case.records.ctx.settings.clamd_largest = 1000
    await sends(case, "treatment_history", pdf(stream(os.urandom(9000))), filename="larger than was said.pdf")
    seen = len(clamd.seen)
    await case.looks()

    large = dict.fromkeys(("large.pdf", "limits.pdf", "larger than was said.pdf"), LARGE)
    assert await scans(case) == {"good.pdf": GOOD} | large
    assert len(clamd.seen) == seen, "it wasn't even asked"
    page = (await case.manager.get(f"/desk/records/cases/{case.id}")).text
    assert page.count("not scanned for viruses: too large") == len(large)


async def test_of_an_archive_each_file_is_scanned_by_itself_and_the_archive_is_not_handed_out(
    case: Case, clamd: Scanner
) -> None:
    files = {"a.txt": b"a", "b.txt": b"made-up-virus", "c.txt": b"c" * 2 * STREAM_LIMIT}
    found = await looked_at(case, "clinical_summary", archive(files), "cd.zip")

    assert await scans(case) == {"cd.zip": GOOD, "a.txt": GOOD, "b.txt": BAD, "c.txt": LARGE}
    assert clamd.seen == [1, len(files["b.txt"])]
    path = f"{case.api}/documents/{found['id']}/content"
    officer = case.records.sign_in(Role.PRIVACY_OFFICER)
    assert tuple([(await who.get(path)).status_code for who in (case.manager, case.patient, officer)]) == LOCKED
    rows = await case.records.fetch("SELECT name FROM documents WHERE parent_id IS NOT NULL AND segment_keys IS NULL")
    assert [row["name"] for row in rows] == ["b.txt"], "of what is harmful nothing is kept"
    assert "in part not scanned for viruses" in (await case.manager.get(f"/desk/records/cases/{case.id}")).text


async def test_a_file_over_which_the_scanner_breaks_down_holds_no_other_up(case: Case, clamd: Scanner) -> None:
    for name, words in {"first.pdf": "breaks it", "second.pdf": "fine"}.items():
        await sends(case, "clinical_summary", pdf(words=words), filename=name)
    await case.records.run_timers()
    await case.records.run_errands(may_fail=True)

    assert await scans(case) == {"first.pdf": ("waiting", None, None, None), "second.pdf": GOOD}
    [errand] = await case.records.fetch("SELECT error FROM errands WHERE kind = 'look_at_files'")
    assert "it hung up" in errand["error"], "somebody must look at the scanner"


async def test_a_clamd_that_is_away_holds_files_back_and_loses_none(case: Case) -> None:
    case.records.ctx.settings.clamd = "127.0.0.1:9"
    item, document = await case.item("clinical_summary"), uuid4()
    await case.patient.put(f"{case.api}/items/{item['id']}/documents/{document}", params={"name": "a.pdf"}, content=PDF)
    await case.records.run_timers()
    await case.records.run_errands(may_fail=True)

    [row] = await case.records.fetch("SELECT verdict FROM documents")
    assert row["verdict"] == "waiting"
