"""What came inside a folder or an archive: each file is listed by its path, and opened by whoever may see the whole (R25)."""

import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from shared.ids import new_id
from shared.web import Role
from tests.records.conftest import PDF, Case
from tests.records.made_up import archive, dicom, docx, pdf, picture
from tests.records.test_parts import family, invites
from tests.records.tus import sends
from tests.support.facts import a_case

IN_ORDER = ["CD/a.zip/letter.pdf", "CD/notes.docx", "CD/photo 1.jpg", "CD/photo 2.jpg", "CD/photo 10.jpg"]
HTML = {"Accept": "text/html"}


async def a_folder(case: Case, code: str = "imaging") -> UUID:
    """Send a folder of photographs, a text, an archive and two slices, and have it looked at."""
    folder = uuid4()
    photos = {f"CD/photo {n}.jpg": picture("JPEG", (40 + n, 30)) for n in (10, 2, 1)}
    others = {"CD/a.zip": archive({"letter.pdf": pdf(pages=5)}), "CD/notes.docx": docx()}
    slices = {f"CD/IM{n}": dicom(n) for n in (1, 2)}
    every = photos | others | slices
    told = {"folder": str(folder), "folderFiles": str(len(every))}
    for path, body in every.items():
        await sends(case, code, body, filename=path.rpartition("/")[2], relativePath=path, **told)
    await case.looks()
    return folder


async def listed(case: Case, who: httpx.AsyncClient, document: UUID, **params: int) -> list[tuple[str, str]]:
    answer = await who.get(f"{case.api}/documents/{document}/files", params=params)
    assert answer.status_code == 200, answer.text
    return [(one["path"], one["id"]) for one in answer.json()["files"]]


async def test_each_file_of_a_folder_is_listed_by_its_path_and_opens(case: Case) -> None:
    folder = await a_folder(case)
    every = dict(await listed(case, case.manager, folder))

    assert [path for path in every if not path.startswith("CD/IM")] == IN_ORDER
    assert len(every) == 7
    assert await listed(case, case.patient, folder, skip=2, limit=1) == [list(every.items())[2]]
    for who, at in ((case.manager, f"/desk/records/cases/{case.id}"), (case.patient, f"/my/records/cases/{case.id}")):
        assert f"/documents/{folder}/files" in (await who.get(at, headers=HTML)).text
        page = (await who.get(f"{at}/documents/{folder}/files", headers=HTML)).text
        links = re.findall(rf'href="{at}/documents/([0-9a-f-]+)(/read)?"', page)
        first, *files = [document for document, _ in links]
        assert files == [every[path] for path in IN_ORDER]
        assert first == files[0]
        assert [read for _, read in links[1:]] == ["/read", "", "/read", "/read", "/read"]
        assert f"{at}/imaging" in page
        for document, read in links:
            assert (await who.get(f"{at}/documents/{document}{read}", headers=HTML)).status_code == 200
    item = await case.item("imaging")
    assert item["documents"][0]["files"] == 7


async def test_one_looks_through_them_one_after_the_other(case: Case) -> None:
    folder = await a_folder(case)
    every = dict(await listed(case, case.manager, folder))
    readable = [every[path] for path in IN_ORDER if not path.endswith("docx")]
    at = f"/desk/records/cases/{case.id}/documents"
    seen, here = [], readable[0]
    while here:
        seen.append(here)
        page = (await case.manager.get(f"{at}/{here}/read", headers=HTML)).text
        assert f"File {len(seen)} of 4" in page
        assert f"{at}/{folder}/files?near={here}" in page
        after = re.search(rf'rel="next" href="{at}/([0-9a-f-]+)/read', page)
        here = after[1] if after else ""
    assert seen == readable
    assert f'<option value="{readable[1]}">CD/photo 1.jpg</option>' in page


async def test_a_long_folder_is_listed_in_parts_and_one_comes_back_to_the_part_one_was_in(case: Case) -> None:
    archived = await case.uploads("clinical_summary", archive({"0.pdf": PDF}), name="many.zip")
    async with case.records.ctx.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO documents (id, case_id, item_id, parent_id, root_id, path, name, sha256, size_bytes, media_type, verdict,"
            " uploaded_by, uploaded_by_name, uploaded_at) SELECT gen_random_uuid(), case_id, item_id, parent_id, root_id,"
            " n || '.pdf', n || '.pdf', sha256, size_bytes, media_type, verdict, uploaded_by, uploaded_by_name, uploaded_at"
            " FROM documents, generate_series(1, 249) n WHERE parent_id = $1",
            archived,
        )
    at = f"/my/records/cases/{case.id}/documents/{archived}/files"
    every = await listed(case, case.patient, archived, limit=1000)
    assert [path for path, _ in every] == [f"{n}.pdf" for n in range(250)]
    for params, numbers in (
        ({"part": 1}, range(100)), ({"part": 9}, range(200, 250)), ({"near": every[150][1]}, range(100, 200)),
    ):  # fmt: skip
        page = (await case.patient.get(at, params=params, headers=HTML)).text
        assert re.findall(r"<bdi>(\d+)\.pdf</bdi></a>", page) == [str(n) for n in numbers]
    assert "part 2 of 3" in page
    assert f"{at}?part=3" in page


async def test_who_may_not_see_what_was_sent_sees_nothing_inside_it(case: Case) -> None:
    folder = await a_folder(case)
    helper = family(case, await invites(case))
    stranger = case.records.sign_in(Role.PATIENT, subject="patient-other", cases=[a_case()])
    imani = await case.specialist()
    inside = dict(await listed(case, case.manager, folder))[IN_ORDER[2]]
    for who, status in ((helper, 404), (stranger, 404), (imani, 404), (case.lab, 403)):
        for path in (f"{folder}/files", f"{inside}/content"):
            assert (await who.get(f"{case.api}/documents/{path}")).status_code == status
    single = await case.uploads("clinical_summary")
    for document in (single, UUID(inside), new_id()):
        assert (await case.manager.get(f"{case.api}/documents/{document}/files")).status_code == 404
    await case.describes("imaging", folder, language="zxx")
    await case.identifies("imaging", folder)
    assert (await case.decides("imaging", "accept")).status_code == 200

    materials = (await imani.get(f"/desk/records/cases/{case.id}/materials")).text
    assert f"/documents/{folder}/files" in materials
    assert dict(await listed(case, imani, folder))[IN_ORDER[2]] == inside
    assert (await imani.get(f"/desk/records/cases/{case.id}/documents/{inside}/read")).status_code == 200
    assert (await case.identifies("imaging", folder, matches=False)).status_code == 409


@pytest.fixture
async def letter(case: Case) -> str:
    """A letter of five pages, and where the case manager reads it."""
    document = await case.uploads("clinical_summary", pdf(pages=5))
    return f"/desk/records/cases/{case.id}/documents/{document}"


async def test_that_pages_were_looked_at_is_written_down_once_an_hour(case: Case, letter: str) -> None:
    async def lines() -> list[str]:
        rows = await case.records.fetch("SELECT read_by_name FROM document_reads ORDER BY read_at")
        return [row["read_by_name"] for row in rows]

    for number in (1, 2, 3):
        assert (await case.manager.get(f"{letter}/read", params={"number": number}, headers=HTML)).status_code == 200
    assert await lines() == [], "no page was shown yet"
    for number in (1, 2, 3, 2):
        image = await case.manager.get(f"{letter}/pages/{number}")
        assert (image.status_code, image.headers["content-type"]) == (200, "image/webp")
    assert await lines() == ["Mara Lindqvist"]
    assert (await case.patient.get(letter.replace("/desk/", "/my/") + "/pages/1")).status_code == 200
    case.records.clock.advance(timedelta(minutes=61))
    assert (await case.manager.get(f"{letter}/pages/4")).status_code == 200
    assert await lines() == ["Mara Lindqvist", "Made Up", "Mara Lindqvist"]


async def test_one_goes_to_any_page_and_the_next_is_drawn_already(case: Case, letter: str, tmp_path: Path) -> None:
    page = (await case.manager.get(f"{letter}/read", params={"number": 2, "turn": 90}, headers=HTML)).text
    assert re.search(r'name="number" type="number" min="1" max="5" value="2"', page)
    assert '<input type="hidden" name="turn" value="90">' in page
    assert "page 4 of 5" in (await case.manager.get(f"{letter}/read", params={"number": 4}, headers=HTML)).text

    assert (await case.manager.get(f"{letter}/pages/4")).status_code == 200
    for stored in (tmp_path / "files").rglob("*"):
        if stored.is_file():
            stored.write_bytes(b"gone")
    assert (await case.manager.get(f"{letter}/pages/5")).status_code == 200
