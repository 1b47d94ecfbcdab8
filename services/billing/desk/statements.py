"""Bank statements: what was imported, what became of each line, and how a table is read before it counts (R21)."""

from typing import Any, ClassVar, Literal, get_args
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.datastructures import UploadFile

from services.billing import domain, statements, store
from services.billing.desk.parts import money_desk, written
from services.billing.importing import RawMapping, import_file, known_mapping, saved_mapping
from services.billing.statements import Mapping, NotAStatementError
from services.billing.statements.mapping import ROLES, Role
from shared.db import Tx
from shared.ids import new_id
from shared.service import Context
from shared.web import Ctx, Form, Incoming, Once, Page, Who

router = APIRouter(prefix="/statements", dependencies=money_desk)
TAKES_FILES = statements.MAX_BYTES + (64 << 10)


class UploadForm(Incoming):
    """The file itself is read beside it."""


class MappingForm(Incoming):
    """How a table is read, as a person says; ``columns`` come as ``column-0=booked_on``."""

    sentences: ClassVar[dict[str, str]] = {
        "account": "Enter the number of the account that the table is of",
        "currency": "Enter the currency of the account as three letters, such as USD",
        "header": "Enter how many rows stand above the first line, in figures",
    }
    account: str = Field(min_length=4, max_length=40)
    currency: str = Field(pattern="^[A-Z]{3}$")
    delimiter: Literal[";", ",", "tab", "|"]
    decimal: Literal[".", ","]
    dates: Literal["YMD", "DMY", "MDY"]
    encoding: Literal["utf-8-sig", "cp1252", "utf-16"]
    header: int = Field(ge=0, le=100)
    column: list[Literal["", *get_args(Role)]] = Field(default_factory=list)  # type: ignore[valid-type]
    then: Literal["look", "import"]


@router.get("")
async def show_statements(page: Page, ctx: Ctx) -> Response:
    return await _list(page, ctx, Form[UploadForm].blank())


@router.post("", max_body_size=TAKES_FILES)
async def upload(request: Request, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Import a file; a table whose bank is new waits until somebody has said how it is read."""
    form = await Form.read(request, UploadForm)
    sent = form.files.get("file")
    data = await sent.read() if isinstance(sent, UploadFile) else b""
    try:
        statements.check_size(data)

        async def work(tx: Tx) -> str:
            mapping = None if statements.is_camt(data) else await known_mapping(tx, data)
            if mapping is None and not statements.is_camt(data):
                upload_id = new_id()
                await store.add_upload(tx, upload_id, data, who.name)
                return f"/desk/billing/statements/uploads/{upload_id}"
            found = await import_file(tx, data, mapping, who.name)
            return f"/desk/billing/statements/{found[0]}"

        if not statements.is_camt(data):
            statements.signature(data)
        return await once.redirect(work)
    except NotAStatementError as broken:
        form.refuse("file", f"Nothing was imported. {broken}")
        return await _list(page, ctx, form, status=422)


@router.get("/uploads/{upload_id}")
async def show_upload(upload_id: UUID, page: Page, ctx: Ctx) -> Response:
    data = await _uploaded(ctx, upload_id)
    mapping = statements.detect(data, ctx.settings.wire_account, "USD")
    return _read_as(page, upload_id, data, mapping, Form[MappingForm].blank())


@router.post("/uploads/{upload_id}")
async def read_upload(request: Request, upload_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Show the table as it is read now, or import it so and keep for the next file how this bank writes."""
    form = await Form.read(request, MappingForm)
    data = await _uploaded(ctx, upload_id)
    guess = statements.detect(data, ctx.settings.wire_account, "USD")
    if not form.valid:
        return _read_as(page, upload_id, data, guess, form, status=422)
    mapping = _mapping(form.model)
    if form.model.then == "look":
        return _read_as(page, upload_id, data, mapping, form)

    async def work(tx: Tx) -> str:
        found = await import_file(tx, data, mapping, who.name)
        await saved_mapping(tx, data, mapping, who.name)
        await store.drop_upload(tx, upload_id)
        return f"/desk/billing/statements/{found[0]}"

    try:
        return await once.redirect(work)
    except NotAStatementError as broken:
        form.refuse("account", f"Nothing was imported. {broken}")
        return _read_as(page, upload_id, data, mapping, form, status=422)


@router.get("/{statement_id}")
async def show_statement(statement_id: UUID, page: Page, ctx: Ctx) -> Response:
    async with ctx.db.reading() as tx:
        statement = await store.statement(tx, statement_id)
        if statement is None:
            raise LookupError("There is no such statement")
        lines = await store.lines_of_statement(tx, statement_id)
    return page("desk_statement.html", statement=statement, lines=lines, written=written, says=domain.written)


async def _list(page: Page, ctx: Context, form: Form[Any], status: int = 200) -> Response:
    async with ctx.db.reading() as tx:
        found = await store.statements(tx)
    return page("desk_statements.html", status=status, form=form, statements=found, written=written)


async def _uploaded(ctx: Context, upload_id: UUID) -> bytes:
    async with ctx.db.reading() as tx:
        data = await store.upload(tx, upload_id)
    if data is None:
        raise LookupError("This table was imported already, or waited for more than a day: upload it again")
    return data


def _mapping(said: MappingForm) -> Mapping:
    columns: dict[Role, int] = {}
    for at, role in enumerate(said.column):
        if role:
            columns.setdefault(role, at)
    delimiter = "\t" if said.delimiter == "tab" else said.delimiter
    raw = RawMapping(
        account=said.account, currency=said.currency, delimiter=delimiter, decimal=said.decimal, dates=said.dates,
        encoding=said.encoding, header=said.header, columns=columns,
    )  # fmt: skip
    return raw.mapping()


def _read_as(
    page: Page, upload_id: UUID, data: bytes, mapping: Mapping, form: Form[MappingForm], status: int = 200
) -> Response:
    """Show the first lines as they stand and as they are read, or why they can't be."""
    sentence, statement = "", None
    try:
        [statement] = statements.read(data, mapping)
    except NotAStatementError as broken:
        sentence = str(broken)
    try:
        rows = statements.first_rows(data, mapping)
    except NotAStatementError:
        rows = []
    width = max((len(row) for row in rows), default=0)
    return page(
        "desk_table.html", status=status, form=form, mapping=mapping, rows=rows, width=width,
        statement=statement, sentence=sentence, upload_id=upload_id, roles=ROLES, written=written,
        by_column={at: role for role, at in mapping.columns.items()},
    )  # fmt: skip
