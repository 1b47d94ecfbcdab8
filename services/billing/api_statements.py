"""Bank statements for finance's own tools: a file in, what became of it out (R21)."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from services.billing import cashier, statements, store
from services.billing.api import FINANCE
from services.billing.api_views import View
from services.billing.importing import Which, import_file, mapping_of
from services.billing.paying import refusals
from services.billing.statements import NotAStatementError
from shared.db import Tx
from shared.web import Db, Once, Problem, Who, allow

router = APIRouter(prefix="/api/billing/statements", tags=["billing"], dependencies=[Depends(refusals)])
_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("application/xml", "text/csv")
        },
    }
}

Account = Annotated[str, Query(max_length=60, description="The number of the account that a table is of.")]
Currency = Annotated[
    str, Query(pattern="^([A-Z]{3})?$", description="Its currency, if the same number has accounts in several.")
]


class StatementView(View):
    """A statement as imported: ``known_lines`` were in the books before, ``open_lines`` wait for finance.

    ``warning`` says at the import how the account's lines differ from the bank's balances, if they do.
    """

    id: UUID
    kind: str
    account: str
    currency: str
    name: str
    from_on: date
    to_on: date
    opening_minor: int | None
    closing_minor: int | None
    lines: int
    known_lines: int
    open_lines: int
    imported_by: str
    imported_at: datetime
    warning: str | None = None


class StatementList(BaseModel):
    statements: list[StatementView]


@router.post("", dependencies=[allow(*FINANCE)], status_code=201, response_model=StatementList,
             openapi_extra=_FILE, max_body_size=statements.MAX_BYTES + 1024)  # fmt: skip
async def import_statement(
    request: Request, who: Who, once: Once, account: Account = "", currency: Currency = ""
) -> Response:
    """Import a CAMT.053 file, or a table of an account whose tables somebody has described on the desk; all or nothing.

    A table needs ``account``; a CAMT.053 file names its own. A file or a line that is known already changes nothing.
    """
    data = await request.body()

    async def work(tx: Tx) -> StatementList:
        statements.check_size(data)
        mapping = None if statements.is_camt(data) else await mapping_of(tx, data, Which(account, currency))
        imported = set(await import_file(tx, data, mapping, who.name))
        found = [one for one in await store.statements(tx) if one.id in imported]
        views = [
            StatementView.model_validate(one).model_copy(update={"warning": await cashier.out_of_balance(tx, one)})
            for one in found
        ]
        return StatementList(statements=views)

    try:
        return await once.run(work, status=201)
    except NotAStatementError as broken:
        raise Problem(422, "Nothing was imported", detail=str(broken)) from None


@router.get("", dependencies=[allow(*FINANCE)])
async def list_statements(db: Db) -> StatementList:
    """Return the newest imports."""
    async with db.reading() as tx:
        return StatementList(statements=[StatementView.model_validate(one) for one in await store.statements(tx)])
