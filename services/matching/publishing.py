"""From a signed opinion to a document in the hands of patient and local physician (R33, R34)."""

import asyncio
import hashlib
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from services.matching import queues
from services.matching.brief import Brief, brief_of, locale_of
from services.matching.domain.candidates import Specialist
from services.matching.domain.opinions import OpinionText, Question
from services.matching.opinion import Letter, Notice, render
from services.matching.store import cases, opinions, roster
from shared import staff_queue
from shared.backbone import outbox
from shared.backbone.errands import Errand
from shared.db import Tx
from shared.events import OpinionDelivered
from shared.programme import Programme
from shared.service import Context
from shared.web.times import spoken_day

PUBLISH = "publish_opinion"
R33_TEXTS = ("opinion_depends", "opinion_no_care", "opinion_questions")
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


async def publish_opinion(errand: Errand, ctx: Context) -> None:
    """Make the document, store it, make it available; a withdrawn case gets none. Doing it again changes nothing."""
    async with ctx.db.reading() as tx:
        case = await cases.case(tx, errand.case_id)
        opinion = await opinions.opinion(tx, UUID(errand.payload["opinion_id"]))
        author = await roster.specialist(tx, opinion.author_id)
    brief = await brief_of(ctx.peers, case.case_id)
    if case.withdrawn_at or brief.withdrawn:
        return
    file, sha256 = opinion.file, opinion.sha256
    if file is None or sha256 is None:
        letter = letter_for(case, opinion, opinion.text, author, brief, await locale_of(ctx.peers, case.case_id))
        document = await asyncio.to_thread(render, letter, ctx.platform.node_modules)
        file, sha256 = f"matching/opinions/{opinion.id}.pdf", hashlib.sha256(document).hexdigest()
        await obstore.put_async(files_at(ctx.platform.files_url), file, document)
    async with ctx.db.transaction() as tx:
        await opinions.set_document(tx, opinion.id, sha256, file)
        await make_available(tx, case, opinion.id, physician_known=brief.local_physician is not None)


async def make_available(tx: Tx, case: cases.Case, opinion_id: UUID, *, physician_known: bool) -> None:
    """Open the document to both recipients; the fact is told once both are served, and once per version (R34)."""
    case = await cases.hold_case(tx, case.case_id)
    if case.withdrawn_at:
        return
    await opinions.make_available(tx, opinion_id, "patient")
    if physician_known:
        await opinions.make_available(tx, opinion_id, "local_physician")
        await staff_queue.done(tx, queues.TO_DELIVER, str(opinion_id))
    else:
        await staff_queue.put(
            tx, queues.TO_DELIVER, case.case_id, str(opinion_id), f"{case.title}: no local physician is named",
            data={"href": f"/desk/matching/cases/{case.case_id}"},
        )  # fmt: skip
    if await opinions.mark_delivered(tx, opinion_id):
        told = await opinions.opinion(tx, opinion_id)
        outbox.append(tx, OpinionDelivered(
            case_id=case.case_id, opinion_id=opinion_id, document_sha256=told.sha256 or "",
            signed_at=told.signed_at or tx.now, delivered_at=tx.now,
        ))  # fmt: skip


def letter_for(
    case: cases.Case, opinion: opinions.Opinion, text: OpinionText, author: Specialist, brief: Brief, locale: str,
    questions: tuple[Question, ...] | None = None,
) -> Letter:  # fmt: skip
    """Return what is printed: the opinion's words, the names of this moment, and the programme's R33 texts."""
    doctor, patient = brief.local_physician, brief.patient
    return Letter(
        hospital=case.rules.organisation_hospital,
        partner=case.rules.organisation_partner,
        case_number=brief.case_number,
        patient=patient.name,
        birth_date=spoken_day(patient.birth_date, "en") if patient.birth_date else "",
        physician=doctor.full if doctor else "",
        author=author,
        version=opinion.version,
        correction=opinion.correction,
        text=text,
        questions=opinion.questions if questions is None else questions,
        notices=_notices(case.rules, locale),
        small_print=case.rules.text("not_affiliated", "en") if "not_affiliated" in case.rules.texts else "",
        signed_name=opinion.signed_name,
        at=opinion.signed_at or opinion.updated_at,
    )


def _notices(rules: Programme, locale: str) -> tuple[Notice, ...]:
    locales = dict.fromkeys(["en", *(known for known in rules.locales if known == locale.replace("-", "_"))])
    languages = ((known, known.partition("_")[0]) for known in locales)
    return tuple(
        Notice(lang=lang, rtl=lang in RIGHT_TO_LEFT, text=" ".join(rules.text(key, known) for key in R33_TEXTS))
        for known, lang in languages
    )


@cache
def files_at(url: str) -> ObjectStore:
    """Return the object store behind ``FILES_URL``: a folder, or S3."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return from_url(url)
    folder = Path(unquote(parts.path))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return LocalStore(folder)


async def read_document(ctx: Context, opinion: opinions.Opinion) -> bytes:
    """Return the stored PDF. Raises ``FileNotFoundError`` when the store lost it."""
    assert opinion.file is not None
    found = await obstore.get_async(files_at(ctx.platform.files_url), opinion.file)
    return bytes(await found.bytes_async())
