"""Every case under way in one statement, as the worklist shows it."""

from services.records.domain.worklist import Line
from shared.db import Tx

MOST = 3000
"""Cases shown at most; more than one office collects for at a time."""

# Counts and ages come from one pass over each table's rows of open cases.
_LINES = """
WITH under_way AS (
    SELECT c.case_id, c.case_number, c.manager, m.name AS manager_name, c.opened_at, c.completed_at
    FROM collections c JOIN case_managers m ON m.subject = c.manager
    WHERE c.opened_at IS NOT NULL AND c.withdrawn_at IS NULL AND c.delivered_at IS NULL
    ORDER BY c.opened_at, c.case_id LIMIT $1),
lines AS (
    SELECT i.case_id,
        coalesce(jsonb_object_agg(i.code, i.titles ->> 'en') FILTER (
            WHERE i.needed AND i.state NOT IN ('accepted', 'waived')), '{}') AS missing,
        count(*) FILTER (WHERE i.state = 'uploaded' AND i.kind <> 'slides')::int AS to_review,
        count(*) FILTER (WHERE i.never_made AND i.state = 'needed')::int AS never_made,
        count(*) FILTER (WHERE i.lapsed_on IS NOT NULL)::int AS lapsed,
        count(*) FILTER (WHERE i.needed AND i.state IN ('needed', 'returned'))::int AS to_send,
        min(i.waiting_since) FILTER (WHERE i.needed AND i.state NOT IN ('accepted', 'waived') OR i.state = 'uploaded') AS since,
        max(i.waiting_since) AS moved
    FROM items i JOIN under_way USING (case_id) WHERE i.applies GROUP BY i.case_id),
files AS (
    SELECT d.case_id, count(*) FILTER (WHERE d.late = 'waits')::int AS late,
        min(d.uploaded_at) FILTER (WHERE d.late = 'waits') AS since, max(d.uploaded_at) AS last
    FROM documents d JOIN under_way USING (case_id) GROUP BY d.case_id),
words AS (
    SELECT w.case_id, count(DISTINCT (w.item_id, w.party)) FILTER (WHERE NOT w.from_desk AND w.read_at IS NULL)::int AS questions,
        min(w.at) FILTER (WHERE NOT w.from_desk AND w.read_at IS NULL) AS since, max(w.at) FILTER (WHERE NOT w.from_desk) AS last
    FROM line_messages w JOIN under_way USING (case_id) GROUP BY w.case_id),
reminders AS (SELECT r.case_id, max(r.at) AS last FROM chases r JOIN under_way USING (case_id) GROUP BY r.case_id)
SELECT u.*, coalesce(l.missing, '{}') AS missing, coalesce(l.to_review, 0) AS to_review,
    coalesce(w.questions, 0) AS questions, coalesce(f.late, 0) AS late, coalesce(l.never_made, 0) AS never_made,
    coalesce(l.lapsed, 0) AS lapsed, coalesce(l.to_send, 0) AS to_send,
    coalesce(least(l.since, f.since, w.since), u.completed_at, l.moved, u.opened_at) AS since,
    greatest(u.opened_at, f.last, w.last, r.last) AS heard_at
FROM under_way u LEFT JOIN lines l USING (case_id) LEFT JOIN files f USING (case_id) LEFT JOIN words w USING (case_id)
LEFT JOIN reminders r USING (case_id)
"""


async def lines(tx: Tx) -> list[Line]:
    """Return the cases under way: paid, and neither delivered nor withdrawn."""
    return [Line(**dict(row)) for row in await tx.fetch(_LINES, MOST)]
