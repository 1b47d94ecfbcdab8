"""A folder comes file by file, and is one thing only once all of it is here; a study that a hospital sends is one, too (R23, R25)."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from services.records import arriving
from shared.web import Role
from tests.records.conftest import PDF, Case
from tests.records.made_up import dicom, pdf, png
from tests.records.tus import BODY, TUS, begin, metadata, offset_of, patch, sends

LONG_AGO = timedelta(minutes=31)


async def comes(case: Case, folder: UUID, *numbers: int, of: int | None = None) -> None:
    """Send images of a CD, and have them looked at."""
    told = {} if of is None else {"folderFiles": str(of)}
    for number in numbers:
        where = {"folder": str(folder), "relativePath": f"CD/IM{number}"}
        await sends(case, "imaging", dicom(number), filename=f"IM{number}", **where, **told)
    await case.looks()


async def stands(case: Case) -> tuple[str, list[str]]:
    item = await case.item("imaging")
    return item["state"], [one["verdict"] for one in item["documents"]]


async def ends(case: Case, folder: UUID, **who: Any) -> int:
    answer = await (who.get("who") or case.patient).put(f"{case.api}/folders/{folder}/end")
    return int(answer.status_code)


async def test_a_folder_is_judged_once_as_many_files_came_as_were_announced(case: Case) -> None:
    folder = uuid4()
    await comes(case, folder, 1, 2, of=3)
    assert await stands(case) == ("needed", ["waiting"])
    assert "Still arriving, 2 of 3" in (await case.manager.get(f"/desk/records/cases/{case.id}")).text
    assert "Still arriving, 2 of 3 files" in (await case.patient.get(f"/my/records/cases/{case.id}")).text
    refused = await case.decides("imaging", "accept")
    assert (refused.status_code, "still arriving" in refused.json()["detail"]) == (409, True)

    await comes(case, folder, 3, of=3)
    assert await stands(case) == ("uploaded", ["clean"])
    sent = (await case.patient.get(f"{case.api}/uploads")).json()["sent"]
    [whole] = [one for one in sent if one["arrival"]]
    assert (whole["arrival"], whole["came"], whole["files"]) == ("whole", 3, {"clean": 3})


async def test_a_folder_of_unknown_size_is_judged_when_its_sender_says_so(case: Case) -> None:
    folder = uuid4()
    await comes(case, folder, 1)
    assert await stands(case) == ("needed", ["waiting"])
    assert await ends(case, folder, who=case.manager) == 404
    assert await stands(case) == ("needed", ["waiting"])

    assert [await ends(case, folder), await ends(case, folder), await ends(case, uuid4())] == [204, 204, 404]
    assert await stands(case) == ("uploaded", ["clean"])


async def test_a_folder_that_breaks_off_is_judged_after_a_while_says_so_and_goes_on(case: Case) -> None:
    folder, page = uuid4(), f"/my/records/cases/{case.id}"
    await comes(case, folder, 1, of=3)
    place = (await begin(case, 9000, code="imaging", **{
        "Upload-Metadata": metadata(filename="IM2", folder=str(folder), relativePath="CD/IM2", folderFiles="3"),
    })).headers["Location"]  # fmt: skip
    await case.records.run_timers(at=case.records.clock.now() + timedelta(minutes=29))
    assert await stands(case) == ("needed", ["waiting"])

    await case.records.run_timers(at=case.records.clock.now() + LONG_AGO)
    assert await stands(case) == ("uploaded", ["clean"])
    assert "Only 1 of 3 files came" in (await case.patient.get(page)).text
    assert "Broke off: 1 of 3" in (await case.manager.get(f"/desk/records/cases/{case.id}")).text

    assert (await case.patient.delete(place, headers=TUS)).status_code == 204
    await comes(case, folder, 2, of=3)
    assert await stands(case) == ("uploaded", ["waiting"])
    await comes(case, folder, 3, of=3)
    assert await stands(case) == ("uploaded", ["clean"])
    assert "files came. Choose" not in (await case.patient.get(page)).text


async def test_a_file_that_is_still_being_sent_keeps_its_folder_arriving(case: Case) -> None:
    folder, body = uuid4(), dicom(2).ljust(7 << 20, b"\0")
    await comes(case, folder, 1)
    place = (await begin(case, len(body), code="imaging", **{
        "Upload-Metadata": metadata(filename="IM2", folder=str(folder), relativePath="CD/IM2"),
    })).headers["Location"]  # fmt: skip
    case.records.clock.advance(timedelta(minutes=20))
    assert (await patch(case, place, 0, body[: 5 << 20])).status_code == 204
    await case.records.run_timers(at=case.records.clock.now() + timedelta(minutes=15))
    assert await stands(case) == ("needed", ["waiting"])
    await case.records.run_timers(at=case.records.clock.now() + LONG_AGO)
    assert await stands(case) == ("uploaded", ["clean"])


async def test_what_is_sent_back_midway_leaves_alone_what_comes_later(case: Case) -> None:
    await case.uploads("imaging", dicom(9), name="first.dcm")
    folder = uuid4()
    await comes(case, folder, 1, of=2)
    assert (await case.decides("imaging", "return", "Cut off.")).status_code == 200
    documents = (await case.item("imaging"))["documents"]
    assert [(one["name"], one["set_aside"]) for one in documents] == [("first.dcm", True), ("CD", False)]
    nothing = await case.decides("imaging", "return", "Again.")
    assert nothing.status_code == 200, "what came before can be sent back again"

    await comes(case, folder, 2, of=2)
    assert (await case.item("imaging"))["state"] == "uploaded"
    assert (await case.describes("imaging", folder, language="zxx")).status_code == 200
    assert (await case.identifies("imaging", folder)).status_code == 200
    assert (await case.decides("imaging", "accept")).status_code == 200


async def test_a_file_that_is_still_looked_at_isnt_sent_back_with_the_others(case: Case) -> None:
    await sends(case, "clinical_summary", pdf(words="waits"), filename="waits.pdf")
    alone = await case.decides("clinical_summary", "return", "Blurred.")
    assert (alone.status_code, "being looked at" in alone.json()["detail"]) == (409, True)
    await case.looks()
    await sends(case, "clinical_summary", PDF, filename="second.pdf")
    assert (await case.decides("clinical_summary", "return", "Blurred.")).status_code == 200
    await case.looks()

    item = await case.item("clinical_summary")
    asides = {one["name"]: (one["verdict"], one["set_aside"]) for one in item["documents"]}
    assert asides == {"waits.pdf": ("clean", True), "second.pdf": ("clean", False)}
    assert item["state"] == "uploaded"
    second = next(UUID(one["id"]) for one in item["documents"] if one["name"] == "second.pdf")
    await case.describes("clinical_summary", second)
    await case.identifies("clinical_summary", second)
    assert (await case.decides("clinical_summary", "accept")).status_code == 200


async def test_no_file_comes_silently_to_a_folder_that_was_accepted(case: Case) -> None:
    folder = uuid4()
    await comes(case, folder, 1, of=2)
    await case.records.run_timers(at=case.records.clock.now() + LONG_AGO)
    await case.describes("imaging", folder, language="zxx")
    await case.identifies("imaging", folder)
    assert (await case.decides("imaging", "accept")).status_code == 200
    await case.completes()

    item, told = await case.item("imaging"), {"folder": str(folder), "relativePath": "CD/IM2"}
    answer = await case.patient.post(
        f"{case.api}/items/{item['id']}/uploads", content=dicom(2),
        headers=BODY | {"Upload-Length": str(len(dicom(2))), "Upload-Metadata": metadata(filename="IM2", **told)},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["detail"]) == (
        422, "This folder takes no more files. Choose the folder again.",
    )  # fmt: skip
    assert await stands(case) == ("accepted", ["clean"])


async def test_nothing_is_said_to_be_missing_while_a_folder_arrives(case: Case) -> None:
    folder, kept = uuid4(), [dicom(number) for number in range(1, 13) if number != 5]
    for number, body in enumerate(kept):
        where = {"folder": str(folder), "relativePath": f"CD/IM{number}", "folderFiles": str(len(kept) + 1)}
        await sends(case, "imaging", body, filename=f"IM{number}", **where)
    await case.looks()

    async def said() -> list[str]:
        return [one["flaw"] for one in (await case.manager.get(f"{case.api}/imaging")).json()["defects"]]

    assert await said() == []
    for who, page in ((case.manager, "desk/records"), (case.patient, "my/records")):
        assert "More is still arriving." in (await who.get(f"/{page}/cases/{case.id}/imaging/summary")).text
    assert await ends(case, folder) == 204
    assert "missing_slices" in await said()


async def test_a_rules_no_is_no_conflict_that_clients_try_again(case: Case) -> None:
    place = (await begin(case, len(PDF))).headers["Location"]
    await case.brings_in("clinical_summary", pdf(words="accepted"))
    elsewhere, refused = await patch(case, place, 5, PDF[5:]), await patch(case, place, 0, PDF)
    assert (elsewhere.status_code, refused.status_code) == (409, 422)
    assert refused.json()["detail"].startswith("This item is settled")


async def test_half_a_file_can_be_gone_on_with_for_a_week(case: Case) -> None:
    body, records = png(extra=bytes(6 << 20)), case.records
    place = (await begin(case, len(body))).headers["Location"]
    await patch(case, place, 0, body[: 5 << 20])
    for days, left in ((1.2, 1), (5, 1), (3, 0)):
        await records.run_timers(at=records.clock.now() + timedelta(days=days))
        await records.run_errands()
        assert await records.count("incoming") == left


async def test_bytes_that_come_with_the_announcement_are_checked_too(case: Case) -> None:
    item = await case.item("clinical_summary")
    wrong = BODY | {"Upload-Length": str(len(PDF)), "Upload-Metadata": metadata(filename="a.pdf"),
                    "Idempotency-Key": "one-key-for-it", "Upload-Checksum": "sha256 " + "A" * 43 + "="}  # fmt: skip
    right = wrong | {"Upload-Checksum": "sha1 " + "x"}
    place = f"{case.api}/items/{item['id']}/uploads"
    answers = [await case.patient.post(place, content=PDF, headers=headers) for headers in (wrong, right)]
    assert [answer.status_code for answer in answers] == [460, 400]
    good = await case.patient.post(
        place, content=PDF, headers={k: v for k, v in wrong.items() if k != "Upload-Checksum"}
    )
    assert await offset_of(case, good.headers["Location"]) == len(PDF)


async def test_a_study_that_a_hospitals_system_sends_is_one_folder(case: Case) -> None:
    bodies = [dicom(number) for number in range(1, 7)]
    system = case.records.sign_in(Role.PARTNER_SYSTEM, subject="pacs")
    for at in (0, 3):
        parts = b"".join(
            b"--x\r\nContent-Type: application/dicom\r\n\r\n" + body + b"\r\n" for body in bodies[at : at + 3]
        )
        answer = await system.post(
            f"{case.api}/dicomweb/studies", content=parts + b"--x--\r\n",
            headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'},
        )  # fmt: skip
        assert answer.status_code == 202, answer.text
        await case.looks()
    assert await stands(case) == ("needed", ["waiting"])

    await case.records.run_timers(at=case.records.clock.now() + arriving.STUDY_QUIET)
    [document] = (await case.item("imaging"))["documents"]
    assert (document["verdict"], document["media_type"], document["came"]) == ("clean", "inode/directory", 6)
    assert (await case.manager.get(f"{case.api}/imaging")).json()["studies"][0]["series"][0]["images"] == 6


async def test_a_form_names_the_file_that_cant_be_used_and_keeps_the_others(case: Case) -> None:
    item, page = await case.item("clinical_summary"), f"/my/records/cases/{case.id}"
    sent = [("file", ("good.pdf", PDF)), ("file", ("page.html", b"<html><script>")), ("file", ("photo.png", png()))]
    answer = await case.patient.post(f"{page}/items/{item['id']}/documents", files=sent, data={"_once": uuid4().hex})

    assert answer.status_code == 422
    assert "page.html" in answer.text
    assert "The other files were taken in." in answer.text
    rows = await case.records.fetch("SELECT name FROM documents ORDER BY name")
    assert [row["name"] for row in rows] == ["good.pdf", "photo.png"]
