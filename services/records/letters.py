"""Letters of request: what a hospital is asked to hand out, in its own language, with the patient's authorisation (R22).

The patient's name and birth date are asked of intake at the moment of writing and kept nowhere. Whatever people wrote
is placed as plain text.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from services.records import collecting
from services.records.domain import (
    N_,
    SETTLED,
    Asked,
    Collection,
    Item,
    Kind,
    Person,
    Provider,
    Refused,
)
from services.records.store import cases, history
from shared import programme
from shared.ids import CaseId
from shared.programme import Programme
from shared.programme.values import in_locale
from shared.service import Context
from shared.typesetting import printed
from shared.web.speech import Speech

TEMPLATE = Path(__file__).parent / "templates" / "request.typ"
WORDS = Path(__file__).parent / "locale"


@dataclass(frozen=True)
class Letter:
    """All that a letter says, in words that are ready to be shown."""

    lang: str
    rtl: bool
    title: str
    seller: str
    address: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    greeting: str
    ask: str
    items: tuple[str, ...]
    how: tuple[str, ...]
    authority_title: str
    authority: str
    lines: tuple[str, ...]
    page: str


@dataclass(frozen=True)
class Patient:
    """Whose records are asked for, as intake knows them at this moment."""

    name: str
    birth_date: date
    guardian: str | None


def asked_of(items: Sequence[Item], provider: Provider) -> list[Item]:
    """Return what this provider is asked for: the open lines that name it, or else those that name nobody."""
    open_ = [item for item in items if item.state not in SETTLED and not item.never_made]
    named = [item for item in open_ if provider.id in item.providers]
    return named or [item for item in open_ if item.asked is Asked.PROVIDER and not item.providers]


def letter(collection: Collection, items: Sequence[Item], provider: Provider, patient: Patient, at: datetime) -> Letter:
    """Return the letter in the provider's language."""
    assert collection.programme is not None
    rules = programme.load(collection.programme)
    _ = Speech(provider.language, WORDS, rules.calendar.zone)
    facts = [
        (_(N_("To")), provider.name),
        (_(N_("Patient")), patient.name),
        (_(N_("Date of birth")), _.date(patient.birth_date)),
        (_(N_("Our number")), _.own(collection.case_number or "")),
        (_(N_("Date")), _.day(at)),
    ]
    return Letter(
        lang=_.lang, rtl=_.rtl, title=_(N_("Request for copies of medical records")),
        seller=rules.organisation_partner, address=_address(_, rules), facts=tuple((key, said) for key, said in facts if said),
        greeting=_(N_("Dear colleagues,")),
        ask=_(N_("The patient named above has asked for a second opinion from afar. Please hand out the following:")),
        items=tuple(in_locale(item.about.get("request") or item.titles, _.code) for item in items),
        how=_how(_, items, rules), authority_title=_(N_("Authorisation by the patient")),
        authority=rules.text("release_authority", _.code),
        lines=tuple(_signing(_, patient)), page=_(N_("Page")),
    )  # fmt: skip


def _how(_: Speech, items: Sequence[Item], rules: Programme) -> tuple[str, ...]:
    said = [
        _(
            N_(
                "Copies are enough for documents. Please give them to the patient, or to the person who brings this letter."
            )
        )
    ]
    if any(item.kind is Kind.IMAGING for item in items):
        said.append(
            _(N_("Images: the original DICOM files of the whole examination, on a CD or for download; no photographs."))
        )
    if any(item.kind is Kind.SLIDES for item in items):
        said.append(_(N_("Slides and blocks are counted when they arrive, and go back to you afterwards.")))
    said.append(
        _(N_("Questions: %(email)s, %(phone)s"), email=_.own(rules.contacts.email), phone=_.own(rules.contacts.phone))
    )
    return tuple(said)


def _signing(_: Speech, patient: Patient) -> list[str]:
    signed = _(N_("Signature of the patient"))
    if patient.guardian:
        signed = _(N_("Signature of the guardian, %(name)s"), name=patient.guardian)
    return [_(N_("Place and date")), signed]


def _address(_: Speech, rules: Programme) -> tuple[str, ...]:
    at = rules.contacts
    return tuple(map(_.own, (at.post, at.email, at.phone)))


async def write(ctx: Context, case_id: UUID, provider_id: UUID, by: Person) -> tuple[str, bytes]:
    """Return a name for the file and the letter as tagged PDF; that it was drawn stands in the case's history.

    Raises ``Refused`` when nothing is asked of this provider, ``PeerProblem`` when intake doesn't answer.
    """
    brief = await ctx.peers.get("intake", f"/cases/{case_id}/brief")
    who = brief["patient"]
    patient = Patient(who["name"], date.fromisoformat(str(who["birth_date"])), brief.get("guardian"))
    async with ctx.db.transaction() as tx:
        collection = await cases.lock(tx, CaseId(case_id))
        collection.refuse_unless_open()
        provider = await collecting.provider_of(tx, CaseId(case_id), provider_id)
        items = asked_of(collection.items, provider)
        if not items:
            raise Refused(N_("Nothing is asked of this hospital now. Say on the list which items it has."))
        history.note(tx, CaseId(case_id), "letter_drawn", by, name=provider.name, items=[item.code for item in items])
        said = letter(collection, items, provider, patient, tx.now)
        at = tx.now
    name = f"request-{collection.case_number or provider.id}".lower()
    return name, await asyncio.to_thread(render, said, at, ctx.platform.node_modules)


def render(said: Letter, at: datetime, node_modules: Path) -> bytes:
    """Return a tagged PDF. What is written in a script without a font is spelled in Latin letters."""
    return printed(TEMPLATE, "letter", asdict(said), at, node_modules)
