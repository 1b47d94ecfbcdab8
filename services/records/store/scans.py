"""Scans of a case as they are shown: series with what is wrong, their images in order, attributes for DICOMweb (R25)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.records.domain.imaging import Defect, Flaw, Series
from services.records.store.imaging import COUNTED, OF_CD
from shared.db import Tx
from shared.ids import CaseId

_SERIES: TypeAdapter[Series] = TypeAdapter(Series)


def _shown(whole: str) -> str:
    """Return what may be shown of CDs (``d``): none that was sent back or is found another's (M5).

    ``whole`` (an argument's number) shows all of those; else what the opinion may rest on: compared with the patient, in an
    accepted line, and taken in if it came late (R28).
    """
    return (
        f"{COUNTED} AND ({whole}::bool OR (d.name_matches AND d.birth_date_matches AND (d.late IS NULL OR d.late = 'taken')"
        " AND EXISTS (SELECT FROM items t WHERE t.id = d.item_id AND t.state = 'accepted')))"
    )


_FIRST = """
SELECT DISTINCT ON (i.series_uid) i.series_uid, i.document_id,
       i.metadata #>> '{00080020,Value,0}' AS study_date, i.metadata #>> '{00081030,Value,0}' AS study_description,
       i.metadata #>> '{0008103E,Value,0}' AS description, i.metadata #>> '{00200011,Value,0}' AS number
"""


@dataclass(frozen=True)
class SeriesLine:
    """A series with what its first object says of it; ``first``: that object's document."""

    series: Series
    first: UUID
    study_date: str
    study_description: str
    description: str
    number: str


@dataclass(frozen=True)
class Image:
    """One object of a series that can be shown, and how many pictures it holds."""

    document_id: UUID
    frames: int
    number: int | None


async def series_of_case(
    tx: Tx, case_id: CaseId, *, whole: bool, sender: str | None = None
) -> list[SeriesLine]:  # fmt: skip
    """Return the case's series that may be shown, study by study, the oldest study first; of one ``sender`` if asked for."""
    rows = await tx.fetch(
        f"SELECT f.*, s.facts FROM imaging_series s JOIN ({_FIRST} FROM imaging_instances i"
        f" {OF_CD} WHERE i.case_id = $1 AND i.duplicate_of IS NULL AND {_shown('$2')} AND ($3::text IS NULL OR d.uploaded_by = $3)"
        " ORDER BY i.series_uid, i.number, i.place, i.document_id) f USING (series_uid) WHERE s.case_id = $1",
        case_id, whole, sender,
    )  # fmt: skip
    lines = [
        SeriesLine(
            _SERIES.validate_python(row["facts"]), row["document_id"], row["study_date"] or "",
            row["study_description"] or "", row["description"] or "", row["number"] or "",
        )
        for row in rows
    ]  # fmt: skip
    return sorted(
        lines, key=lambda line: (line.study_date, line.series.study_uid, _counted(line.number), line.series.uid)
    )


def _counted(number: str) -> float:
    try:
        return float(number)
    except ValueError:
        return float("inf")


async def defects_of_case(tx: Tx, case_id: CaseId) -> list[Defect]:
    """Return what is wrong with the case's scans; while a folder of them is arriving, only that one is another person's."""
    rows = await tx.fetch(
        'SELECT flaw, uid, "values" FROM imaging_defects WHERE case_id = $1 AND (flaw = $2 OR NOT EXISTS ('
        "SELECT FROM documents d JOIN items i ON i.id = d.item_id WHERE d.case_id = $1 AND d.arrival = 'arriving'"
        " AND i.kind = 'imaging')) ORDER BY uid, flaw",
        case_id, Flaw.ANOTHER_PERSON,
    )  # fmt: skip
    return [Defect(Flaw(row["flaw"]), row["uid"], row["values"]) for row in rows]


async def listed_by(tx: Tx, case_id: CaseId, sender: str) -> set[str]:
    """Return the series that the CDs of one sender list, whether they came or not."""
    rows = await tx.fetch(
        f"SELECT DISTINCT i.series_uid FROM imaging_listed i {OF_CD} WHERE i.case_id = $1 AND {COUNTED} AND d.uploaded_by = $2",
        case_id, sender,
    )  # fmt: skip
    return {row["series_uid"] for row in rows}


async def images_of(tx: Tx, case_id: CaseId, series_uid: str, *, whole: bool) -> list[Image]:
    """Return the objects of a series that hold pictures, in the order in which they are looked at."""
    rows = await tx.fetch(
        f"SELECT i.document_id, i.frames, i.number FROM imaging_instances i {OF_CD}"
        f" WHERE i.case_id = $1 AND i.series_uid = $2 AND i.is_image AND i.duplicate_of IS NULL AND {_shown('$3')}"
        " ORDER BY i.number, i.place, i.document_id",
        case_id, series_uid, whole,
    )  # fmt: skip
    return [Image(**dict(row)) for row in rows]


@dataclass(frozen=True)
class Placed:
    """Where an object belongs: what is asked before a document is opened as one of a series."""

    document_id: UUID
    study_uid: str
    series_uid: str
    sop_uid: str
    frames: int
    is_image: bool
    metadata_cut: bool


_PLACED = "SELECT i.document_id, i.study_uid, i.series_uid, i.sop_uid, i.frames, i.is_image, i.metadata_cut"


async def placed(tx: Tx, case_id: CaseId, document_id: UUID, *, whole: bool) -> Placed | None:
    """Return where the object in a document belongs; None: it is none of this case, or may not be shown."""
    row = await tx.fetchrow(
        f"{_PLACED} FROM imaging_instances i {OF_CD}"
        f" WHERE i.case_id = $1 AND i.document_id = $2 AND {_shown('$3')}",
        case_id, document_id, whole,
    )  # fmt: skip
    return None if row is None else Placed(**dict(row))


async def objects_in(
    tx: Tx, case_id: CaseId, study_uid: str, series_uid: str | None = None, sop_uid: str | None = None, *, whole: bool
) -> list[Placed]:
    """Return the objects of a study, of one series of it, or one of them, in order."""
    rows = await tx.fetch(
        f"{_PLACED} FROM imaging_instances i {OF_CD}"
        " WHERE i.case_id = $1 AND i.study_uid = $2 AND i.series_uid = coalesce($3, i.series_uid)"
        f" AND i.sop_uid = coalesce($4, i.sop_uid) AND i.duplicate_of IS NULL AND {_shown('$5')}"
        " ORDER BY i.series_uid, i.number, i.place, i.document_id",
        case_id, study_uid, series_uid, sop_uid, whole,
    )  # fmt: skip
    return [Placed(**dict(row)) for row in rows]


async def metadata_of(tx: Tx, documents: Sequence[UUID]) -> dict[UUID, str]:
    """Return the objects' attributes as DICOM JSON texts."""
    rows = await tx.fetch(
        "SELECT document_id, metadata::text AS metadata FROM imaging_instances WHERE document_id = ANY($1)", documents
    )
    return {row["document_id"]: row["metadata"] for row in rows}


@dataclass(frozen=True)
class Found:
    """One study, series or object with the attributes that were asked for, and what is in it."""

    study_uid: str
    series_uid: str
    sop_uid: str
    attributes: dict[str, Any]
    modalities: list[str]
    series: int
    objects: int


_CHOSEN = """CASE WHEN $2::text[] IS NULL THEN i.metadata
                     ELSE (SELECT jsonb_object_agg(key, value) FROM jsonb_each(i.metadata) WHERE key = ANY($2)) END"""


async def find(
    tx: Tx, case_id: CaseId, level: str, fields: Sequence[str] | None, study: Sequence[str], series: Sequence[str],
    sop: Sequence[str], *, whole: bool,
) -> list[Found]:  # fmt: skip
    """Return the case's studies, series or instances (``level``) with these UIDs (none named: any), in a lasting order.

    ``fields``: the attributes that come with them; None: all.
    """
    key = {"studies": "study_uid", "series": "series_uid", "instances": "sop_uid"}[level]
    rows = await tx.fetch(
        f"""
        WITH shown AS (
            SELECT i.document_id, i.study_uid, i.series_uid, i.sop_uid, i.number, i.place
            FROM imaging_instances i {OF_CD}
            WHERE i.case_id = $1 AND i.duplicate_of IS NULL AND {_shown('$7')}
              AND (cardinality($3::text[]) = 0 OR i.study_uid = ANY($3))),
        counted AS (
            SELECT s.study_uid, array_agg(DISTINCT f.facts ->> 'modality') AS modalities,
                   count(DISTINCT s.series_uid)::int AS series, count(*)::int AS objects
            FROM shown s JOIN imaging_series f ON f.case_id = $1 AND f.series_uid = s.series_uid GROUP BY s.study_uid),
        in_series AS (SELECT series_uid, count(*)::int AS objects FROM shown GROUP BY series_uid),
        one AS (
            SELECT DISTINCT ON ({key}) * FROM shown
            WHERE (cardinality($4::text[]) = 0 OR series_uid = ANY($4)) AND (cardinality($5::text[]) = 0 OR sop_uid = ANY($5))
            ORDER BY {key}, number, place, document_id)
        SELECT o.study_uid, o.series_uid, o.sop_uid, coalesce({_CHOSEN}, '{{}}') AS attributes, c.modalities, c.series,
               CASE WHEN $6 = 'studies' THEN c.objects ELSE n.objects END AS objects
        FROM one o JOIN counted c USING (study_uid) JOIN in_series n USING (series_uid)
        JOIN imaging_instances i ON i.document_id = o.document_id
        ORDER BY o.study_uid, o.series_uid, o.number, o.place, o.document_id
        """,
        case_id, None if fields is None else list(fields), study, series, sop, level, whole,
    )  # fmt: skip
    return [Found(**dict(row)) for row in rows]
