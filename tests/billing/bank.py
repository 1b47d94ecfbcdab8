"""A made-up bank: writes statements of one account, as CAMT.053 in any version and as the tables of three countries."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

ACCOUNT = "DE02120300000000202051"
DAY = date(2027, 3, 2)
OPENING = 1_000_000


@dataclass
class Movement:
    """What moved on the account: above zero came in. ``parts`` makes it a batch of several payments."""

    amount: int
    party: str = "Amal Haddad"
    text: str = ""
    reference: str = ""
    bank_reference: str = ""
    on: date = DAY
    instructed: tuple[int, str] | None = None
    rate: str = ""
    charges: int = 0
    bearer: str = ""
    reversal: bool = False
    pending: bool = False
    account: str = "LB62099900000001001901229114"
    parts: list["Movement"] = field(default_factory=list)


def written(minor: int) -> str:
    return f"{Decimal(abs(minor)).scaleb(-2):.2f}"


def camt(
    movements: Sequence[Movement], *, version: str = "08", currency: str = "USD", opening: int = OPENING, closing: int | None = None,
    prefix: str = "", name: str = "2027-042",
) -> bytes:  # fmt: skip
    """Return a statement as CAMT.053, an element a line. ``prefix`` is the namespace's, if it has one."""
    new = int(version) >= 4
    booked = sum(one.amount for one in movements if not one.pending)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">', "<BkToCstmrStmt>",
        "<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2027-03-03T06:00:00+00:00</CreDtTm></GrpHdr>", "<Stmt>", f"<Id>{name}</Id>",
        f"<Acct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>{currency}</Ccy></Acct>",
        *_balance("OPBD", opening, currency), *_balance("CLBD", opening + booked if closing is None else closing, currency),
    ]  # fmt: skip
    for one in movements:
        lines += _entry(one, currency, new=new)
    lines += ["</Stmt>", "</BkToCstmrStmt>", "</Document>"]
    text = "\n".join(lines) + "\n"
    if prefix:
        text = text.replace("<?xml", "\0").replace("</", f"\1{prefix}:").replace("<", f"<{prefix}:").replace("\1", "</")
        text = text.replace("\0", "<?xml").replace("xmlns=", f"xmlns:{prefix}=")
    return text.encode()


def _side(minor: int) -> str:
    return f"<CdtDbtInd>{'CRDT' if minor >= 0 else 'DBIT'}</CdtDbtInd>"


def _balance(kind: str, minor: int, currency: str) -> list[str]:
    return [
        "<Bal>", f"<Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>", f'<Amt Ccy="{currency}">{written(minor)}</Amt>',
        _side(minor), f"<Dt><Dt>{DAY.isoformat()}</Dt></Dt>", "</Bal>",
    ]  # fmt: skip


def _entry(one: Movement, currency: str, *, new: bool) -> list[str]:
    status = "PDNG" if one.pending else "BOOK"
    return [
        "<Ntry>", f'<Amt Ccy="{currency}">{written(one.amount)}</Amt>', _side(one.amount),
        *(["<RvslInd>true</RvslInd>"] if one.reversal else []),
        f"<Sts><Cd>{status}</Cd></Sts>" if new else f"<Sts>{status}</Sts>",
        f"<BookgDt><Dt>{one.on.isoformat()}</Dt></BookgDt>", f"<ValDt><Dt>{one.on.isoformat()}</Dt></ValDt>",
        *([f"<AcctSvcrRef>{one.bank_reference}</AcctSvcrRef>"] if one.bank_reference else []),
        *_charges(one, currency, new=new),
        "<NtryDtls>", *[line for part in one.parts or [one] for line in _details(part, currency, new=new, part=bool(one.parts))],
        "</NtryDtls>", "</Ntry>",
    ]  # fmt: skip


def _charges(one: Movement, currency: str, *, new: bool) -> list[str]:
    if not one.charges:
        return []
    record = (
        f'<Amt Ccy="{currency}">{written(one.charges)}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Br>{one.bearer or "SHAR"}</Br>'
    )
    return [f"<Chrgs><Rcrd>{record}</Rcrd></Chrgs>" if new else f"<Chrgs>{record}</Chrgs>"]


def _details(one: Movement, currency: str, *, new: bool, part: bool) -> list[str]:
    side = "Dbtr" if one.amount > 0 else "Cdtr"
    name = f"<Nm>{escape(one.party)}</Nm>"
    amount = f'<Amt Ccy="{currency}">{written(one.amount)}</Amt>'
    found = ["<TxDtls>", "<Refs>"]
    if part and one.bank_reference:
        found.append(f"<AcctSvcrRef>{one.bank_reference}</AcctSvcrRef>")
    found += ["<EndToEndId>NOTPROVIDED</EndToEndId>", "</Refs>"]
    if new and part:
        found += [amount, _side(one.amount)]
    if one.instructed:
        minor, foreign = one.instructed
        rate = f"<CcyXchg><SrcCcy>{foreign}</SrcCcy><XchgRate>{one.rate}</XchgRate></CcyXchg>" if one.rate else ""
        found.append(f'<AmtDtls><InstdAmt><Amt Ccy="{foreign}">{written(minor)}</Amt>{rate}</InstdAmt></AmtDtls>')
    elif part and not new:
        found.append(f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>")
    account = f"<{side}Acct><Id><IBAN>{one.account}</IBAN></Id></{side}Acct>"
    found += [
        "<RltdPties>",
        f"<{side}><Pty>{name}</Pty></{side}>" if new else f"<{side}>{name}</{side}>",
        account,
        "</RltdPties>",
        "<RmtInf>",
    ]
    if one.text:
        found.append(f"<Ustrd>{escape(one.text)}</Ustrd>")
    if one.reference:
        found.append(f"<Strd><CdtrRefInf><Ref>{one.reference.replace(' ', '')}</Ref></CdtrRefInf></Strd>")
    return [*found, "</RmtInf>", "</TxDtls>"]


def table(
    movements: Sequence[Movement],
    *,
    style: str = "german",
    opening: int = OPENING,
    encoding: str = "utf-8",
    balance: bool = True,
) -> bytes:
    """Return a statement as a table in the way of one country's banks; the german one begins with its newest line."""
    delimiter, header, newest_first = {
        "german": (";", ["Buchungstag", "Valuta", "Auftraggeber", "IBAN", "Verwendungszweck", "Kundenreferenz",
                         "Umsatz-ID", "Betrag", "Währung", "Saldo"], True),
        "american": (",", ["Date", "Value date", "Payer name", "Account", "Details", "Payment reference",
                           "Bank reference", "Amount", "Currency", "Balance"], False),
    }[style]  # fmt: skip
    rows, running = [], opening
    for one in movements:
        running += one.amount
        rows.append([
            _date(one.on, style), _date(one.on, style), one.party, one.account, one.text, one.reference, one.bank_reference,
            _amount(one.amount, style), "USD", _amount(running, style) if balance else "",
        ])  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows[::-1] if newest_first else rows)
    return out.getvalue().encode(encoding)


def _date(on: date, style: str) -> str:
    return on.strftime("%d.%m.%Y" if style == "german" else "%m/%d/%Y")


def _amount(minor: int, style: str) -> str:
    text = f"{Decimal(minor).scaleb(-2):,.2f}"
    return text.translate(str.maketrans(",.", ".,")) if style == "german" else text
