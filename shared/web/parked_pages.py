"""The page of what a service could not apply: which records wait for a person, why, and what the person does about it.

Nothing of what a record says is shown, but its type and whose case it is.
"""

from typing import Annotated, ClassVar

from fastapi import APIRouter, Request, Response
from pydantic import Field

from shared import log
from shared.backbone import inbox, parked
from shared.db import Database, Tx
from shared.service import Service
from shared.web.auth import Who, allow
from shared.web.context import Ctx, Db
from shared.web.forms import Form, Incoming
from shared.web.once import Once
from shared.web.pages import Page, PageOf
from shared.web.principals import Role
from shared.web.problem import Problem

SERVICES = ("intake", "billing", "records", "matching", "notify")
"""Whose pages lead to each other: they stand under one origin, locally and behind a gateway."""
_log = log.get(__name__)


class Dropping(Incoming):
    sentences: ClassVar[dict[str, str]] = {"why": "Say why the case does without it"}
    why: Annotated[str, Field(min_length=1, max_length=500)]


def parked_pages(service: Service) -> APIRouter:
    """Return ``/desk/<service>/parked``, the page of each record, and its two buttons, for supervisors."""
    here = f"/desk/{service.name}/parked"
    router = APIRouter(prefix=here, dependencies=[allow(Role.SUPERVISOR)], include_in_schema=False)
    _add_reading(router, here)
    _add_retrying(router, here)
    _add_dropping(router, here)
    return router


def _add_reading(router: APIRouter, here: str) -> None:
    @router.get("", name="parked records")
    async def show(page: Page, db: Db) -> Response:
        return page("parked.html", here=here, records=await parked.listed(db), services=SERVICES)

    @router.get("/{parked_id}", name="parked record")
    async def show_one(request: Request, parked_id: int, page: Page, db: Db) -> Response:
        return await _one(page, db, here, parked_id, Form.blank(), failed="failed" in request.query_params)


def _add_retrying(router: APIRouter, here: str) -> None:
    @router.post("/{parked_id}/retry", name="retry a parked record")
    async def retry(parked_id: int, ctx: Ctx, who: Who, once: Once) -> Response:
        """Apply it and those behind it, each in a transaction of its own: what is applied never is again."""
        if earlier := await once.earlier():
            return earlier
        back = f"{here}/{parked_id}"
        try:
            await inbox.retry_parked(ctx, parked_id, by=who.name)
        except LookupError as impossible:
            raise _not_now(impossible) from impossible
        except Exception as error:  # noqa: BLE001 - whatever a reaction raises stands at the record, which is shown
            _log.warning("parked_record_fails_still", parked_id=parked_id, problem=type(error).__name__)
            back += "?failed=1"

        async def work(_tx: Tx) -> str:
            return back

        return await once.redirect(work)


def _add_dropping(router: APIRouter, here: str) -> None:
    @router.post("/{parked_id}/drop", name="drop a parked record")
    async def drop(request: Request, parked_id: int, page: Page, db: Db, who: Who, once: Once) -> Response:
        form = await Form.read(request, Dropping)
        if not form.valid:
            return await _one(page, db, here, parked_id, form, status=422)

        async def work(tx: Tx) -> str:
            try:
                await parked.drop(tx, parked_id, by=who.name, why=form.model.why)
            except LookupError as impossible:
                raise _not_now(impossible) from impossible
            return f"{here}/{parked_id}"

        return await once.redirect(work)


async def _one(
    page: PageOf, db: Database, here: str, parked_id: int, form: Form[Dropping], *, status: int = 200, failed: bool = False
) -> Response:  # fmt: skip
    try:
        record = await parked.one(db, parked_id)
    except LookupError as unknown:
        raise Problem(404, "No such record", detail="Go back to the list of what is parked.") from unknown
    of_case = [other.id for other in await parked.listed(db) if other.case_id == record.case_id is not None]
    return page(
        "parked_one.html", status=status, here=here, record=record, form=form, failed=failed,
        before=next((other for other in of_case if other < record.id), None),
        behind=sum(other > record.id for other in of_case),
    )  # fmt: skip


def _not_now(why: LookupError) -> Problem:
    return Problem(409, "Not possible now", detail=f"{str(why.args[0]).capitalize()}.")
