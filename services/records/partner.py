"""The published language of records, ``partner.records.v1``: on Kafka, and as a feed over HTTPS.

Both carry the same facts under the same ids, added in the transaction of what they tell: ids and codes, no person.
"""

from services.records.store import access
from shared.backbone import outbox
from shared.db import Tx
from shared.events import PartnerFact

MAX_PAGE = 500


class BadCursor(ValueError):
    """The cursor isn't one that this feed gave out."""


async def tell(tx: Tx, fact: PartnerFact) -> None:
    """Tell the partner's systems when ``tx`` commits, and never if it doesn't."""
    event_id = outbox.append(tx, fact)
    data = fact.model_dump(mode="json")
    access.tell(tx, event_id, fact.type_name(), fact.case_id, fact.occurred_at, data)


async def feed(tx: Tx, cursor: str | None, limit: int) -> tuple[list[access.FeedRow], str]:
    """Return what follows ``cursor`` (from the beginning without one), and the cursor to ask with next time.

    A reader who always continues from the cursor sees every fact once, however slow some writer was: rows appear only
    when no transaction that began earlier is still open. Raises ``BadCursor``.
    """
    xid, id_ = _parsed(cursor)
    rows = await access.feed_after(tx, xid, id_, min(limit, MAX_PAGE))
    return rows, f"{rows[-1].xid}-{rows[-1].id}" if rows else f"{xid}-{id_}"


def _parsed(cursor: str | None) -> tuple[int, int]:
    xid, dash, id_ = (cursor or "0-0").partition("-")
    if not (dash and xid.isascii() and xid.isdigit() and id_.isascii() and id_.isdigit()) or len(xid + id_) > 36:
        raise BadCursor("Ask again with the cursor of the last answer, or without one to begin anew.")
    if int(xid) >= 1 << 63 or int(id_) >= 1 << 63:
        raise BadCursor("Ask again with the cursor of the last answer, or without one to begin anew.")
    return int(xid), int(id_)
