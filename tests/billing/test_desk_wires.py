"""Finance's pages for statements and wires, without JavaScript; and the same for its tools (R21)."""

import re
from uuid import UUID

import httpx
import pytest

from services.billing import domain
from shared.events import PaymentReceived
from shared.ids import new_case_number
from shared.web import Role
from tests.billing.bank import ACCOUNT, Movement, camt, table
from tests.billing.conftest import NUMBER, PRICE, CaseFacts, states
from tests.billing.test_pages import ONCE, read, send, text_of
from tests.support.service import ServiceUnderTest

REFERENCE = domain.creditor_reference(NUMBER, 1)
LIST = "/desk/billing/statements"


@pytest.fixture
def felix(billing: ServiceUnderTest) -> httpx.AsyncClient:
    return billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")


async def uploads(client: httpx.AsyncClient, data: bytes, name: str = "statement.xml") -> httpx.Response:
    once = ONCE.search(await read(client, LIST))
    assert once
    return await client.post(
        LIST, data={"_once": once[1]}, files={"file": (name, data)}, headers={"Accept": "text/html"}
    )


async def test_a_statement_is_imported_shown_and_its_wires_matched_by_one_press(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    slip = REFERENCE.replace("9QXW", "9QXV")
    answer = await uploads(
        felix, camt([Movement(PRICE, text=f"inv {slip}", bank_reference="BANK-1"), Movement(-500, party="The bank")])
    )
    assert answer.status_code == 303
    page = await read(felix, answer.headers["location"])
    assert "To match" in page
    assert "To explain" in page
    assert "BANK" not in await read(felix, "/desk/billing/queues/payments-to-match")
    unmatched = await read(felix, "/desk/billing/unmatched")
    assert "one slip of the pen away" in unmatched
    [receipt] = await billing.fetch("SELECT id FROM wire_receipts")
    action = f"/desk/billing/receipts/{receipt['id']}/match"
    invoice = re.search(r'name="invoice_id" value="([^"]+)"', unmatched)
    assert invoice
    done = await send(felix, unmatched, action, invoice_id=invoice[1], back="unmatched")
    assert done.headers["location"] == "/desk/billing/unmatched"
    assert await states(billing) == ["paid"]
    page = await read(felix, action.removesuffix("/match"))
    assert "one slip of the pen away" in page, "why it was matched is kept"
    assert "Matched by Felix Grau" in await read(felix, answer.headers["location"])


async def test_a_wrong_match_is_taken_back_with_a_reason(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await uploads(felix, camt([Movement(PRICE, reference=REFERENCE)]))
    [receipt] = await billing.fetch("SELECT id FROM wire_receipts")
    here = f"/desk/billing/receipts/{receipt['id']}"
    page = await read(felix, here)
    assert "by system" in page
    assert (await send(felix, page, f"{here}/unmatch", reason="")).status_code == 422
    assert (await send(felix, page, f"{here}/unmatch", reason="It was another's")).status_code == 303
    page = await read(felix, here)
    assert "Felix Grau took it back" in page
    assert await states(billing) == ["open"]
    assert (await send(felix, page, f"{here}/set-aside", reason="Interest of the bank")).status_code == 303
    page = await read(felix, here)
    assert "Set aside by Felix Grau: Interest of the bank" in page
    assert (await send(felix, page, f"{here}/take-up")).status_code == 303
    assert "Which invoice is it for?" in await read(felix, here)


async def test_a_wire_is_split_over_two_cases(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient
) -> None:
    other, number = CaseFacts(), new_case_number()
    await billing.receives(case.submitted(), case.confirmed(), other.submitted(number), other.confirmed(1_000))
    await uploads(felix, camt([Movement(PRICE + 1_000, text="for us both")]))
    [receipt] = await billing.fetch("SELECT id FROM wire_receipts")
    here = f"/desk/billing/receipts/{receipt['id']}"
    page = await read(felix, here)

    async def splits(*parts: str, reason: str = "For both") -> httpx.Response:
        once = ONCE.search(page)
        assert once
        return await felix.post(
            f"{here}/split",
            data={"_once": once[1], "part": list(parts), "reason": reason},
            headers={"Accept": "text/html"},
        )

    for parts, sentence in (
        ((f"{NUMBER} 1",), "write case number, number of the invoice and amount"),
        ((f"{NUMBER} 7 1.00",), "has no invoice 7"),
        ((f"{NUMBER} 1 2,500.00",), "The parts make USD 2,500.00, the wire is USD 2,510.00"),
    ):
        wrong = await splits(*parts)
        assert wrong.status_code == 422
        assert sentence in text_of(wrong)
    assert await billing.count("payments") == 0
    as_read_out = number.lower().replace("-", " ")
    assert (await splits(f"{NUMBER} 1 2,500.00", f"{as_read_out} 1 10.00", "")).status_code == 303
    assert await states(billing) == ["paid", "paid"]


async def test_charges_that_banks_kept_are_borne_on_the_wires_page(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await uploads(felix, camt([Movement(PRICE - 3_000, text=REFERENCE, charges=3_000)]))
    [receipt] = await billing.fetch("SELECT id FROM wire_receipts")
    here = f"/desk/billing/receipts/{receipt['id']}"
    page = await read(felix, here)
    assert "USD 30.00 less than what is missing" in page
    invoice = re.search(r'name="invoice_id" id="invoice_id" value="([^"]+)"', page)
    assert invoice
    await send(felix, page, f"{here}/match", invoice_id=invoice[1])
    page = await read(felix, here)
    assert "USD 30.00 is still missing on invoice 1" in page
    fields = {"invoice_id": invoice[1], "reason": "Shared charges, the patient sent all"}
    assert (await send(felix, page, f"{here}/charges", **fields)).status_code == 303
    assert await states(billing) == ["paid"]
    assert len(await billing.emitted(PaymentReceived)) == 1


async def test_names_are_asked_for_at_the_moment_and_kept_nowhere(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await uploads(felix, camt([Movement(PRICE, party="HADDAD AMAL")]))
    [receipt] = await billing.fetch("SELECT id FROM wire_receipts")
    here = f"/desk/billing/receipts/{receipt['id']}"
    assert "could not be asked for" in await read(felix, here)
    people = {"patient": {"name": "Amal Haddad"}, "requester": {"name": "Samir Haddad"}}
    billing.peers.answers["intake", f"/cases/{case.id}/contacts"] = people
    page = await read(felix, here)
    assert "near the patient" in page
    assert "Samir" not in page
    invoice = re.search(r'name="invoice_id" id="invoice_id" value="([^"]+)"', page)
    assert invoice
    await send(felix, page, f"{here}/match", invoice_id=invoice[1])
    [match] = await billing.fetch("SELECT why FROM wire_matches")
    assert "near the patient" not in match["why"]


@pytest.mark.parametrize(("style", "dates"), [("german", "DMY"), ("american", "MDY")])
async def test_a_table_is_shown_as_it_is_read_before_it_counts(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, style: str, dates: str
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    data = table([Movement(PRICE, reference=REFERENCE), Movement(-500)], style=style)
    answer = await uploads(felix, data, "table.csv")
    upload = answer.headers["location"]
    assert "/uploads/" in upload
    assert await billing.count("bank_statements") == 0
    page = await read(felix, upload)
    assert "12,490.00" in page.replace(" ", "") or "USD 2,500.00" in page
    if style == "american":
        assert "day first or month first" in page
    columns = re.findall(r'<select class="nhsuk-select" id="column-\d+" name="column".*?</select>', page, re.DOTALL)
    chosen = [(re.search(r'value="([^"]*)" selected', one) or ["", ""])[1] for one in columns]
    delimiter, decimal = (";", ",") if style == "german" else (",", ".")
    fields = {
        "account": "DE02120300000000202051", "currency": "USD", "delimiter": delimiter, "decimal": decimal, "dates": dates,
        "encoding": "utf-8-sig", "header": "1", "column": chosen,
    }  # fmt: skip

    async def says(then: str, **changed: str) -> httpx.Response:
        once = ONCE.search(await read(felix, upload))
        assert once
        return await felix.post(
            upload, data={"_once": once[1], **fields, **changed, "then": then}, headers={"Accept": "text/html"}
        )

    looked = await says("look", decimal="." if decimal == "," else ",")
    assert "be read like this" in text_of(looked)
    refused = await says("import", decimal="." if decimal == "," else ",")
    assert refused.status_code == 422
    assert await billing.count("bank_lines") == 0
    assert (await says("import")).status_code == 303
    assert await states(billing) == ["paid"]
    again = table([Movement(700, text="the next day", bank_reference="N1")], style=style)
    upload = (await uploads(felix, again, "next.csv")).headers["location"]
    page = await read(felix, upload)
    assert "Say of which account the table is" in page, "another account of the bank has the same header"
    link = re.search(r'href="(/desk/billing/statements/uploads/[^"]+account=DE02[^"]+)"', page)
    assert link
    page = await read(felix, link[1].replace("&amp;", "&"))
    assert "USD 7.00" in page
    assert 'value="DE02120300000000202051"' in page
    assert (await says("import")).status_code == 303
    assert await billing.count("bank_uploads") == 0


async def test_the_tables_of_two_accounts_of_one_bank_stay_apart(
    billing: ServiceUnderTest, felix: httpx.AsyncClient
) -> None:
    data = table([Movement(700, text="the same in both")], balance=False).replace(b"USD", b"")
    fields = {
        "currency": "USD", "delimiter": ";", "decimal": ",", "dates": "DMY", "encoding": "utf-8-sig", "header": "1", "then": "import",
        "column": ["booked_on", "value_on", "party", "party_account", "remittance", "reference", "bank_reference", "amount"],
    }  # fmt: skip

    async def imports(account: str, currency: str, data: bytes) -> int:
        upload = (await uploads(felix, data, "table.csv")).headers["location"]
        once = ONCE.search(await read(felix, upload))
        assert once
        said = {**fields, "account": account, "currency": currency, "_once": once[1]}
        return (await felix.post(upload, data=said, headers={"Accept": "text/html"})).status_code

    async def posts(key: str, **which: str) -> httpx.Response:
        headers = {"Idempotency-Key": key, "Content-Type": "text/csv"}
        return await felix.post(
            "/api/billing/statements", content=data + b"\n" * len(key), headers=headers, params=which
        )

    assert await imports(ACCOUNT, "USD", data) == 303
    assert await imports("DE99120300000000202052", "EUR", data + b"\n") == 303
    kept = await billing.fetch("SELECT currency, amount_minor FROM bank_lines ORDER BY currency")
    assert [(row["currency"], row["amount_minor"]) for row in kept] == [("EUR", 700), ("USD", 700)]
    for key, account, currency in (
        ("the first key", ACCOUNT, "USD"),
        ("another key", "DE99 1203 0000 0000 2020 52", "EUR"),
    ):
        [statement] = (await posts(key, account=account)).json()["statements"]
        assert (statement["currency"], statement["known_lines"]) == (currency, 1)
    assert "Say of which account" in (await posts("a third key of mine")).json()["detail"]
    assert "Nobody has said" in (await posts("the fourth key of mine", account="DE00")).json()["detail"]
    assert await imports(ACCOUNT, "CHF", data + b"\n\n") == 303
    assert "kept in CHF or USD" in (await posts("the fifth key that I have", account=ACCOUNT)).json()["detail"]
    assert (await posts("the sixth key that I have had", account=ACCOUNT, currency="CHF")).status_code == 201


async def test_a_broken_file_is_refused_by_its_line(billing: ServiceUnderTest, felix: httpx.AsyncClient) -> None:
    for data, sentence in (
        (camt([Movement(5)], closing=1), "Line 14: The closing balance is"),
        (camt([Movement(5)])[:-60], "The file ends too early"),
        (b"", "not empty"),
        (b"\x89PNG\r\n\0\0", "not a table of text"),
    ):
        answer = await uploads(felix, data)
        assert answer.status_code == 422
        assert "Nothing was imported" in text_of(answer)
        assert sentence in text_of(answer)
    for name in ("bank_statements", "bank_lines", "wire_receipts", "bank_uploads", "ledger_transactions"):
        assert await billing.count(name) == 0


async def test_money_that_left_is_explained(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    back = Movement(-PRICE, reversal=True)
    await uploads(
        felix, camt([Movement(PRICE, reference=REFERENCE), back, Movement(-500, party="Bank"), Movement(-700)])
    )
    debits = {
        row["amount_minor"]: row["id"]
        for row in await billing.fetch("SELECT id, amount_minor FROM bank_lines WHERE amount_minor < 0")
    }
    page = await read(felix, f"/desk/billing/lines/{debits[-PRICE]}")
    assert "The bank calls it a return or a reversal" in page
    receipt = re.search(r'name="receipt_id" value="([^"]+)"', page)
    assert receipt
    action = f"/desk/billing/lines/{debits[-PRICE]}/taken-back"
    assert (await send(felix, page, action, receipt_id=receipt[1], reason="")).status_code == 422
    assert (await send(felix, page, action, receipt_id=receipt[1], reason="Sender's bank asked")).status_code == 303
    assert await states(billing) == ["open"]
    assert "Taken back by Felix Grau" in await read(felix, f"/desk/billing/receipts/{receipt[1]}")
    for minor, was in ((-500, "charge"), (-700, "set_aside")):
        here = f"/desk/billing/lines/{debits[minor]}"
        page = await read(felix, here)
        assert "No refund of this amount" in page
        assert (await send(felix, page, f"{here}/other", reason="x y z")).status_code == 422
        assert (await send(felix, page, f"{here}/other", was=was, reason="Fee for March")).status_code == 303
        assert "Fee for March" in await read(felix, here)
        answer = await felix.post(
            f"{here}/other", data={"_once": f"another press {minor}", "was": was, "reason": "Again"}
        )
        assert answer.status_code == 409
    assert "None." in await read(felix, "/desk/billing/unmatched")
    await read(felix, f"/desk/billing/lines/{UUID(int=1)}", status=404)
    await read(felix, f"{LIST}/{UUID(int=1)}", status=404)
    await read(felix, f"{LIST}/uploads/{UUID(int=1)}", status=404)


async def test_tools_import_by_the_api(billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    data = camt([Movement(PRICE, reference=REFERENCE), Movement(3)])

    async def posts(body: bytes, key: str) -> httpx.Response:
        return await felix.post(
            "/api/billing/statements", content=body, headers={"Idempotency-Key": key, "Content-Type": "application/xml"}
        )

    first = await posts(data, "the first key")
    assert first.status_code == 201
    [statement] = first.json()["statements"]
    assert (statement["lines"], statement["known_lines"], statement["open_lines"]) == (2, 0, 1)
    assert (await posts(data, "the first key")).json() == first.json()
    assert (await posts(data, "another key")).json() == first.json()
    broken = await posts(data[:-40], "the third key")
    assert (broken.status_code, broken.headers["content-type"]) == (422, "application/problem+json")
    assert broken.json()["detail"].startswith("Line ")
    assert "Say of which account" in (await posts(table([Movement(3)]), "the fourth key")).json()["detail"]
    assert len((await felix.get("/api/billing/statements")).json()["statements"]) == 1
    assert (await billing.sign_in(Role.CARE_ADVISOR).get("/api/billing/statements")).status_code == 403


async def test_a_refund_goes_back_to_who_paid(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await uploads(felix, camt([Movement(PRICE + 500, text=REFERENCE, party="Nour Haddad")]))
    [receipt] = await billing.fetch("SELECT id FROM wire_receipts")
    here, at = f"/desk/billing/receipts/{receipt['id']}", f"/desk/billing/cases/{case.id}"
    page = await read(felix, here)
    invoice = re.search(r'name="invoice_id" id="invoice_id" value="([^"]+)"', page)
    assert invoice
    await send(felix, page, f"{here}/match", invoice_id=invoice[1])
    page = await read(felix, at)
    assert "From Nour Haddad, account" in page
    payment = re.search(r'name="payment_id" value="([^"]+)"', page)
    assert payment
    fields = {"payment_id": payment[1], "currency": "USD", "amount": "5.00", "reason": "Paid too much"}
    assert (await send(felix, page, f"{at}/refunds", **fields)).status_code == 303
    assert "It goes back to who paid: Nour Haddad" in await read(felix, at)
    page = await read(felix, here)
    refused = await send(felix, page, f"{here}/unmatch", reason="It was another's")
    assert refused.status_code == 409
    assert "went back" in text_of(refused)
