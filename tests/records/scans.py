"""Scans as the tests make them up: headers as a scanner would write them, without a file."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from services.records.domain.imaging import Header, Instance, instance_of
from services.records.store import cases, imaging
from shared.ids import new_id
from tests.records.conftest import Case

CT = "1.2.840.10008.5.1.4.1.1.2"
_VR = {
    "00080008": "CS", "00080016": "UI", "00080018": "UI", "0020000D": "UI", "0020000E": "UI", "00100010": "PN", "00100030": "DA",
    "00200032": "DS", "00200037": "DS", "00200013": "IS", "00180050": "DS", "00280010": "US", "00280011": "US",
}  # fmt: skip
_TAGS = {
    "image_type": "00080008", "sop_class": "00080016", "sop": "00080018", "study": "0020000D", "series": "0020000E",
    "modality": "00080060", "name": "00100010", "id": "00100020", "birth_date": "00100030", "sex": "00100040",
    "number": "00200013", "acquisition": "00200012", "in_acquisition": "00201002", "position": "00200032",
    "orientation": "00200037", "thickness": "00180050", "rows": "00280010", "columns": "00280011", "frames": "00280008",
    "body_part": "00180015", "description": "0008103E", "study_description": "00081030", "comments": "00204000",
    "contrast": "00180010", "burned_in": "00280301", "echo": "00180086", "date": "00080020",
}  # fmt: skip
AXIAL = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def header(*, kind: str = "image", pixels: str = "whole", **said: Any) -> Header:
    """Return a CT slice's header; ``said`` overrides what it says, None leaves it out."""
    base = {
        "sop_class": CT, "sop": f"1.9.{uuid4().int % 10**20}", "study": "1.1", "series": "1.1.1", "modality": "CT",
        "name": {"Alphabetic": "Made^Up"}, "birth_date": "19700101", "sex": "F", "id": "P1", "rows": 512, "columns": 512,
        "thickness": 2.0, "orientation": AXIAL, "position": [0.0, 0.0, 0.0], "number": 1,
    } | said  # fmt: skip
    metadata = {
        tag: {"vr": _VR.get(tag, "LO"), "Value": value if isinstance(value, list) else [value]}
        for name, tag in _TAGS.items()
        if (value := base.get(name)) is not None
    }
    return {
        "kind": kind,
        "pixels": pixels,
        "transfer_syntax": "1.2.840.10008.1.2.1",
        "metadata": metadata,
        "cut": False,
    }


def slices(count: int, *, step: float = 2.0, skip: tuple[int, ...] = (), **said: Any) -> Iterator[Header]:
    """Yield a stack along the z axis without the slices (counted from 0) in ``skip``; each numbered from 1."""
    for n in range(count):
        if n not in skip:
            yield header(**{"position": [0.0, 0.0, n * step], "number": n + 1, "thickness": step} | said)


def instance(**said: Any) -> Instance:
    """Return one made-up object."""
    return instance_of(uuid4(), header(**said))


def instances(headers: Iterator[Header]) -> list[Instance]:
    """Return the objects of headers."""
    return [instance_of(UUID(int=n + 1), one) for n, one in enumerate(headers)]


async def brings_scans(case: Case, *headers: Header) -> list[UUID]:
    """Let DICOM files with these headers be there for the case's scans, as if each had been looked at; return their ids."""
    item = await case.item("imaging")
    documents = [new_id() for _ in headers]
    async with case.records.ctx.db.transaction() as tx:
        await cases.hold(tx, case.id)
        await tx.execute(
            "INSERT INTO documents (id, case_id, item_id, object_key, name, sha256, size_bytes, media_type, uploaded_by,"
            " uploaded_by_name, uploaded_at) SELECT id, $1, $2, id::text, 'IM' || n, repeat('0', 64), 1, 'application/dicom',"
            " 'patient', 'Made Up', $3 FROM unnest($4::uuid[]) WITH ORDINALITY AS t (id, n)",
            case.id, UUID(item["id"]), tx.now, documents,
        )  # fmt: skip
        await imaging.add_instances(tx, case.id, list(zip(documents, headers, strict=True)))
    return documents
