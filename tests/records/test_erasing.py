"""Erasing a case: nobody can read its files, and no row of the database names anybody of the patient's side any more (M13)."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.records.erasing import erase
from services.records.inspection import looking
from services.records.inspection.results import Told
from services.records.previews.kept import KEPT
from shared.ids import CaseId
from shared.service import Context
from shared.web import Role
from tests.records import tus
from tests.records.conftest import PDF, Case
from tests.records.made_up import archive, dicom

WHO = "Zyxwanda"
"""Nothing but what the test writes holds this name."""


async def naming(case: Case) -> set[str]:
    """Return the tables of the database that hold the name somewhere."""
    tables = await case.records.fetch(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    held = {
        row["name"]: (
            await case.records.fetch(f"SELECT count(*) AS n FROM {row['name']} t WHERE t::text ILIKE '%{WHO}%'")
        )
        for row in tables
    }
    return {name for name, [row] in held.items() if row["n"]}


async def comes_and_is_decided(case: Case) -> UUID:
    """Let a case have the name wherever somebody can write it; return the document of a slice."""
    slice_ = dicom().replace(b"Testfall^Anna", WHO.encode() + b"^Anna")
    cd = archive({f"{WHO}/IM1": slice_, f"{WHO}/bad.docx": b"PK\x03\x04 no office file"})
    await case.uploads("imaging", cd, name=f"CD of {WHO}.zip")
    [row] = await case.records.fetch("SELECT document_id FROM imaging_instances")
    assert (await case.patient.get(f"{case.api}/imaging/images/{row['document_id']}/frames/1")).status_code == 200
    await tus.begin(case, 1000, **{"Upload-Metadata": tus.metadata(filename=f"{WHO}.png")})
    item = await case.item("clinical_summary")
    provider = {"name": f"Dr {WHO}", "country": "JO", "contact": f"{WHO}@clinic.example", "language": "en"}
    added = await case.post("/providers", provider, who=case.patient)
    await case.post(f"/items/{item['id']}/source", {"providers": [added.json()["id"]]}, who=case.patient)
    await case.post("/helpers", {"name": WHO, "relation": "child", "authority": "sends"}, who=case.patient)
    await case.post(f"/items/{item['id']}/messages", {"text": f"{WHO} is in Aqaba"}, who=case.patient)
    await case.post("/parcels", {"leg": "to_laboratory", "slides": 3, "tracking": f"{WHO}-1"}, who=case.patient)
    await case.uploads("clinical_summary", PDF)
    assert (await case.decides("clinical_summary", "return", f"{WHO}'s name is cut off")).status_code == 200
    assert (await case.decides("treatment_history", "waive", f"{WHO}'s hospital burned down")).status_code == 200
    body = {"text": f"{WHO} fell ill in May."}
    written = await case.manager.put(f"{case.api}/summary", json=body, headers={"If-Match": '"0"'})
    assert written.status_code == 200
    return UUID(str(row["document_id"]))


async def words_of_staff(case: Case) -> None:
    """Let staff have written the name to each other, as only a long day brings it about."""
    by = (case.id, case.records.clock.now(), uuid4())
    async with case.records.ctx.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO hand_overs (id, case_id, kind, from_manager, to_manager, words, at)"
            f" VALUES ($3, $1, 'handed_over', 'staff-mara', 'staff-tomas', 'Write to {WHO}', $2)",
            *by,
        )
        await tx.execute(
            "INSERT INTO queue_takeovers (item_id, queue, case_id, taken_at, taken_by, taken_by_name, taken_from,"
            f" taken_from_name, reason) SELECT id, queue, $1, $2, 'b', 'B', 'a', 'A', '{WHO} calls' FROM queue_items LIMIT 1",
            *by[:2],
        )
        await tx.execute(
            f"UPDATE documents SET late = 'taken', late_words = '{WHO}', late_by_name = 'M', late_at = $2"
            " WHERE case_id = $1 AND name = 'letter.pdf'",
            *by[:2],
        )


@pytest.fixture
def named(case: Case) -> Case:
    """The case, whose patient has the name."""
    patient = case.records.sign_in(Role.PATIENT, subject="patient-1", name=f"{WHO} Madeup", cases=[case.id])
    case.patient = patient
    return case


async def test_an_erased_case_names_nobody_in_any_table(named: Case) -> None:
    case = named
    document = await comes_and_is_decided(case)
    await words_of_staff(case)
    assert await naming(case) == {
        "imaging_instances", "imaging_series", "documents", "incoming", "items", "item_decisions", "summaries",
        "slide_shipments", "case_history", "document_reads", "hand_overs", "queue_takeovers", "providers", "line_messages",
        "helpers",
    }  # fmt: skip

    await erase(case.records.ctx, case.id)
    assert await naming(case) == set()
    assert (await case.patient.get(f"{case.api}/imaging")).json() == {"studies": [], "defects": []}
    assert (await case.patient.get(f"{case.api}/imaging/images/{document}/frames/1")).status_code == 404
    [waived] = await case.records.fetch("SELECT decided_by_name, reason FROM waivers")
    assert dict(waived) == {"decided_by_name": "Mara Lindqvist", "reason": "erased"}
    await erase(case.records.ctx, case.id)


async def test_what_was_looked_at_while_its_case_was_erased_is_not_kept(
    named: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keep = looking._keep

    async def erased_first(ctx: Context, case_id: CaseId, told: Told) -> None:
        if told.archive is not None:  # once, when the first files are told
            await erase(ctx, case_id)
        await keep(ctx, case_id, told)

    monkeypatch.setattr(looking, "_keep", erased_first)
    slice_ = dicom().replace(b"Testfall^Anna", WHO.encode() + b"^Anna")
    await named.uploads("imaging", archive({f"{WHO}/IM1": slice_, f"{WHO}.txt": WHO.encode()}), name=f"{WHO}.zip")
    assert await naming(named) == set()
    assert await named.records.count("imaging_instances") == 0
    [sent] = (await named.patient.get(f"{named.api}/uploads")).json()["sent"]
    assert (sent["verdict"], sent["sentence"]) == ("skipped", "The files of this case were erased for good.")
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_a_page_that_was_kept_is_gone_with_its_case(case: Case) -> None:
    document = await case.uploads("clinical_summary")
    page = f"/my/records/cases/{case.id}/documents/{document}/pages/1"
    assert (await case.patient.get(page)).status_code == 200
    assert len(KEPT) > 0
    await erase(case.records.ctx, case.id)
    assert (await case.patient.get(page)).status_code == 410
