"""Takes out of a case's rows what names people: the patient's side, whoever wrote to it or for it, and whoever was written about.

What stays says that something was asked for, came and was decided, when, and which member of staff answers for it.
"""

from shared.db import Tx
from shared.ids import CaseId

_GONE = (
    "imaging_defects", "imaging_series", "imaging_listed", "imaging_instances", "providers", "line_messages", "helpers",
)  # fmt: skip
"""Tables whose rows go: a scan's header holds name, birth date and hospital, and what is judged of it rests on that."""


def _if_any(*columns: str) -> str:
    return ", ".join(f"{column} = CASE WHEN {column} IS NOT NULL THEN 'erased' END" for column in columns)


_EMPTIED = {
    "documents": f"name = 'erased', path = NULL, uploaded_by_name = 'erased', {_if_any('late_words')},"
    " reason = CASE verdict WHEN 'waiting' THEN 'erased' ELSE reason END,"
    " verdict = CASE verdict WHEN 'waiting' THEN 'skipped' ELSE verdict END",  # nobody can look at it any more
    "incoming": "name = 'erased', path = NULL, sent_by_name = 'erased'",
    "items": _if_any("reason", "meaning"),
    "item_decisions": _if_any("reason", "meaning"),
    "summaries": "text = 'erased'",
    "slide_shipments": f"tracking = 'erased', packed_by_name = 'erased', {_if_any('counted_by_name')}",
    "case_history": f"detail = '{{}}', {_if_any('by_name')}",
    "document_reads": "read_by_name = CASE WHEN roles && '{patient,requester,local_physician,family}' THEN 'erased'"
    " ELSE read_by_name END",
    "hand_overs": "words = 'erased'",
    "queue_takeovers": "reason = 'erased'",
    "collections": "said = '{}', cancer_type = NULL",
}


async def forget_people(tx: Tx, case_id: CaseId) -> None:
    """Erase what names somebody. Again, it does nothing."""
    await tx.execute("DELETE FROM item_providers p USING items i WHERE i.id = p.item_id AND i.case_id = $1", case_id)
    for table in _GONE:
        await tx.execute(f"DELETE FROM {table} WHERE case_id = $1", case_id)
    for table, empty in _EMPTIED.items():
        await tx.execute(f"UPDATE {table} SET {empty} WHERE case_id = $1", case_id)
