"""Reading statements: every version and table says the same, and what is broken says so by its line (R21)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.statements import (
    BankLine,
    NotAStatementError,
    Statement,
    detect,
    identities,
    is_camt,
    read,
    signature,
)
from shared.events import Money
from tests.billing.bank import ACCOUNT, DAY, Movement, camt, table

VERSIONS = ("02", "03", "04", "06", "08", "10", "13")


def parsed(data: bytes) -> Statement:
    [found] = read(data) if is_camt(data) else read(data, detect(data, ACCOUNT, "USD"))
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("prefix", ["", "ns2"])
def test_every_version_says_the_same(version: str, prefix: str) -> None:
    movements = [
        Movement(250_000, reference="RF18 7K3M 9QXW 01", bank_reference="B1"),
        Movement(-1_000, party="The bank", text="Charges"),
        Movement(
            5_000,
            parts=[Movement(2_000, bank_reference="P1"), Movement(3_000, bank_reference="P2", text="two")],
            bank_reference="B2",
        ),
        Movement(90_000, instructed=(100_000, "EUR"), rate="0.9", charges=150, bearer="CRED"),
        Movement(-250_000, reversal=True),
        Movement(777, pending=True),
    ]
    found = parsed(camt(movements, version=version, prefix=prefix))
    assert [line.amount for line in found.lines] == [250_000, -1_000, 2_000, 3_000, 90_000, -250_000]
    assert (found.account, found.currency, found.from_on, found.to_on) == (ACCOUNT, "USD", DAY, DAY)
    assert (found.opening, found.closing) == (1_000_000, 1_094_000)
    first, _, second, third, changed, back = found.lines
    assert (first.reference, first.bank_reference, first.party) == ("RF187K3M9QXW01", "B1", "Amal Haddad")
    assert first.party_account == "LB62099900000001001901229114"
    assert (second.bank_reference, third.bank_reference, third.remittance) == ("P1", "P2", "two")
    assert (changed.instructed, changed.rate) == (Money(amount_minor=100_000, currency="EUR"), "0.9")
    assert (changed.charges_minor, changed.bearer) == (150, "ours")
    assert back.returned
    assert not first.returned


def test_charges_kept_of_a_batch_are_a_line_of_their_own() -> None:
    batch = Movement(4_900, charges=100, parts=[Movement(2_000), Movement(3_000)])
    assert [line.amount for line in parsed(camt([batch])).lines] == [2_000, 3_000, -100]


def test_the_same_reference_on_another_entry_is_told_and_within_a_batch_is_not() -> None:
    batch = Movement(300, bank_reference="B", parts=[Movement(100), Movement(200)])
    found = parsed(camt([batch, Movement(5, bank_reference="C"), Movement(5, bank_reference="C")])).lines
    assert [line.twin_line is not None for line in found] == [False, False, False, True]
    assert found[3].twin_line == found[2].line


@pytest.mark.parametrize("style", ["german", "american"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_tables_are_read_as_their_banks_write(style: str, encoding: str) -> None:
    movements = [
        Movement(1_234_567, party="José Núñez", on=date(2027, 3, 13), bank_reference="B1"),
        Movement(-5, on=date(2027, 3, 14)),
    ]
    found = parsed(table(movements, style=style, encoding=encoding))
    assert sorted(line.amount for line in found.lines) == [-5, 1_234_567]
    [came] = [line for line in found.lines if line.amount > 0]
    assert (came.party, came.booked_on, came.bank_reference) == ("José Núñez", date(2027, 3, 13), "B1")
    assert (found.opening, found.closing) == (1_000_000, 2_234_562)


def test_a_date_that_could_be_two_is_a_doubt_and_one_that_could_not_is_none() -> None:
    assert detect(table([Movement(1)], style="american"), ACCOUNT, "USD").unsure
    assert not detect(table([Movement(1, on=date(2027, 3, 13))], style="american"), ACCOUNT, "USD").unsure


def test_tables_of_one_bank_are_known_by_their_header() -> None:
    one, other = table([Movement(1)]), table([Movement(2), Movement(-3)])
    assert signature(one) == signature(other) != signature(table([Movement(1)], style="american"))


GOOD = [Movement(250_000, reference="RF18 7K3M 9QXW 01"), Movement(-1_000)]
XML = camt(GOOD)
TABLE = table(GOOD)
DATES = b"<BookgDt><Dt>2027-03-02</Dt></BookgDt>\n<ValDt><Dt>2027-03-02</Dt></ValDt>"
BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">&c;</Document>"""


def line_of(data: bytes, part: bytes) -> int:
    return data[: data.index(part)].count(b"\n") + 1


def _changed(old: bytes, new: bytes, of: bytes = XML) -> bytes:
    assert old in of
    return of.replace(old, new, 1)


BROKEN: list[tuple[str, bytes, int | None, str]] = [
    ("truncated", XML[: len(XML) // 2], XML[: len(XML) // 2].count(b"\n") + 1, "ends too early"),
    ("truncated in a tag", XML[:-5], XML.count(b"\n"), "ends too early"),
    ("not well formed", _changed(b"</CdtDbtInd>", b"</CdtDbt>"), line_of(XML, b"</CdtDbtInd>"), "not sound XML"),
    ("wrong encoding", _changed(b"Amal", "Ämal".encode("latin-1")), line_of(XML, b"Amal"), "not UTF-8"),
    ("unknown encoding", _changed(b"UTF-8", b"KOI-99"), 1, "encoding that we don't know"),
    ("wrong sum", camt(GOOD, closing=1), line_of(XML, b"CLBD") - 1, "opening balance and lines make"),
    ("batch that doesn't add up", camt([Movement(5, parts=[Movement(2), Movement(2)])]), line_of(XML, b"<Ntry>"), "its payments make"),
    ("bad date", _changed(b"<BookgDt><Dt>2027-03-02", b"<BookgDt><Dt>2027-02-30"), line_of(XML, b"<BookgDt>"), "2027-02-30"),
    ("no date", _changed(DATES, b""), line_of(XML, b"<Ntry>"), "no date"),
    ("bad amount", _changed(b"2500.00", b"2,500.00"), line_of(XML, b"2500.00"), "is not an amount"),
    ("too many digits", _changed(b"2500.00", b"2500.001"), line_of(XML, b"2500.00"), "more digits"),
    ("not a number", _changed(b"2500.00", b"NaN"), line_of(XML, b"2500.00"), "is not an amount"),
    ("another currency", _changed(b'<Ntry>\n<Amt Ccy="USD"', b'<Ntry>\n<Amt Ccy="EUR"'), line_of(XML, b"<Ntry>") + 1, "kept in USD"),
    ("neither credit nor debit", _changed(b"<CdtDbtInd>DBIT</CdtDbtInd>", b""), line_of(XML, b"<Ntry>") + 21, "credit or debit"),
    ("no account", _changed(f"<Id><IBAN>{ACCOUNT}</IBAN></Id>".encode(), b""), 5, "of which account"),
    ("billion laughs", BOMB, 2, "document type or entities"),
    ("external entity", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<a>&x;</a>', 1, "document type or entities"),
    ("external document type", b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd">\n<a/>', 1, "document type or entities"),
    ("too deep", b"<a>" * 50 + b"</a>" * 50, 1, "larger or deeper"),
    ("too long a text", _changed(b"Amal", b"A" * 20_000), line_of(XML, b"Amal"), "longer than"),
    ("huge", b"<a>" + b" " * (9 << 20), None, "more than 8 MiB"),
    ("wrong kind", _changed(b"camt.053", b"camt.054"), 2, "camt.054"),
    ("too old", camt(GOOD, version="01"), 2, "version 01"),
    ("other XML", b"<html><body/></html>", 1, "another kind"),
    ("no statement", b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt/></Document>', 1, "no statement"),
    ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0", 1, "can't be read"),
    ("empty", b"", None, "not empty"),
    ("blank", b" \n\n", None, "not empty"),
    ("table with a bad date", _changed(b"02.03.2027", b"32.03.2027", TABLE), 2, "32.03.2027"),
    ("table with a bad amount", _changed(b"-10,00", b"ten", TABLE), 2, "is not an amount"),
    ("table with a wrong sum", _changed(b"-20,00", b"-21,00", table([*GOOD, Movement(-2_000), Movement(70)])), 3, "doesn't follow"),
    ("table cut off", TABLE[: TABLE.rindex(b";LB")], 3, "columns instead of"),
    ("table with an open quote", _changed(b"Amal", b'"Amal', TABLE), 2, "quotation mark"),
    ("table in another currency", _changed(b";USD;", b";EUR;", TABLE), 2, "kept in USD"),
    ("table without lines", TABLE[: TABLE.index(b"\n") + 1], None, "no lines"),
    ("table without amount", _changed(b"-10,00", b"", TABLE), 2, "no amount"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "line", "sentence"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_a_broken_file_says_so_by_its_line(data: bytes, line: int | None, sentence: str) -> None:
    mapping = detect(TABLE, ACCOUNT, "USD")
    with pytest.raises(NotAStatementError) as refused:
        read(data, None if is_camt(data) else mapping)
    assert sentence in str(refused.value)
    assert refused.value.line == line
    assert str(refused.value).endswith((".", "?"))


def test_nothing_is_fetched_or_read_beside_the_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    with pytest.raises(NotAStatementError) as refused:
        read(f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'.encode())
    assert "a secret" not in str(refused.value)


@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    try:
        read(data, None if is_camt(data) else detect(data, ACCOUNT, "USD"))
    except NotAStatementError as refused:
        said = str(refused)
    else:
        said = ""
    assert len(said) < 500


@given(
    st.sampled_from([XML, TABLE]),
    st.integers(0, 3_000),
    st.sampled_from([b"", b"\xff", b"<", b"\0", b"9", b'"', b"&a;"]),
    st.integers(0, 30),
)
def test_a_file_with_a_wound_is_read_or_refused(data: bytes, at: int, put: bytes, gone: int) -> None:
    wounded = data[: at % len(data)] + put + data[at % len(data) + gone :]
    try:
        found = read(wounded, None if is_camt(wounded) else detect(TABLE, ACCOUNT, "USD"))
    except NotAStatementError:
        return
    for statement in found:
        if statement.opening is not None and statement.closing is not None:
            assert statement.opening + sum(line.amount for line in statement.lines) == statement.closing


amounts = st.integers(-(10**12), 10**12).filter(bool)
words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=40).map(
    lambda text: " ".join(text.split())
)
moved = st.builds(Movement, amount=amounts, party=words, text=words, on=st.dates(date(2020, 1, 1), date(2035, 1, 1)))


@given(st.lists(moved, min_size=1, max_size=8), st.sampled_from(VERSIONS))
def test_what_a_bank_writes_as_camt_is_what_is_read(movements: list[Movement], version: str) -> None:
    found = parsed(camt(movements, version=version)).lines
    assert [(one.amount, one.party, one.remittance, one.booked_on) for one in found] == [
        (one.amount, one.party, one.text, one.on) for one in movements
    ]


@given(st.lists(moved, min_size=1, max_size=8), st.sampled_from(["german", "american"]))
def test_what_a_bank_writes_as_a_table_is_what_is_read(movements: list[Movement], style: str) -> None:
    data = table(movements, style=style)
    mapping = replace(
        detect(data, ACCOUNT, "USD"),
        dates="DMY" if style == "german" else "MDY",
        decimal="," if style == "german" else ".",
    )
    [found] = read(data, mapping)
    lines = found.lines[::-1] if style == "german" else found.lines
    assert [(one.amount, one.party, one.remittance, one.booked_on) for one in lines] == [
        (one.amount, one.party, one.text, one.on) for one in movements
    ]


def _known(first: Sequence[BankLine], of: Statement, which: Callable[[int], bool]) -> None:
    part = replace(of, lines=tuple(line for nth, line in enumerate(first) if which(nth)))
    whole = identities(of)
    assert set(identities(part)) <= set(whole)
    assert len(set(whole)) == len(whole)


@given(
    st.lists(
        st.builds(Movement, amount=st.sampled_from([5, 5, 7]), text=st.sampled_from(["", "x"]), party=st.just("A")),
        min_size=1,
        max_size=12,
    ),
    st.data(),
)
def test_a_line_is_known_again_in_any_stretch_of_days(movements: list[Movement], data: st.DataObject) -> None:
    days = [replace(one, on=date(2027, 3, 1 + nth // 3)) for nth, one in enumerate(movements)]
    of = parsed(camt(days))
    first = data.draw(st.integers(1, 4))
    _known(of.lines, of, lambda nth: nth // 3 + 1 >= first)
