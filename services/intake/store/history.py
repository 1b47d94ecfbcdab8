"""One history of a case, in order: read from the rows of all that happened, so that there is nothing to keep in step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened, who did it (None: the clock or the patient's side), what it was about, and their words."""

    at: datetime
    kind: str
    by: str | None
    about: str | None
    words: str | None


_HISTORY = """
WITH happened (at, kind, by, about, words) AS (
    SELECT submitted_at, 'submitted', entered_by, channel, NULL FROM cases WHERE case_id = $1
    UNION ALL SELECT received_at, 'arrived', NULL, a.channel, NULL FROM arrivals a WHERE draft_id = $1
    UNION ALL SELECT added_at, 'original', added_by, name, NULL FROM originals WHERE draft_id = $1
    UNION ALL SELECT read_at, 'original_read', read_by, name, NULL
              FROM original_reads JOIN originals USING (original_id) WHERE draft_id = $1
    UNION ALL SELECT given_at, 'consent_' || how, taken_by, version, NULL FROM consent_acts WHERE case_id = $1
    UNION ALL SELECT contacted_at, 'clock_stopped', contacted_by, NULL, NULL FROM cases WHERE case_id = $1
    UNION ALL SELECT happened_at, CASE WHEN NOT reached THEN 'not_reached' WHEN direction = 'in' THEN 'talk_in' ELSE 'talk_out' END,
              written_by, channel || ', ' || replace(with_whom, '_', ' '), words FROM contacts WHERE case_id = $1
    UNION ALL SELECT written_at, 'note', written_by, NULL, n.words FROM notes n WHERE case_id = $1
    UNION ALL SELECT made_at, 'task', made_by, what, NULL FROM tasks WHERE case_id = $1
    UNION ALL SELECT ended_at, 'task_' || state, ended_by, what, NULL FROM tasks WHERE case_id = $1
    UNION ALL SELECT made_at, h.kind, made_by, name, h.words
              FROM hand_overs h JOIN advisors ON subject = to_advisor WHERE case_id = $1
    UNION ALL SELECT taken_at, 'taken_over', taken_by, 'from ' || taken_from_name, reason FROM queue_takeovers WHERE case_id = $1
    UNION ALL SELECT booked_at, 'call_back', booked_by, asked_by, NULL FROM call_backs WHERE case_id = $1
    UNION ALL SELECT ended_at, 'call_back_' || state, ended_by, NULL, NULL FROM call_backs WHERE case_id = $1
    UNION ALL SELECT booked_at, 'interpreter', booked_by, name, NULL
              FROM interpreter_bookings JOIN interpreters USING (interpreter_id) WHERE case_id = $1
    UNION ALL SELECT moved_at, 'moved', moved_by, moved_to, reason FROM stream_moves WHERE case_id = $1
    UNION ALL SELECT offered_at, 'quote', offered_by, revision::text, NULLIF(note, '') FROM quotes WHERE case_id = $1
    UNION ALL SELECT settled_at, 'quote_' || state, NULL, revision::text, NULL FROM quotes WHERE case_id = $1
    UNION ALL SELECT paid_at, 'paid', NULL, NULL, NULL FROM progress WHERE case_id = $1
    UNION ALL SELECT delivered_at, 'delivered', NULL, NULL, NULL FROM progress WHERE case_id = $1
    UNION ALL SELECT withdrawn_at, 'withdrawn', NULL, withdrawn_by, NULLIF(withdrawal_reason, '') FROM cases WHERE case_id = $1
)
SELECT at, kind, coalesce(name, by) AS by, about, words FROM happened LEFT JOIN advisors ON subject = by
WHERE at IS NOT NULL ORDER BY at DESC, kind IN ('submitted', 'arrived'), kind LIMIT $2
"""


async def of_case(tx: Tx, case_id: CaseId, limit: int = 500) -> list[Happening]:
    """Return what happened to a case, the newest first."""
    return [Happening(**row) for row in await tx.fetch(_HISTORY, case_id, limit)]
