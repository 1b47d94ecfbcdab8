"""Scans of a case: objects as they come, series and what is wrong with them, judged anew in the same transaction (R25, M7)."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.records.domain.imaging import (
    Defect,
    Flaw,
    Header,
    Instance,
    Kind,
    Patient,
    Pixels,
    Series,
    day_of,
    flaws_of,
    instance_of,
    judge,
    place_of,
    series_of,
)
from shared import programme
from shared.db import Tx
from shared.events import ProgrammeRef
from shared.ids import CaseId
from shared.programme import Imaging

_INSTANCE: TypeAdapter[Instance] = TypeAdapter(Instance)
_PATIENT: TypeAdapter[Patient] = TypeAdapter(Patient)
_SERIES: TypeAdapter[Series] = TypeAdapter(Series)
OF_CD = "JOIN documents c ON c.id = i.document_id JOIN documents d ON d.id = coalesce(c.root_id, c.id)"
"""A file out of a CD is shown and judged as the CD may be: who it is of, and when it came, was asked of that."""
NOT_ANOTHERS = "NOT coalesce(NOT (d.name_matches AND d.birth_date_matches), false)"
"""Nobody found another person's name on the CD (``d``): else it is shown to nobody and counts for nothing (M5)."""
COUNTED = f"{NOT_ANOTHERS} AND NOT d.set_aside"
"""Nor was the CD sent back, or become too old: what comes in its place is judged without it (R23, R28)."""


async def add_instances(tx: Tx, case_id: CaseId, arrived: Sequence[tuple[UUID, Header]]) -> None:
    """Put DICOM objects in their places, and judge their series and the case anew.

    The case is locked. A document that is there already changes nothing; an object that came before under another
    document is kept once: the later one points at it.
    """
    listed = [(doc, *line) for doc, header in arrived if header["kind"] == Kind.DIRECTORY for line in header["listed"]]
    objects = [(instance_of(doc, header), header) for doc, header in arrived if header["kind"] != Kind.DIRECTORY]
    await _add_listed(tx, case_id, listed)
    await _date_documents(tx, objects)
    touched = {series_uid for _, _, series_uid, _ in listed} | await _add_objects(tx, case_id, objects)
    if touched:
        await judge_again(tx, case_id, touched)


_DATE = """
UPDATE documents d SET dated_on = said.day
FROM (SELECT coalesce(c.root_id, c.id) AS id, max(t.day) AS day FROM unnest($1::uuid[], $2::date[]) AS t (id, day)
      JOIN documents c ON c.id = t.id GROUP BY 1) said
WHERE d.id = said.id AND d.language IS NULL AND (d.dated_on IS NULL OR d.dated_on < said.day)
"""


async def _date_documents(tx: Tx, objects: Sequence[tuple[Instance, Header]]) -> None:
    """Let what came be of the day of the newest examination in it, until somebody described it (R23)."""
    days = {one.document_id: day_of(header) for one, header in objects}
    said = [(document_id, day) for document_id, day in days.items() if day is not None and day <= tx.now.date()]
    if said:
        await tx.execute(_DATE, *map(list, zip(*said, strict=True)))


async def _add_listed(tx: Tx, case_id: CaseId, lines: Sequence[tuple[UUID, str, str, int]]) -> None:
    if lines:
        await tx.execute(
            "INSERT INTO imaging_listed (document_id, case_id, study_uid, series_uid, objects)"
            " SELECT document_id, $1, study_uid, series_uid, objects FROM unnest($2::uuid[], $3::text[], $4::text[], $5::int[])"
            " AS t (document_id, study_uid, series_uid, objects) ON CONFLICT DO NOTHING",
            case_id, *map(list, zip(*lines, strict=True)),
        )  # fmt: skip


_ADD = """
INSERT INTO imaging_instances (document_id, case_id, study_uid, series_uid, sop_uid, number, place, frames, is_image,
                               likeness, duplicate_of, facts, metadata, metadata_cut)
SELECT document_id, $1, study_uid, series_uid, sop_uid, number, place, frames, is_image, likeness, duplicate_of, facts,
       metadata, metadata_cut
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::float8[], $8::int[], $9::bool[], $10::text[],
            $11::uuid[], $12::jsonb[], $13::jsonb[], $14::bool[])
    AS t (document_id, study_uid, series_uid, sop_uid, number, place, frames, is_image, likeness, duplicate_of, facts,
          metadata, metadata_cut)
ON CONFLICT (document_id) DO NOTHING
"""


async def _add_objects(tx: Tx, case_id: CaseId, objects: Sequence[tuple[Instance, Header]]) -> set[str]:
    """Add objects, and return the series that they are of.

    Of copies one stands for all: none of a CD that counts no more where another does, then one whose picture is whole.
    """
    if not objects:
        return set()
    known = await _known(tx, case_id, [one.sop_uid for one, _ in objects])
    lines, replaced = [], []
    for arrived, header in objects:
        mine = _Copy(arrived.document_id, _likeness(header), arrived.pixels is Pixels.WHOLE, counts=True)
        first = known.setdefault(arrived.sop_uid, mine)
        again = first.document_id != arrived.document_id
        if better := again and (mine.counts, mine.whole) > (first.counts, first.whole):
            replaced.append((first.document_id, arrived.document_id))
            known[arrived.sop_uid] = mine
        copy_of = first.document_id if again and not better else None
        one = replace(
            arrived, duplicate_of=copy_of, conflicts=again and first.counts and first.likeness != mine.likeness
        )
        lines.append(_line(one, header, mine.likeness))
    for earlier, later in replaced:
        await _stand_back(tx, earlier, later, lines)
    await tx.execute(_ADD, case_id, *map(list, zip(*lines, strict=True)))
    return {one.series_uid for one, _ in objects}


@dataclass(frozen=True)
class _Copy:
    document_id: UUID
    likeness: str
    whole: bool
    counts: bool


def _likeness(header: Header) -> str:
    return hashlib.sha256(json.dumps(header["metadata"], sort_keys=True).encode()).hexdigest()


def _line(one: Instance, header: Header, likeness: str) -> list[Any]:
    facts = _INSTANCE.dump_python(one, mode="json", exclude={"document_id", "duplicate_of"}, exclude_defaults=True)
    return [
        one.document_id, one.study_uid, one.series_uid, one.sop_uid, one.number, place_of(one), one.frames,
        one.kind is Kind.IMAGE, likeness, one.duplicate_of, facts, header["metadata"], header["cut"],
    ]  # fmt: skip


async def _known(tx: Tx, case_id: CaseId, sop_uids: Sequence[str]) -> dict[str, _Copy]:
    rows = await tx.fetch(
        f"SELECT i.sop_uid, i.document_id, i.likeness, i.facts ->> 'pixels' IS NOT DISTINCT FROM '{Pixels.WHOLE}' AS whole,"
        f" {COUNTED} AS counts FROM imaging_instances i {OF_CD} WHERE i.case_id = $1 AND i.sop_uid = ANY($2) AND i.duplicate_of IS NULL",
        case_id, sop_uids,
    )  # fmt: skip
    return {
        row["sop_uid"]: _Copy(*(row[each] for each in ("document_id", "likeness", "whole", "counts"))) for row in rows
    }


async def _stand_back(tx: Tx, earlier: UUID, later: UUID, lines: Sequence[list[Any]]) -> None:
    """Make the copy that came earlier one of the later copy, whether it is there already or among ``lines``."""
    for line in lines:
        if line[0] == earlier:
            line[9] = later
    await tx.execute("UPDATE imaging_instances SET duplicate_of = $2 WHERE document_id = $1", earlier, later)


async def mark_undecodable(tx: Tx, case_id: CaseId, document_id: UUID) -> None:
    """Note that a picture can't be decoded though all of it seemed to be there, and judge its series anew."""
    series_uid = await tx.fetchval(
        "UPDATE imaging_instances SET facts = jsonb_set(facts, '{pixels}', to_jsonb($3::text))"
        " WHERE case_id = $1 AND document_id = $2 AND facts ->> 'pixels' = 'whole' RETURNING series_uid",
        case_id, document_id, Pixels.UNDECODABLE,
    )  # fmt: skip
    if series_uid is not None:
        await judge_again(tx, case_id, [series_uid])


async def judge_checked(tx: Tx, case_id: CaseId, document_id: UUID) -> None:
    """Judge the case anew once somebody said whose a document is, a CD or a single file: what isn't the patient's counts no
    more, and scans of people who can't be the one on the checked ones are found (M5).
    """
    await _judge_those(tx, case_id, "d.id", document_id)


async def judge_line(tx: Tx, case_id: CaseId, item_id: UUID) -> None:
    """Judge the case anew once a line's documents were sent back, or have become too old: they count no more (R23, R28)."""
    await _judge_those(tx, case_id, "d.item_id", item_id)


async def _judge_those(tx: Tx, case_id: CaseId, column: str, id_: UUID) -> None:
    rows = await tx.fetch(
        f"SELECT DISTINCT i.series_uid FROM imaging_instances i {OF_CD} WHERE i.case_id = $1 AND {column} = $2",
        case_id, id_,
    )  # fmt: skip
    if rows:
        await judge_again(tx, case_id, [row["series_uid"] for row in rows])


async def judge_again(tx: Tx, case_id: CaseId, touched: Iterable[str]) -> None:
    """Bring series and defects up to what is there: the ``touched`` series from their objects, then studies and the case."""
    asked, cancer_type = await asked_of(tx, case_id)
    uids = list(touched)
    objects = await _objects_of(tx, case_id, uids)
    series = [series_of(of_it, asked) for of_it in objects.values()]
    if series:
        await tx.execute(
            "INSERT INTO imaging_series (case_id, series_uid, study_uid, facts) SELECT $1, * FROM"
            " unnest($2::text[], $3::text[], $4::jsonb[])"
            " ON CONFLICT (case_id, series_uid) DO UPDATE SET study_uid = excluded.study_uid, facts = excluded.facts",
            case_id, [one.uid for one in series], [one.study_uid for one in series],
            [_SERIES.dump_python(one, mode="json") for one in series],
        )  # fmt: skip
    await tx.execute(
        "DELETE FROM imaging_series WHERE case_id = $1 AND series_uid = ANY($2)",
        case_id,
        list({*uids} - objects.keys()),
    )
    within = [defect for of_it in objects.values() for defect in flaws_of(of_it, asked)]
    rows = await tx.fetch("SELECT facts FROM imaging_series WHERE case_id = $1 ORDER BY series_uid", case_id)
    overall = judge(
        [_SERIES.validate_python(row["facts"]) for row in rows], asked, cancer_type, await _checked(tx, case_id)
    )
    overall += await _unkept_promises(tx, case_id)
    await _replace_defects(tx, case_id, uids, [*within, *overall])


async def learn_cancer(tx: Tx, case_id: CaseId, cancer_type: str | None) -> None:
    """Keep for which cancer the scans are; those that came before it was known are judged anew."""
    changed = await tx.changed(
        "UPDATE collections SET cancer_type = $2 WHERE case_id = $1 AND cancer_type IS DISTINCT FROM $2",
        case_id, cancer_type,
    )  # fmt: skip
    if changed and await tx.fetchval("SELECT EXISTS (SELECT FROM imaging_series WHERE case_id = $1)", case_id):
        await judge_again(tx, case_id, ())


async def asked_of(tx: Tx, case_id: CaseId) -> tuple[Imaging, str | None]:
    """Return what the case's programme asks of scans, and for which cancer."""
    row = await tx.fetchrow(
        "SELECT programme_id, programme_version, cancer_type FROM collections WHERE case_id = $1", case_id
    )
    if row is None or row["programme_id"] is None:
        return Imaging(), None
    ref = ProgrammeRef(id=row["programme_id"], version=row["programme_version"])
    return programme.load(ref).imaging, row["cancer_type"]


async def _checked(tx: Tx, case_id: CaseId) -> list[Patient]:
    """Return as whom the patient stands in the headers of what somebody said is theirs."""
    rows = await tx.fetch(
        f"SELECT DISTINCT i.facts -> 'patient' AS patient FROM imaging_instances i {OF_CD}"
        " WHERE i.case_id = $1 AND d.name_matches AND d.birth_date_matches",
        case_id,
    )
    return [_PATIENT.validate_python(row["patient"]) for row in rows]


async def _objects_of(tx: Tx, case_id: CaseId, series: Sequence[str]) -> dict[str, list[Instance]]:
    rows = await tx.fetch(
        f"SELECT i.document_id, i.duplicate_of, i.facts FROM imaging_instances i {OF_CD}"
        f" WHERE i.case_id = $1 AND i.series_uid = ANY($2) AND {COUNTED}"
        " ORDER BY i.series_uid, i.number, i.place, i.document_id",
        case_id, series,
    )  # fmt: skip
    found: dict[str, list[Instance]] = defaultdict(list)
    for row in rows:
        one = _INSTANCE.validate_python({**row, **row["facts"]})
        found[one.series_uid].append(one)
    return found


async def _unkept_promises(tx: Tx, case_id: CaseId) -> list[Defect]:
    """Return which series the CDs' own lists name with more objects than came."""
    rows = await tx.fetch(
        f"SELECT series_uid, max(objects) - (SELECT count(*) FROM imaging_instances i {OF_CD} WHERE i.case_id = $1"
        f" AND i.series_uid = l.series_uid AND i.duplicate_of IS NULL AND {COUNTED})::int AS missing"
        f" FROM imaging_listed l {OF_CD.replace('i.', 'l.')} WHERE l.case_id = $1 AND {COUNTED} GROUP BY series_uid",
        case_id,
    )
    return [
        Defect(Flaw.LISTED_BUT_MISSING, row["series_uid"], {"count": row["missing"]})
        for row in rows
        if row["missing"] > 0
    ]


async def _replace_defects(tx: Tx, case_id: CaseId, series: Sequence[str], defects: Sequence[Defect]) -> None:
    """Put ``defects`` in the place of what was found before in ``series``, in every study and in the case."""
    await tx.execute(
        "DELETE FROM imaging_defects WHERE case_id = $1 AND (uid = ANY($2) OR flaw = ANY($3)"
        " OR uid NOT IN (SELECT series_uid FROM imaging_series WHERE case_id = $1))",
        case_id, series, [Flaw.LISTED_BUT_MISSING, Flaw.ANOTHER_PERSON],
    )  # fmt: skip
    await tx.execute(
        'INSERT INTO imaging_defects (case_id, flaw, uid, "values", found_at)'
        " SELECT $1, flaw, uid, vals, $2 FROM unnest($3::text[], $4::text[], $5::jsonb[]) AS t (flaw, uid, vals)",
        case_id, tx.now, [one.flaw for one in defects], [one.uid for one in defects],
        [dict(one.values) for one in defects],
    )  # fmt: skip
