"""The list of a case as it stands: its items and what came for each."""

from collections import defaultdict
from uuid import UUID

from services.records.domain import (
    Arrival,
    Asked,
    Decision,
    Document,
    DocumentId,
    IdentityCheck,
    Item,
    ItemId,
    ItemState,
    Kind,
    Late,
    Person,
    Standing,
    Verdict,
)
from shared.db import Row, Tx
from shared.ids import CaseId


async def items(tx: Tx, case_id: CaseId) -> tuple[Item, ...]:
    """Return a case's list in its order, each item with its documents, the oldest first."""
    documents: dict[UUID, list[Document]] = defaultdict(list)
    rows = await tx.fetch(
        "SELECT id, item_id, sha256, name, media_type, size_bytes, pages, language, translation_of, name_matches,"
        " birth_date_matches, identity_by, identity_by_name, identity_at, set_aside, dated_on, late, late_words,"
        " late_by_name, late_at, uploaded_by, uploaded_by_name, uploaded_at, verdict, reason, contents,"
        " arrival, came, expected, scanned, coalesce(unscanned, (SELECT min(inside.unscanned) FROM documents inside"
        " WHERE inside.root_id = documents.id AND inside.unscanned IS NOT NULL)) AS unscanned"
        " FROM documents WHERE case_id = $1 AND parent_id IS NULL ORDER BY uploaded_at, id",
        case_id,
    )
    for row in rows:
        documents[row["item_id"]].append(_document(row))
    rows = await tx.fetch(
        "SELECT id, code, titles, hints, kind, needed, state, decided_by, decided_by_name, decided_at, reason, version,"
        " reason_code, meaning, about, asked, max_age, never_made, lapsed_on, waiting_since,"
        " ARRAY(SELECT provider_id FROM item_providers p WHERE p.item_id = items.id ORDER BY 1) AS providers"
        " FROM items WHERE case_id = $1 AND applies ORDER BY position, id",
        case_id,
    )
    return tuple(_item(row, tuple(documents[row["id"]])) for row in rows)


async def line(tx: Tx, case_id: CaseId, item_id: UUID) -> Standing | None:
    """Return of an item of a case what says whether it takes documents; None when it isn't on its list."""
    row = await tx.fetchrow(
        "SELECT kind, state FROM items WHERE case_id = $1 AND applies AND id = $2", case_id, item_id
    )
    return None if row is None else Standing(Kind(row["kind"]), ItemState(row["state"]))


def person(subject: str | None, name: str | None) -> Person | None:
    """Return who did something, or None where nobody did."""
    return Person(subject, name) if subject is not None and name is not None else None


def _item(row: Row, documents: tuple[Document, ...]) -> Item:
    by = person(row["decided_by"], row["decided_by_name"])
    state = ItemState(row["state"])
    return Item(
        id=ItemId(row["id"]),
        code=row["code"],
        titles=row["titles"],
        hints=row["hints"],
        kind=Kind(row["kind"]),
        needed=row["needed"],
        state=state,
        documents=documents,
        decision=None
        if by is None
        else Decision(state, by, row["decided_at"], row["reason"], row["reason_code"], row["meaning"]),
        about=row["about"],
        asked=Asked(row["asked"]),
        max_age=row["max_age"],
        never_made=row["never_made"],
        lapsed_on=row["lapsed_on"],
        waiting_since=row["waiting_since"],
        providers=tuple(row["providers"]),
        version=row["version"],
    )


def _document(row: Row) -> Document:
    by = person(row["identity_by"], row["identity_by_name"])
    return Document(
        id=DocumentId(row["id"]),
        sha256=row["sha256"],
        name=row["name"],
        media_type=row["media_type"],
        size=row["size_bytes"],
        uploaded_by=Person(row["uploaded_by"], row["uploaded_by_name"]),
        uploaded_at=row["uploaded_at"],
        pages=row["pages"],
        language=row["language"],
        translation_of=row["translation_of"],
        identity=None
        if by is None
        else IdentityCheck(row["name_matches"], row["birth_date_matches"], by, row["identity_at"]),
        set_aside=row["set_aside"],
        dated_on=row["dated_on"],
        late=None if row["late"] is None else Late(row["late"]),
        late_words=row["late_words"],
        late_by_name=row["late_by_name"],
        late_at=row["late_at"],
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        scanned=row["scanned"],
        unscanned=row["unscanned"],
        contents=row["contents"] or {},
        arrival=None if row["arrival"] is None else Arrival(row["arrival"]),
        came=row["came"],
        expected=row["expected"],
    )
