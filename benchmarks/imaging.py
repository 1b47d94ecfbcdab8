"""A synthetic CT of 2,000 slices: headers read and put in their places, beside pydicom with SQLAlchemy; first image on screen.

What is compared: both read the same files from the same folder and keep each object's attributes in PostgreSQL, committed
to disk. Ours writes 250 objects a transaction and judges every series and the case in each; the peer (a quarter of the
files) is what one writes first: ``dcmread``, ``to_json_dict``, one ORM object and one commit a file.

The first image: Chromium opens a series' page of a service that has started and that nobody has asked for a picture; from the
start of the navigation until the first picture is decoded. Then another picture, by a process that made one before, and
that one again, while the neighbours that the page asked for ahead are still being made. Pages of a PDF are looked at in the
same way. What comes before it, an upload and its inspection, is measured elsewhere.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np
import pydicom
from playwright.async_api import Page
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from sqlalchemy import JSON, Text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.report import Figure, load_per_core
from benchmarks.rig import BACKBONE, Rig
from services.records import store
from services.records.imaging.headers import read_header
from services.records.store import cases, imaging
from shared.clock import Clock
from shared.db import Database
from shared.ids import CaseId, new_id

SLICES, BATCH, PEERS_PART, SHOWN = 2000, 250, 0.25, 20
LOOKS = {
    "first image on screen, nobody has looked before": "imaging/series/{series}?window=own",
    "first image on screen": "imaging/series/{series}?window=lung",
    "the same on screen again": "imaging/series/{series}?window=lung",
    "first page of a PDF on screen": "documents/{pdf}/read",
    "the same page on screen again": "documents/{pdf}/read",
}
_DRAWN = """() => {
  const shown = document.querySelector(".c-stack__picture img, .c-viewer__frame img");
  return shown?.complete && shown.naturalWidth > 0;
}"""
START = 5.0
"""Seconds for which the service has run before anybody looks."""
MIGRATIONS = Path(store.__file__).parent.parent / "migrations"


def write_ct(folder: Path, count: int, *, edge: int = 512) -> list[Path]:
    """Write a CT of ``count`` slices of ``edge`` by ``edge`` pixels: a made-up body with noise, every slice its own."""
    chance = np.random.default_rng(7)
    y, x = np.mgrid[-1 : 1 : edge * 1j, -1 : 1 : edge * 1j]
    body = ((x**2 + (y * 1.3) ** 2 < 0.7) * 1040).astype(np.int16)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    files = []
    for n in range(count):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = generate_uid()
        made = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        made.StudyInstanceUID, made.SeriesInstanceUID, made.FrameOfReferenceUID = study, series, frame
        made.PatientName, made.PatientID, made.PatientBirthDate, made.PatientSex = "Made^Up", "P1", "19700101", "O"
        made.StudyDate, made.StudyTime, made.AccessionNumber, made.Modality = "20270104", "080000", "A1", "CT"
        made.StudyDescription, made.SeriesDescription, made.BodyPartExamined = "Chest", "Chest 1.0", "CHEST"
        made.SeriesNumber, made.InstanceNumber, made.AcquisitionNumber = 2, n + 1, 1
        made.ImageType, made.Manufacturer = ["ORIGINAL", "PRIMARY", "AXIAL"], "Made up"
        made.ImagePositionPatient, made.ImageOrientationPatient = [-250, -250, float(n)], [1, 0, 0, 0, 1, 0]
        made.PixelSpacing, made.SliceThickness, made.KVP = [0.977, 0.977], 1, 120
        made.Rows = made.Columns = edge
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
        made.RescaleIntercept, made.RescaleSlope, made.WindowCenter, made.WindowWidth = -1024, 1, 40, 400
        made.PixelData = (body + chance.integers(0, 60, body.shape, dtype=np.int16)).tobytes()
        files.append(folder / f"IM{n:05}")
        pydicom.dcmwrite(files[-1], made, enforce_file_format=True)
    return files


async def run(rig: Rig, scale: float) -> AsyncIterator[Figure]:
    """Measure; yield each figure as it is known."""
    with tempfile.TemporaryDirectory(prefix="consilium-ct-") as folder:
        paths = write_ct(Path(folder), max(BATCH, int(SLICES * scale)))
        async with rig.database(BACKBONE, MIGRATIONS) as url:
            case_id, item_id = await _case(url)
            load, rate = load_per_core(), await _ours(url, case_id, item_id, paths)
            yield Figure("imaging: slices ingested and judged", rate, "slices/s", least=150, load=load)
            load, peer = load_per_core(), await _peer(url, paths[: int(len(paths) * PEERS_PART)])
            yield Figure("imaging: pydicom and SQLAlchemy, a commit a file", peer, "slices/s", load=load)
            yield Figure("imaging: ours to pydicom and SQLAlchemy", rate / peer, "times", load=load)
            load = load_per_core()
            for name, seconds in (await _on_screen(url, case_id, paths, Path(folder))).items():
                yield Figure(f"imaging: {name}", seconds, "s", most=2 if "on screen" in name else None, load=load)


async def _case(url: str) -> tuple[CaseId, UUID]:
    """Make a case that takes scans."""
    case_id, item_id = CaseId(new_id()), new_id()
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO collections (case_id, programme_id, programme_version) VALUES ($1, 'msk_international', 1)",
        case_id,
    )
    await connection.execute(
        "INSERT INTO items (id, case_id, code, titles, hints, kind, needed, position, revision)"
        """ VALUES ($1, $2, 'imaging', '{"en": "Scans"}', '{}', 'imaging', true, 1, 1)""",
        item_id, case_id,
    )  # fmt: skip
    await connection.close()
    return case_id, item_id


async def _ours(url: str, case_id: CaseId, item_id: UUID, paths: Sequence[Path]) -> float:
    db = await Database.connect(url, Clock(), size=2)
    began = time.perf_counter()
    for start in range(0, len(paths), BATCH):
        part = paths[start : start + BATCH]
        headers = [read_header(path) for path in part]
        documents = [new_id() for _ in part]
        async with db.transaction() as tx:
            await cases.hold(tx, case_id)
            await tx.execute(
                "INSERT INTO documents (id, case_id, item_id, object_key, name, sha256, size_bytes, media_type, uploaded_by,"
                " uploaded_by_name, uploaded_at) SELECT id, $1, $2, name, name, repeat('0', 64), 1, 'application/dicom', 'p',"
                " 'P', $3 FROM unnest($4::uuid[], $5::text[]) AS t (id, name)",
                case_id, item_id, tx.now, documents, [path.name for path in part],
            )  # fmt: skip
            await imaging.add_instances(tx, case_id, list(zip(documents, headers, strict=True)))
    seconds = time.perf_counter() - began
    async with db.reading() as tx:
        assert await tx.fetchval("SELECT count(*) FROM imaging_instances") == len(paths)
        assert await tx.fetchval("SELECT count(*) FROM imaging_defects") == 0
    await db.close()
    return len(paths) / seconds


class Base(DeclarativeBase):
    """The peer's tables."""


class Slice(Base):
    """One object as the peer keeps it."""

    __tablename__ = "peer_slices"
    sop_uid: Mapped[str] = mapped_column(Text, primary_key=True)
    series_uid: Mapped[str] = mapped_column(Text, index=True)
    said: Mapped[Any] = mapped_column(JSON)


async def _peer(url: str, paths: Sequence[Path]) -> float:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    sessions = async_sessionmaker(engine)
    began = time.perf_counter()
    for path in paths:
        found = pydicom.dcmread(path, stop_before_pixels=True)
        async with sessions() as session, session.begin():
            said = found.to_json_dict()
            session.add(Slice(sop_uid=found.SOPInstanceUID, series_uid=found.SeriesInstanceUID, said=said))
    seconds = time.perf_counter() - began
    await engine.dispose()
    return len(paths) / seconds


async def _on_screen(url: str, case_id: CaseId, paths: Sequence[Path], folder: Path) -> dict[str, float]:
    """Return how long the first picture takes, with nothing kept and again, and each further one by key."""
    from services.records.__main__ import SERVICE
    from shared.files import make_key_file
    from shared.service import Context
    from shared.web.app import create_app
    from shared.web.identity import session_cookie
    from shared.web.principals import Principal, Role
    from shared.web.tokens import SESSIONS, make_keys, mint_session, read_key
    from tests.pages.browser import launched, listening, signed_in
    from tests.support.service import SERVICES

    keys = folder / "keys"
    make_keys(keys, SERVICES)
    make_key_file(keys / "files.key")
    settings = {
        "JWKS_FILE": f"{keys}/jwks.json",
        "FILES_URL": f"file://{folder}/files",
        "PUBLIC_URL": "http://bench.test",
        "RECORDS_FILES_KEY_FILE": f"{keys}/files.key",
    }
    os.environ |= settings | {"RECORDS_DATABASE_URL": url, "RECORDS_SIGNING_KEY_FILE": f"{keys}/records.pem"}
    ctx = await Context.open(SERVICE)
    pdf = await _stored(ctx, case_id, paths[:SHOWN])
    who = Principal("staff-mara", "Mara Lindqvist", frozenset({Role.CASE_MANAGER}))
    token = mint_session(read_key(keys / "sessions.pem", SESSIONS), who, now=ctx.clock.now())
    series = str(pydicom.dcmread(paths[0], stop_before_pixels=True).SeriesInstanceUID)
    assert SERVICE.beside is not None
    beside = asyncio.create_task(SERVICE.beside(ctx))
    async with launched() as browser, listening(create_app(SERVICE, ctx)) as base:
        context = await signed_in(browser, base, {session_cookie(ctx.platform.public_url): token})
        page = await context.new_page()
        await asyncio.sleep(START)
        took = await _looked_at(page, f"{base}/desk/records/cases/{case_id}", series, pdf)
    beside.cancel()
    await ctx.close()
    return took


async def _looked_at(page: Page, case: str, series: str, pdf: UUID) -> dict[str, float]:
    """Return how long each of ``LOOKS`` takes, one after the other, and each further image by key."""
    took: dict[str, float] = {}
    for name, place in LOOKS.items():
        began = time.perf_counter()
        at = f"{case}/{place.format(series=series, pdf=pdf)}"
        await page.goto(at, wait_until="commit")
        await page.wait_for_function(_DRAWN)
        took[name] = time.perf_counter() - began
    await page.goto(f"{case}/imaging/series/{series}")
    await page.wait_for_function("() => document.querySelector('[data-stack]').dataset.shown === '1'")
    began = time.perf_counter()
    await page.locator(".c-stack__picture").focus()
    for n in range(2, SHOWN - 5):
        await page.keyboard.press("ArrowDown")
        await page.wait_for_function(f"() => document.querySelector('[data-stack]').dataset.shown === '{n}'")
    took["each further image by key"] = (time.perf_counter() - began) / (SHOWN - 7)
    return took


async def _stored(ctx: Any, case_id: CaseId, paths: Sequence[Path]) -> UUID:
    """Lay the first slices as uploads lie, sealed, and a PDF beside them, whose id is returned."""
    from services.records import vault
    from tests.records.made_up import pdf

    document, files = new_id(), {path.name: path.read_bytes() for path in paths}
    async with ctx.db.transaction() as tx:
        await cases.hold(tx, case_id)
        room = await vault.vault_of(ctx, tx, case_id)
        await tx.execute(
            "INSERT INTO documents (id, case_id, item_id, object_key, name, sha256, size_bytes, media_type, pages, verdict,"
            " uploaded_by, uploaded_by_name, uploaded_at) SELECT $2, case_id, id, 'letter', 'letter', repeat('0', 64), 1,"
            " 'application/pdf', 1, 'clean', 'p', 'P', $3 FROM items WHERE case_id = $1",
            case_id, document, tx.now,
        )  # fmt: skip
        for name, content in {**files, "letter": pdf()}.items():
            key = vault.new_segment(document, 0)
            await asyncio.to_thread(room.put, key, content)
            await tx.execute(
                "UPDATE documents SET sealed = true, segment_keys = ARRAY[$2], segment_sizes = ARRAY[$3::bigint], size_bytes = $3"
                " WHERE object_key = $1",
                name, key, len(content),
            )  # fmt: skip
    return document
