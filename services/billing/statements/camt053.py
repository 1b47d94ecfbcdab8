"""CAMT.053, versions 02 and later: the bank-to-customer statement of ISO 20022.

What differs between the versions is where a name, an amount or a status stands; each place is asked in turn. Only
booked entries count. An entry that holds several payments is taken apart, if their amounts make up the entry's.
"""

import re
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

from services.billing.statements import nodes
from services.billing.statements.lines import (
    BankLine,
    Bearer,
    NotAStatementError,
    Statement,
    account_name,
    bank_reference,
    check_balances,
    exact,
    with_twins,
)
from services.billing.statements.nodes import Node
from shared.events import Money
from shared.money import written

_SPACE = re.compile(r"urn:(?:iso:std:iso:20022:tech:xsd|swift:xsd):\$?(?P<kind>camt\.\d{3})\.001\.(?P<version>\d\d)")
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
_BEARERS: dict[str, Bearer] = {"DEBT": "theirs", "CRED": "ours", "SHAR": "shared", "SLEV": "shared"}


def read(data: bytes) -> list[Statement]:
    """Return the file's statements. Raises ``NotAStatementError``."""
    root = nodes.read(data)
    space = _SPACE.fullmatch(root.space)
    if root.name != "Document" or space is None:
        raise NotAStatementError(root.line, "This is not a CAMT.053 statement: it is XML of another kind.")
    if space["kind"] != "camt.053":
        raise NotAStatementError(
            root.line, f"This is {space['kind']}, not a statement (camt.053). Ask the bank for the statement."
        )
    if int(space["version"]) < 2:
        raise NotAStatementError(root.line, "This is version 01 of CAMT.053. Ask the bank for version 02 or later.")
    found = [_statement(node) for node in root.all("BkToCstmrStmt/Stmt")]
    if not found:
        raise NotAStatementError(root.line, "There is no statement in this file.")
    return found


def _statement(node: Node) -> Statement:
    account = node.said("Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id")
    if not account:
        raise NotAStatementError(node.line, "The statement doesn't say of which account it is.")
    currency = _currency(node)
    opening, closing = _balance(node, currency, _OPENING, first=True), _balance(node, currency, _CLOSING, first=False)
    entries = [_entry(one, currency) for one in node.all("Ntry") if one.said("Sts/Cd", "Sts") in ("BOOK", "")]
    lines = with_twins([(line, nth) for nth, entry in enumerate(entries) for line in entry if line.amount])
    days = [line.booked_on for line in lines] + [balance.on for balance in (opening, closing) if balance]
    if not days:
        raise NotAStatementError(node.line, "The statement has neither lines nor balances.")
    told = [_day(one) for path in ("FrToDt/FrDtTm", "FrToDt/ToDtTm") for one in node.all(path)]
    statement = Statement(
        account_name(account), currency, node.said("Id"), min(told or days), max(told or days),
        opening.amount if opening else None, closing.amount if closing else None, lines, "camt.053",
    )  # fmt: skip
    return check_balances(statement, closing.line if closing else node.line)


def _currency(node: Node) -> str:
    amount = node.one("Bal/Amt", "Ntry/Amt")
    currency = node.said("Acct/Ccy") or (amount.attributes.get("Ccy", "") if amount else "")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise NotAStatementError(node.line, "The statement doesn't say in which currency the account is kept.")
    return currency


@dataclass(frozen=True, slots=True)
class _Balance:
    amount: int
    on: date
    line: int


def _balance(node: Node, currency: str, kinds: tuple[str, ...], *, first: bool) -> _Balance | None:
    """Return the balance of one of these kinds; of intermediate ones (a statement in pages) the first or the last."""
    found = [one for kind in (*kinds, "ITBD") for one in node.all("Bal") if one.said("Tp/CdOrPrtry/Cd") == kind]
    if not found:
        return None
    named = [one for one in found if one.said("Tp/CdOrPrtry/Cd") != "ITBD"] or found
    chosen = named[0] if first else named[-1]
    day = chosen.one("Dt/Dt", "Dt/DtTm")
    if day is None:
        raise NotAStatementError(chosen.line, "A balance has no date.")
    return _Balance(_signed(chosen, chosen.one("Amt"), currency), _day(day), chosen.line)


def _entry(node: Node, currency: str) -> list[BankLine]:
    """Return the lines that an entry is: one, or one for each of its payments."""
    amount = _signed(node, node.one("Amt"), currency)
    booked = node.one("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")
    if booked is None:
        raise NotAStatementError(node.line, "An entry has no date.")
    valued = node.one("ValDt/Dt", "ValDt/DtTm") or booked
    whole = BankLine(
        node.line, amount, _day(booked), _day(valued), bank_reference=bank_reference(node.said("AcctSvcrRef")),
        remittance=node.said("AddtlNtryInf"), returned=node.said("RvslInd") in ("true", "1"),
    )  # fmt: skip
    details = list(node.all("NtryDtls/TxDtls"))
    if len(details) <= 1:
        return [_payment(details[0], whole, currency, node)] if details else [_with_exchange(node, whole, currency)]
    amounts = [_own_amount(one, amount, currency) for one in details]
    if all(one is None for one in amounts):
        return [whole]
    return _apart(node, whole, details, amounts, currency)


def _apart(
    node: Node, whole: BankLine, details: list[Node], amounts: list[int | None], currency: str
) -> list[BankLine]:
    """Take a batch apart. Charges that the bank kept of the batch as a whole become a line of their own."""
    without = next((one for one, amount in zip(details, amounts, strict=True) if amount is None), None)
    if without:
        raise NotAStatementError(without.line, f"A payment of this entry has no amount in {currency}, the others have.")
    lines = [
        _payment(one, replace(whole, line=one.line, amount=amount or 0), currency, None)
        for one, amount in zip(details, amounts, strict=True)
    ]
    left = whole.amount - sum(one.amount for one in lines)
    kept = _charges(node, currency)
    if left and left == -kept:
        lines.append(replace(whole, amount=left, remittance="Charges of the bank for this entry"))
        left = 0
    if left:
        told, found = written(whole.amount, currency), written(whole.amount - left, currency)
        raise NotAStatementError(node.line, f"The entry is {told}, but its payments make {found}. Ask the bank.")
    return [one for one in lines if one.amount]


def _payment(node: Node, whole: BankLine, currency: str, entry: Node | None) -> BankLine:
    """Return one payment's line; ``entry`` is given when it is the entry's only one and may say part of it."""
    side = "Dbtr" if whole.amount > 0 else "Cdtr"
    reference = node.said("RmtInf/Strd/CdtrRefInf/Ref")
    end_to_end = node.said("Refs/EndToEndId")
    free = [
        " ".join(one.text.split()) for path in ("RmtInf/Ustrd", "RmtInf/Strd/AddtlRmtInf") for one in node.all(path)
    ]
    if end_to_end.startswith("RF") and not reference:
        reference = end_to_end
    line = replace(
        whole,
        bank_reference=bank_reference(node.said("Refs/AcctSvcrRef")) or whole.bank_reference,
        party=node.said(f"RltdPties/{side}/Nm", f"RltdPties/{side}/Pty/Nm", f"RltdPties/Ultmt{side}/Nm"),
        party_account=account_name(node.said(f"RltdPties/{side}Acct/Id/IBAN", f"RltdPties/{side}Acct/Id/Othr/Id")),
        reference=reference,
        remittance=" ".join(part for part in free if part) or node.said("AddtlTxInf") or whole.remittance,
        charges_minor=_charges(node, currency) or (_charges(entry, currency) if entry else 0),
        bearer=_bearer(node) or (_bearer(entry) if entry else None),
        returned=whole.returned or node.one("RtrInf") is not None,
    )
    exchanged = _with_exchange(node, line, currency)
    return _with_exchange(entry, exchanged, currency) if entry and exchanged.instructed is None else exchanged


def _own_amount(node: Node, of_entry: int, currency: str) -> int | None:
    """Return what a payment of a batch moved in the account's currency, or None where the bank doesn't say."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/CntrValAmt/Amt"):
        for amount in node.all(path):
            if amount.attributes.get("Ccy") == currency:
                minor = exact(amount.text.strip(), currency, amount.line)
                sign = node.said("CdtDbtInd") or ("CRDT" if of_entry > 0 else "DBIT")
                return minor if sign == "CRDT" else -minor
    return None


def _with_exchange(node: Node, line: BankLine, currency: str) -> BankLine:
    """Add what was instructed, if it was something else than what came, and the rate."""
    amount = node.one("AmtDtls/InstdAmt/Amt", "AmtDtls/TxAmt/Amt", "Amt")
    rate = node.said(
        *(f"AmtDtls/{part}/CcyXchg/XchgRate" for part in ("TxAmt", "InstdAmt", "CntrValAmt", "AnncdPstngAmt"))
    )
    foreign = amount.attributes.get("Ccy", "") if amount else ""
    if amount is None or not re.fullmatch("[A-Z]{3}", foreign):
        return replace(line, rate=rate or line.rate)
    minor = exact(amount.text.strip(), foreign, amount.line)
    differs = minor > 0 and (foreign != currency or minor != abs(line.amount))
    return replace(
        line, rate=rate or line.rate, instructed=Money(amount_minor=minor, currency=foreign) if differs else line.instructed
    )  # fmt: skip


def _charges(node: Node, currency: str) -> int:
    """Return what banks say they kept, in the account's currency; charges in another are left to the text."""
    total = 0
    for record in chain(node.all("Chrgs/Rcrd"), (one for one in node.all("Chrgs") if one.one("Amt"))):
        amount = record.one("Amt")
        if amount and amount.attributes.get("Ccy") == currency:
            minor = exact(amount.text.strip(), currency, amount.line)
            total += -minor if record.said("CdtDbtInd") == "CRDT" else minor
    if not total and (whole := node.one("Chrgs/TtlChrgsAndTaxAmt")) and whole.attributes.get("Ccy") == currency:
        total = exact(whole.text.strip(), currency, whole.line)
    return total


def _bearer(node: Node) -> Bearer | None:
    return _BEARERS.get(node.said("Chrgs/Rcrd/Br", "Chrgs/Br"))


def _signed(node: Node, amount: Node | None, currency: str) -> int:
    """Return an entry's or a balance's amount: credit above zero, debit below."""
    side = node.said("CdtDbtInd")
    if amount is None or side not in ("CRDT", "DBIT"):
        raise NotAStatementError(node.line, "An amount is missing here, or whether it is credit or debit.")
    if amount.attributes.get("Ccy") != currency:
        raise NotAStatementError(
            amount.line, f"The account is kept in {currency}, this amount is in {amount.attributes.get('Ccy', 'none')}."
        )
    minor = exact(amount.text.strip(), currency, amount.line)
    return minor if side == "CRDT" else -minor


def _day(node: Node) -> date:
    try:
        return date.fromisoformat(node.text.strip()[:10])
    except ValueError:
        raise NotAStatementError(node.line, f"“{node.text.strip()[:40]}” is not a date.") from None
