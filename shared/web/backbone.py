"""The JSON interface that the backbone gives every service: its queues, and its facts of a case."""

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fastapi import APIRouter

from shared.backbone import outbox, reconcile
from shared.ids import CaseId
from shared.web.auth import allow
from shared.web.context import Db
from shared.web.principals import Role
from shared.web.problem import Problem
from shared.web.queue_api import add_queue

if TYPE_CHECKING:
    from shared.service import Service


def backbone_router(service: "Service") -> APIRouter:
    """Return the routes under ``/api/<service>`` that come with being a service."""
    router = APIRouter(prefix=f"/api/{service.name}", tags=["backbone"])
    _add_facts(router, service)
    for queue in service.queues:
        add_queue(router, queue, service.takeovers.get(queue.name))
    return router


def _add_facts(router: APIRouter, service: "Service") -> None:
    own_topics = sorted({fact.topic for fact in service.emits})

    @router.get("/cases/{case_id}/facts", dependencies=[allow(Role.SERVICE, Role.SUPERVISOR, Role.PRIVACY_OFFICER)])
    async def facts_of_a_case(case_id: UUID, db: Db) -> list[dict[str, Any]]:
        """Return what this service told of a case, oldest first (M15)."""
        async with db.reading() as tx:
            rows = await outbox.facts_of(tx, CaseId(case_id))
        return [
            {
                "id": row["event_id"],
                "type": row["type"],
                "topic": row["topic"],
                "sequence": row["sequence"],
                "time": row["created_at"],
                "published_at": row["published_at"],
                "fact": json.loads(row["payload"]),
            }
            for row in rows
        ]

    @router.get("/facts/sequences", dependencies=[allow(Role.SERVICE)], responses={404: {}})
    async def sequences(topic: str, db: Db, after: UUID | None = None) -> list[tuple[str, UUID, int]]:
        """Return (topic, case, last sequence told), by case, a page after the case ``after``."""
        if topic not in own_topics:
            raise Problem(404, "Not our topic", detail=f"{service.name} tells facts in: {', '.join(own_topics)}.")
        async with db.reading() as tx:
            page = await reconcile.told(tx, topic, CaseId(after) if after else None)
        return [(told_in, case_id, last) for told_in, case_id, last in page]
