"""Files in and out: streamed, measured, sniffed, invisible until committed, read only by those who may, and written down."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote
from uuid import UUID, uuid4

import httpx
import pytest

from services.records import files, sweeping
from services.records.erasing import erase
from services.records.inspection.kinds import WORD
from shared.backbone import timers
from shared.files import as_download
from shared.web import Role
from tests.records.conftest import PDF, Case
from tests.records.made_up import archive, dicom, docx, pdf, picture, png
from tests.support.facts import a_case, withdrawn


def objects(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


async def put(
    case: Case, code: str, body: object, *, document: UUID | None = None, who: httpx.AsyncClient | None = None
) -> httpx.Response:
    item = await case.item(code)
    path = f"{case.api}/items/{item['id']}/documents/{document or uuid4()}"
    return await (who or case.patient).put(path, params={"name": "letter.pdf"}, content=body)  # type: ignore[arg-type]


async def in_pieces(total: int, *, head: bytes = b"%PDF-1.7\n", piece: int = 1 << 20) -> AsyncIterator[bytes]:
    yield head
    for _ in range(total // piece):
        yield bytes(piece)


async def broken_off() -> AsyncIterator[bytes]:
    yield PDF
    yield bytes(6 << 20)
    raise ConnectionResetError


async def from_before_there_were_keys(case: Case, tmp_path: Path, verdict: str, body: bytes) -> UUID:
    """Return a document as it was written before files were sealed: one plain object."""
    item, document, key = await case.item("clinical_summary"), uuid4(), f"aa/{uuid4().hex}"
    (tmp_path / "files" / "aa").mkdir(parents=True, exist_ok=True)
    (tmp_path / "files" / key).write_bytes(body)
    async with case.records.ctx.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO documents (id, case_id, item_id, object_key, name, sha256, size_bytes, media_type, uploaded_by,"
            " uploaded_by_name, uploaded_at, verdict) VALUES ($1, $2, $3, $4, 'old.pdf', $5, $6, 'application/pdf', 'p', 'P', $7, $8)",
            document, case.id, UUID(item["id"]), key, hashlib.sha256(body).hexdigest(), len(body), tx.now, verdict,
        )  # fmt: skip
    return document


async def test_a_file_from_before_there_were_keys_is_handed_out_shown_and_erased(case: Case, tmp_path: Path) -> None:
    document = await from_before_there_were_keys(case, tmp_path, "clean", PDF)
    case.patient = case.records.sign_in(Role.PATIENT, subject="p", name="P", cases=[case.id])
    path = f"{case.api}/documents/{document}/content"

    answer = await case.manager.get(path)
    assert answer.content == PDF
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''old.pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    page = await case.manager.get(f"/desk/records/cases/{case.id}/documents/{document}/pages/1")
    assert (page.status_code, page.headers["content-type"].split("/")[0]) == (200, "image")
    again = await case.uploads("clinical_summary")
    [row] = await case.records.fetch("SELECT verdict, reason FROM documents WHERE id = $1", again)
    assert (row["verdict"], row["reason"]) == ("skipped", "known")

    assert await erase(case.records.ctx, case.id) >= 1
    assert (await case.manager.get(path)).status_code == 410
    assert objects(tmp_path) == []


async def test_a_file_that_an_old_process_still_wrote_is_looked_at_as_the_new_ones_are(
    case: Case, tmp_path: Path
) -> None:
    good = await from_before_there_were_keys(case, tmp_path, "waiting", PDF)
    bad = await from_before_there_were_keys(
        case, tmp_path, "waiting", pdf("<< /S /Launch >>", root="/OpenAction 10 0 R")
    )
    async with case.records.ctx.db.transaction() as tx:
        await timers.set(tx, case.id, sweeping.LOOK, tx.now)
    await case.looks()

    rows = await case.records.fetch("SELECT id, verdict, reason FROM documents")
    assert {row["id"]: (row["verdict"], row["reason"]) for row in rows} == {
        good: ("clean", None), bad: ("quarantined", "launch"),
    }  # fmt: skip
    assert (await case.manager.get(f"{case.api}/documents/{good}/content")).content == PDF


async def test_what_comes_out_is_what_went_in(case: Case, tmp_path: Path) -> None:
    document = await case.uploads("clinical_summary", PDF, name="Überweisung 2026.pdf")

    answer = await case.patient.get(f"{case.api}/documents/{document}/content")
    [shown] = (await case.item("clinical_summary"))["documents"]
    assert answer.content == PDF
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%9Cberweisung%202026.pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert shown["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert (shown["size"], shown["media_type"]) == (len(PDF), "application/pdf")
    [stored] = objects(tmp_path)
    assert "berweisung" not in str(stored)
    assert b"made-up" not in stored.read_bytes()
    assert await case.records.count("incoming") == 0


@pytest.mark.parametrize(
    ("name", "media_type", "called"),
    [
        ("run me.js", "text/plain", "run me.js.txt"),
        ("link.url", "text/plain", "link.url.txt"),
        ("Values.TXT", "text/plain", "Values.TXT"),
        ("photo.JPeG", "image/jpeg", "photo.JPeG"),
        ("letter.pdf.exe", "application/pdf", "letter.pdf.exe.pdf"),
        ("IM0001", "application/dicom", "IM0001.dcm"),
        ("viewer.exe", "application/octet-stream", "viewer.exe.bin"),
    ],
)
def test_what_is_saved_ends_as_what_it_is(name: str, media_type: str, called: str) -> None:
    headers = as_download(name, media_type, 1, "ab")
    assert unquote(headers["content-disposition"]) == f"attachment; filename*=UTF-8''{called}"


async def test_a_large_file_never_lies_in_memory_as_a_whole(case: Case) -> None:
    tracemalloc.start()
    answer = await put(case, "clinical_summary", in_pieces(128 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert answer.status_code == 201
    assert answer.json()["size"] == (128 << 20) + 9
    assert peak < 32 << 20


async def test_one_byte_too_many_is_refused_and_leaves_nothing(case: Case, tmp_path: Path) -> None:
    case.records.ctx.settings.max_upload_bytes = 8 << 20
    fits = await put(case, "clinical_summary", in_pieces(8 << 20, head=b""), document=uuid4())
    full = await put(case, "clinical_summary", in_pieces((8 << 20) - (1 << 20), head=b"%PDF-" + bytes((1 << 20) - 5)))
    over = await put(case, "clinical_summary", in_pieces(8 << 20, head=b"%PDF-"))

    assert fits.status_code == 415
    assert full.status_code == 201
    assert over.status_code == 413
    assert over.json()["detail"] == "The file is larger than 8 MB. Split it, or ask your case manager."
    assert await case.records.count("documents") == 1
    await case.records.run_timers(at=case.records.clock.now() + timedelta(hours=26))
    await case.records.run_errands()
    segments = (await case.records.fetch("SELECT segment_keys FROM documents"))[0]["segment_keys"]
    assert {str(path.relative_to(tmp_path / "files")) for path in objects(tmp_path)} == set(segments)


async def test_an_archive_that_cannot_be_unpacked_is_named_as_one_at_the_door(case: Case) -> None:
    for body in (bytes(0x8001) + b"CD001" + bytes(90), b"Rar!\x1a\x07\x00" + bytes(90)):
        answer = await put(case, "imaging", body)
        assert (answer.status_code, "Send the files themselves, their folder, or a ZIP" in answer.json()["detail"]) == (
            415,
            True,
        )


@pytest.mark.parametrize(
    ("code", "body", "media_type"),
    [
        ("clinical_summary", pdf(), "application/pdf"),
        ("clinical_summary", picture("JPEG"), "image/jpeg"),
        ("clinical_summary", png(), "image/png"),
        ("clinical_summary", picture("TIFF"), "image/tiff"),
        ("clinical_summary", docx(), WORD),
        ("imaging", dicom(), "application/dicom"),
        ("imaging", archive({"IMG1": dicom()}), "application/zip"),
        ("clinical_summary", dicom(), None),
        ("imaging", b"MZ\x90\x00" + bytes(600), None),
        ("clinical_summary", b"<html><script>alert(1)</script>", None),
        ("clinical_summary", b"", None),
    ],
)
async def test_a_file_is_what_its_bytes_say(case: Case, code: str, body: bytes, media_type: str | None) -> None:
    answer = await put(case, code, body)

    if media_type is None:
        assert answer.status_code == 415
        assert "Send it as" in answer.json()["detail"] or "Choose it again" in answer.json()["detail"]
    else:
        assert answer.json()["verdict"] == "waiting"
        await case.looks()
        [found] = (await case.item(code))["documents"]
        assert (found["media_type"], found["verdict"]) == (media_type, "clean")


async def test_the_same_file_sent_again_is_one_document_and_another_is_refused(case: Case) -> None:
    document = uuid4()
    first = await put(case, "clinical_summary", PDF, document=document)
    again = await put(case, "clinical_summary", PDF, document=document)
    other = await put(case, "clinical_summary", PDF + b"!", document=document)
    elsewhere = await put(case, "treatment_history", PDF, document=document)

    assert first.json() == again.json()
    assert (again.status_code, other.status_code, elsewhere.status_code) == (201, 409, 409)
    assert await case.records.count("documents") == 1


async def test_two_that_send_the_same_document_at_once_make_one(case: Case) -> None:
    document = uuid4()
    answers = await asyncio.gather(*(put(case, "clinical_summary", PDF, document=document) for _ in range(4)))

    assert {answer.status_code for answer in answers} == {201}
    assert await case.records.count("documents") == 1


async def test_an_upload_that_breaks_off_is_invisible_and_swept(case: Case, tmp_path: Path) -> None:
    broken = await put(case, "clinical_summary", broken_off())
    assert broken.status_code >= 500
    assert await case.records.count("documents") == 0
    assert (await case.item("clinical_summary"))["state"] == "needed"

    assert await case.records.count("incoming") == 1
    left = objects(tmp_path)
    assert left
    kept = await case.uploads("clinical_summary")
    await case.records.run_timers(at=case.records.clock.now() + timedelta(hours=2))
    assert set(objects(tmp_path)) > set(left)
    await case.records.run_timers(at=case.records.clock.now() + timedelta(hours=25))
    await case.records.run_errands()

    assert not set(objects(tmp_path)) & set(left)
    assert await case.records.count("incoming") == 0
    manager = case.records.sign_in(Role.CASE_MANAGER)
    assert (await manager.get(f"{case.api}/documents/{kept}/content")).content == PDF


async def test_only_those_who_need_a_document_open_it_and_each_time_is_written_down(case: Case) -> None:
    document = await case.brings_in("clinical_summary")
    path = f"{case.api}/documents/{document}/content"
    records = case.records
    yusuf = records.sign_in(Role.SPECIALIST, subject="staff-yusuf", name="Dr Yusuf Demir")
    officer = records.sign_in(Role.PRIVACY_OFFICER, subject="staff-pia", name="Pia Moreau")
    stranger = records.sign_in(Role.PATIENT, subject="patient-other", cases=[a_case()])
    advisor = records.sign_in(Role.CARE_ADVISOR)
    imani = await case.specialist()

    allowed = [case.manager, case.patient, imani, officer]
    assert [(await who.get(path)).status_code for who in allowed] == [200] * 4
    refused = [
        (yusuf, 404),
        (stranger, 404),
        (advisor, 403),
        (case.lab, 403),
        (records.http, 401),
        (records.as_service("matching"), 403),
    ]
    assert [(await who.get(path)).status_code for who, _ in refused] == [status for _, status in refused]

    items = (await case.lab.get(f"{case.api}/checklist")).json()["items"]
    assert not any(item["documents"] for item in items)
    reads = (await officer.get(f"{case.api}/reads")).json()["reads"]
    assert [(read["read_by_name"], read["document_id"]) for read in reads] == [
        (name, str(document)) for name in ("Pia Moreau", "Dr Imani Okafor", "Made Up", "Mara Lindqvist")
    ]
    part = await case.patient.get(f"{case.api}/reads", params={"skip": 1, "limit": 2})
    assert part.json() == {"total": 4, "reads": reads[1:3]}
    assert (await case.manager.get(f"{case.api}/reads")).status_code == 403


async def test_after_withdrawal_only_those_answerable_for_privacy_open_anything(case: Case) -> None:
    document = await case.uploads("clinical_summary")
    path = f"{case.api}/documents/{document}/content"
    records = case.records
    imani = await case.specialist()
    await records.receives(withdrawn(case.id))

    closed = [(await who.get(path)).status_code for who in (case.manager, case.patient, imani)]
    assert closed == [403, 403, 404]
    for role in (Role.PRIVACY_OFFICER, Role.SUPERVISOR):
        assert (await records.sign_in(role).get(path)).content == PDF
    item = await records.fetch("SELECT id FROM items WHERE code = 'clinical_summary'")
    late = await case.patient.put(
        f"{case.api}/items/{item[0]['id']}/documents/{uuid4()}", params={"name": "x"}, content=PDF
    )
    assert late.status_code == 403


async def test_a_file_of_another_patient_is_shown_to_nobody_who_works_on_the_case(case: Case) -> None:
    document = await case.uploads("clinical_summary")
    assert (await case.identifies("clinical_summary", document, matches=False)).status_code == 200
    path = f"{case.api}/documents/{document}/content"

    assert [(await who.get(path)).status_code for who in (case.manager, case.patient)] == [403, 403]
    assert (await case.records.sign_in(Role.PRIVACY_OFFICER).get(path)).status_code == 200
    assert (await case.item("clinical_summary"))["documents"] == []
    assert "letter.pdf" not in (await case.patient.get(f"/my/records/cases/{case.id}")).text
    assert "quarantined" in (await case.manager.get(f"/desk/records/cases/{case.id}")).text
    assert (await case.decides("clinical_summary", "accept")).status_code == 409


async def test_a_store_forgets_what_is_already_gone(tmp_path: Path) -> None:
    store = files.at(f"file://{tmp_path}/with%20space")
    await store.delete("aa/nothing")
    assert (tmp_path / "with space").is_dir()
    with pytest.raises(FileNotFoundError):
        await store.read("aa/nothing")


def test_any_store_that_obstore_knows_will_do() -> None:
    assert files.Files("memory:///")
