"""Bank statements: what was imported, what became of each line, and how a table is read before it counts (R21)."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.datastructures import UploadFile

from services.billing import cashier, domain, statements, store
from services.billing.desk.parts import money_desk
from services.billing.importing import RawMapping, Which, import_file, known_mappings, saved_mapping
from services.billing.statements import Mapping, NotAStatementError
from services.billing.statements.mapping import ROLES, Role
from shared.db import Tx
from shared.ids import new_id
from shared.money import written
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


@dataclass(frozen=True, slots=True)
class _Upload:
    """A table that waits: ``known`` is how tables that look like it were read, one for each account."""

    id: UUID
    data: bytes
    guess: Mapping
    known: list[Mapping]

    def mapping(self, which: Which) -> Mapping:
        """Return how to read it as a table of this account; of which it is, a person says, if others look like it."""
        if not self.known:
            return self.guess
        chosen = next((one for one in self.known if which.means(one)), None)
        return chosen or replace(self.known[0], account="", currency="")


@router.get("")
async def show_statements(page: Page, ctx: Ctx) -> Response:
    return await _list(page, ctx, Form[UploadForm].blank())


@router.post("", max_body_size=TAKES_FILES)
async def upload(request: Request, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Import a file; a table waits until somebody has said of which account it is, and seen how it is read."""
    form = await Form.read(request, UploadForm)
    sent = form.files.get("file")
    data = await sent.read() if isinstance(sent, UploadFile) else b""
    try:
        statements.check_size(data)

        async def work(tx: Tx) -> str:
            if not statements.is_camt(data):
                upload_id = new_id()
                await store.add_upload(tx, upload_id, data, who.name)
                return f"/desk/billing/statements/uploads/{upload_id}"
            found = await import_file(tx, data, None, who.name)
            return f"/desk/billing/statements/{found[0]}"

        if not statements.is_camt(data):
            statements.signature(data)
        return await once.redirect(work)
    except NotAStatementError as broken:
        form.refuse("file", f"Nothing was imported. {broken}")
        return await _list(page, ctx, form, status=422)


@router.get("/uploads/{upload_id}")
async def show_upload(upload_id: UUID, page: Page, ctx: Ctx, account: str = "", currency: str = "") -> Response:
    """Show how a table would be read, as those of the account that was said."""
    upload = await _uploaded(ctx, upload_id)
    return _read_as(page, upload, upload.mapping(Which(account, currency)), Form[MappingForm].blank())


@router.post("/uploads/{upload_id}")
async def read_upload(request: Request, upload_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Show the table as it is read now, or import it so and keep for the account's next file how its bank writes."""
    form = await Form.read(request, MappingForm)
    upload = await _uploaded(ctx, upload_id)
    if not form.valid:
        return _read_as(page, upload, upload.mapping(Which()), form, status=422)
    mapping = _mapping(form.model)
    if form.model.then == "look":
        return _read_as(page, upload, mapping, form)

    async def work(tx: Tx) -> str:
        found = await import_file(tx, upload.data, mapping, who.name)
        await saved_mapping(tx, upload.data, mapping, who.name)
        await store.drop_upload(tx, upload_id)
        return f"/desk/billing/statements/{found[0]}"

    try:
        return await once.redirect(work)
    except NotAStatementError as broken:
        form.refuse("account", f"Nothing was imported. {broken}")
        return _read_as(page, upload, mapping, form, status=422)


@router.get("/{statement_id}")
async def show_statement(statement_id: UUID, page: Page, ctx: Ctx) -> Response:
    async with ctx.db.reading() as tx:
        statement = await store.statement(tx, statement_id)
        if statement is None:
            raise LookupError("There is no such statement")
        lines, warning = await store.lines_of_statement(tx, statement_id), await cashier.out_of_balance(tx, statement)
    return page(
        "desk_statement.html", statement=statement, lines=lines, warning=warning, written=written, says=domain.written
    )  # fmt: skip


async def _list(page: Page, ctx: Context, form: Form[Any], status: int = 200) -> Response:
    async with ctx.db.reading() as tx:
        found = await store.statements(tx)
    return page("desk_statements.html", status=status, form=form, statements=found, written=written)


async def _uploaded(ctx: Context, upload_id: UUID) -> _Upload:
    async with ctx.db.reading() as tx:
        data = await store.upload(tx, upload_id)
        if data is None:
            raise LookupError("This table was imported already, or waited for more than a day: upload it again")
        known = await known_mappings(tx, data)
    return _Upload(upload_id, data, statements.detect(data, ctx.settings.wire_account, "USD"), known)


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


def _read_as(page: Page, upload: _Upload, mapping: Mapping, form: Form[MappingForm], status: int = 200) -> Response:
    """Show the first lines as they stand and as they are read, or why they can't be."""
    sentence, statement = "", None
    try:
        [statement] = statements.read(upload.data, mapping)
    except NotAStatementError as broken:
        sentence = str(broken)
    try:
        rows = statements.first_rows(upload.data, mapping)
    except NotAStatementError:
        rows = []
    width = max((len(row) for row in rows), default=0)
    return page(
        "desk_table.html", status=status, form=form, mapping=mapping, rows=rows, width=width,
        statement=statement, sentence=sentence, upload_id=upload.id, known=upload.known, roles=ROLES, written=written,
        by_column={at: role for role, at in mapping.columns.items()},
    )  # fmt: skip
