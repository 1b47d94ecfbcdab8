"""Files are looked at in a place of their own: what is hostile is named, what is good comes through, nothing breaks out."""

import os
from collections import Counter
from pathlib import Path
from uuid import uuid4

from services.records.inspection import verdicts
from services.records.inspection.looking import MODULE
from services.records.sandbox import jail
from shared.web import Role
from tests.records.conftest import PDF, Case, unnamed
from tests.records.hostile import CORPUS, EXE, harmless
from tests.records.made_up import archive, dicom, pdf, png
from tests.records.tus import looked_at, sends


def told(scratch: Path, content: bytes, item: str) -> tuple[str | None, dict[str, str | None]]:
    """Return what the sandbox says of a file: its own reason, and those of the files in it; a death is ``over_limits``."""
    fd, own, children = unnamed(scratch, content), None, {}
    try:
        with jail.borrowed(MODULE, scratch) as lent:
            for meta, _ in lent.ask("look", fd, {"item": item}, 12):
                if "child" in meta:
                    children[meta["child"]["path"]] = meta["child"].get("reason")
                elif "self" in meta:
                    own = meta["self"].get("reason")
    except jail.Killed:
        own = "over_limits"
    except jail.Failed as failed:
        own = failed.code or "unreadable"
    finally:
        os.close(fd)
    return own, children


def test_each_hostile_file_is_found_out_with_a_sentence_for_its_sender(scratch: Path) -> None:
    found = {one.name: told(scratch, one.make(), one.item) for one in CORPUS}

    missed = {one.name: (found[one.name], set(one.codes)) for one in CORPUS if not one.told(*found[one.name])}
    assert missed == {}
    assert len(CORPUS) >= 60
    assert {code for one in CORPUS for code in one.codes} <= verdicts.SENTENCES.keys()


def test_what_is_harmless_comes_through(scratch: Path) -> None:
    found = {name: told(scratch, content, item) for name, content, item in harmless()}

    assert {name: own for name, (own, _) in found.items() if own} == {}
    assert found["folder.zip"][1] == {"a/letter.pdf": None, "b/inner.zip/photo.png": None}


async def test_a_harmful_file_is_locked_away_and_its_sender_told_in_their_language(case: Case) -> None:
    body = pdf("<< /S /JavaScript /JS (1) >>", root="/OpenAction 10 0 R")
    found = await looked_at(case, "clinical_summary", body)

    assert (found["verdict"], found["reason"]) == ("quarantined", "script")
    assert "Print it to a new PDF" in found["sentence"]
    path = f"{case.api}/documents/{found['id']}/content"
    officer = case.records.sign_in(Role.PRIVACY_OFFICER)
    assert [(await who.get(path)).status_code for who in (case.patient, case.manager, officer)] == [403, 403, 200]
    item = await case.item("clinical_summary")
    assert (item["state"], item["documents"]) == ("needed", [])
    page = await case.patient.get(f"/my/records/cases/{case.id}", params={"lang": "es"})
    assert "Imprímalo en un PDF nuevo" in page.text


async def test_until_it_was_looked_at_a_file_is_its_senders_alone(case: Case) -> None:
    item, document = await case.item("clinical_summary"), uuid4()
    await case.patient.put(f"{case.api}/items/{item['id']}/documents/{document}", params={"name": "a.pdf"}, content=PDF)
    path = f"{case.api}/documents/{document}/content"

    assert [(await who.get(path)).status_code for who in (case.patient, case.manager)] == [200, 403]
    await case.looks()
    assert (await case.manager.get(path)).content == PDF


async def test_a_cd_is_unpacked_into_files_that_each_can_be_read(case: Case, tmp_path: Path) -> None:
    slices = {f"DICOM/IM{n}": dicom(n) for n in range(1, 6)}
    inner = archive({"LETTER.PDF": PDF, "again.dcm": slices["DICOM/IM1"]})
    cd = archive(
        {
            **slices,
            "VIEWER.EXE": EXE,
            "AUTORUN.INF": b"[autorun]",
            "REPORT.ZIP": inner,
            "bad.dcm": dicom(9, preamble=EXE[:128]),
        }
    )
    found = await looked_at(case, "imaging", cd, "cd.zip")

    assert found["verdict"] == "clean"
    assert Counter(found["files"]) == {"clean": 6, "program": 1, "system": 1, "known": 1, "dicom_program": 1}
    rows = await case.records.fetch(
        "SELECT id, path, verdict, media_type FROM documents WHERE parent_id IS NOT NULL ORDER BY path"
    )
    assert [(row["path"], row["verdict"]) for row in rows] == [
        *((f"DICOM/IM{n}", "clean") for n in range(1, 6)), ("REPORT.ZIP/LETTER.PDF", "clean"), ("bad.dcm", "quarantined"),
    ]  # fmt: skip
    first = await case.manager.get(f"{case.api}/documents/{rows[0]['id']}/content")
    assert first.content == slices["DICOM/IM1"]
    item = await case.item("imaging")
    assert (item["state"], len(item["documents"])) == ("uploaded", 1)


async def test_the_same_file_twice_is_known_and_lies_once(case: Case, tmp_path: Path) -> None:
    first = await looked_at(case, "clinical_summary", PDF)
    second = await looked_at(case, "clinical_summary", PDF)
    elsewhere = await looked_at(case, "treatment_history", PDF)

    assert (first["verdict"], second["verdict"], elsewhere["verdict"]) == ("clean", "skipped", "clean")
    assert "kept once" in second["sentence"]
    assert len([path for path in (tmp_path / "files").rglob("*") if path.is_file()]) == 1
    for one in (first, elsewhere):
        assert (await case.manager.get(f"{case.api}/documents/{one['id']}/content")).content == PDF


async def test_of_the_same_file_sent_twice_at_once_the_first_is_kept(case: Case) -> None:
    for name in ("first.pdf", "second.pdf"):
        await sends(case, "clinical_summary", PDF, filename=name)
    await case.looks()

    sent = (await case.patient.get(f"{case.api}/uploads")).json()["sent"]
    assert {one["name"]: one["verdict"] for one in sent} == {"first.pdf": "clean", "second.pdf": "skipped"}


async def test_a_file_that_arrives_otherwise_than_announced_is_sent_again(case: Case) -> None:
    await sends(case, "clinical_summary", PDF, filename="letter.pdf", sha256="0" * 64)
    await case.looks()

    [sent] = (await case.patient.get(f"{case.api}/uploads")).json()["sent"]
    assert (sent["verdict"], sent["reason"]) == ("quarantined", "damaged")


async def test_a_folder_is_one_thing_on_the_checklist(case: Case) -> None:
    folder = uuid4()
    for name, body in {"CD/IM1": dicom(1), "CD/sub/IM2": dicom(2), "CD/../../photo.png": png()}.items():
        told = {"folder": str(folder), "relativePath": name, "folderFiles": "3"}
        await sends(case, "imaging", body, filename=name.rsplit("/", 1)[1], **told)
    await case.looks()

    [document] = (await case.item("imaging"))["documents"]
    assert (document["name"], document["media_type"], document["verdict"]) == ("CD", "inode/directory", "clean")
    rows = await case.records.fetch("SELECT path FROM documents WHERE parent_id = $1 ORDER BY path", folder)
    assert [row["path"] for row in rows] == ["CD/IM1", "CD/photo.png", "CD/sub/IM2"]
