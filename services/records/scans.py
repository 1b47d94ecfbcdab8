"""A case's scans in words: studies, their series, and what is wrong with them in the reader's language (R25, M7)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from services.records import desks
from services.records.domain import Collection, Side
from services.records.domain.imaging import HARMLESS, SENTENCES, Defect, Flaw, Series
from services.records.store import imaging, scans
from services.records.store.scans import SeriesLine
from shared.db import Tx
from shared.ids import CaseId
from shared.programme import Called, Imaging
from shared.web import N_, Principal, Problem

Translate = Callable[[str], str]


@dataclass(frozen=True)
class Complaint:
    """Something that is wrong: the code for staff, and the sentence for whoever sent it."""

    flaw: Flaw
    uid: str
    sentence: str

    @property
    def harmless(self) -> bool:
        """Whether nobody need do anything."""
        return self.flaw in HARMLESS


@dataclass(frozen=True)
class Study:
    """One examination: its series, and what is wrong with it and with them."""

    uid: str
    date: str
    description: str
    series: Sequence[SeriesLine]
    complaints: Sequence[Complaint]

    @property
    def day(self) -> str:
        """When it was made, as ISO 8601 writes a day; as it stands in the file when that is none."""
        date = self.date
        return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else date

    @property
    def images(self) -> int:
        """How many pictures can be shown."""
        return sum(line.series.images for line in self.series)

    def complaints_about(self, series: Series) -> list[Complaint]:
        """Return what is wrong within one of its series."""
        return [one for one in self.complaints if one.uid == series.uid]

    @property
    def as_a_whole(self) -> list[Complaint]:
        """What is wrong with the study itself."""
        return [one for one in self.complaints if one.uid == self.uid]


@dataclass(frozen=True)
class Scans:
    """Scans of a case as somebody reads of them. ``complaints``: what belongs to no study that is shown; ``pictures``: whether
    they may look at them too.
    """

    studies: Sequence[Study]
    complaints: Sequence[Complaint]
    pictures: bool = True

    @property
    def all_complaints(self) -> list[Complaint]:
        """Everything that is wrong, each sentence once."""
        every = [*self.complaints, *(one for study in self.studies for one in study.complaints)]
        return list({one.sentence: one for one in every}.values())

    @property
    def to_do(self) -> list[Complaint]:
        """What somebody should do something about."""
        return [one for one in self.all_complaints if not one.harmless]


async def see(tx: Tx, who: Principal, case_id: UUID) -> tuple[Collection, bool]:
    """Return a case for somebody who may look at its scans, and whether at all that came; else ``Problem``.

    Whoever sees a part of a case sees no pictures: a CD isn't split by who is asked for what. Specialists see what was
    compared with the patient and accepted.
    """
    collection = await desks.see(tx, who, case_id)
    side = (await desks.part_of(tx, who, case_id)).side
    if side not in (Side.EVERYTHING, Side.READER):
        raise Problem(404, N_("No such case"), detail=N_("Nothing is collected for this case, or it isn't yours."))
    return collection, side is Side.EVERYTHING


async def read_of(
    tx: Tx, who: Principal, case_id: UUID, locale: str, translate: Translate
) -> tuple[Collection, Scans]:  # fmt: skip
    """Return a case, and its scans in words, for somebody who sees the case; else ``Problem``.

    Who sees a part of a case reads of what they sent themselves, so that they can put it right.
    """
    collection = await desks.see(tx, who, case_id)
    part = await desks.part_of(tx, who, case_id)
    if part.side in (Side.EVERYTHING, Side.READER):
        return collection, await _scans_of(tx, CaseId(case_id), locale, translate, whole=part.side is Side.EVERYTHING)
    return collection, await _scans_of(tx, CaseId(case_id), locale, translate, whole=True, sender=part.subject)


async def _scans_of(
    tx: Tx, case_id: CaseId, locale: str, translate: Translate, *, whole: bool, sender: str | None = None
) -> Scans:
    lines = await scans.series_of_case(tx, case_id, whole=whole, sender=sender)
    asked, _ = await imaging.asked_of(tx, case_id)
    complaints = [in_words(one, asked, locale, translate) for one in await scans.defects_of_case(tx, case_id)]
    studies = [
        _study(uid, list(of_it), complaints) for uid, of_it in groupby(lines, key=lambda line: line.series.study_uid)
    ]
    placed = {one.uid for study in studies for one in study.complaints}
    others = [one for one in complaints if one.uid not in placed]
    if sender is not None:
        promised = await scans.listed_by(tx, case_id, sender)
        return Scans(studies, [one for one in others if one.uid in promised], pictures=False)
    return Scans(studies, others if whole else [one for one in others if not one.uid])


def _study(uid: str, lines: Sequence[SeriesLine], complaints: Iterable[Complaint]) -> Study:
    uids = {uid, *(line.series.uid for line in lines)}
    description = next((line.study_description for line in lines if line.study_description), "")
    return Study(uid, lines[0].study_date, description, lines, [one for one in complaints if one.uid in uids])


def in_words(defect: Defect, asked: Imaging, locale: str, translate: Translate) -> Complaint:
    """Return a defect with its sentence in the reader's language."""
    named = {
        "found": _names(asked.regions, defect.values.get("found"), locale),
        "wanted": _names(asked.regions, defect.values.get("wanted"), locale),
        "phases": _names(asked.phases, defect.values.get("phases"), locale),
    }
    values = {**defect.values, **{name: text for name, text in named.items() if name in defect.values}}
    return Complaint(defect.flaw, defect.uid, translate(SENTENCES[defect.flaw]) % values)


def _names(called: Mapping[str, Called], codes: object, locale: str) -> str:
    listed = codes if isinstance(codes, list) else []
    return ", ".join(called[code].title_in(locale) if code in called else str(code) for code in listed)
