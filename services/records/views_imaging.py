"""What the JSON interface shows of scans."""

from uuid import UUID

from pydantic import BaseModel

from services.records.scans import Complaint, Scans, Study
from services.records.store.scans import Image, SeriesLine


class DefectView(BaseModel):
    """Something that is wrong: ``flaw`` for programs, ``sentence`` for the sender, in the reader's language.

    ``uid``: the study or series that it is about; empty: the case.
    """

    flaw: str
    uid: str
    sentence: str
    harmless: bool

    @classmethod
    def of(cls, complaint: Complaint) -> "DefectView":
        return cls(flaw=complaint.flaw, uid=complaint.uid, sentence=complaint.sentence, harmless=complaint.harmless)


class SeriesView(BaseModel):
    """A series. ``thickness`` and ``spacing`` in millimetres; ``images``: pictures that can be shown, ``objects``: files."""

    uid: str
    modality: str
    number: str
    description: str
    images: int
    objects: int
    thickness: float | None
    spacing: float | None
    regions: list[str]
    phases: list[str]
    contrast: bool
    localiser: bool

    @classmethod
    def of(cls, line: SeriesLine) -> "SeriesView":
        one = line.series
        return cls(
            uid=one.uid, modality=one.modality, number=line.number, description=line.description, images=one.images,
            objects=one.objects, thickness=one.thickness, spacing=one.spacing, regions=list(one.regions),
            phases=list(one.phases), contrast=one.contrast, localiser=one.localiser,
        )  # fmt: skip


class StudyView(BaseModel):
    """An examination with its series."""

    uid: str
    date: str
    description: str
    series: list[SeriesView]

    @classmethod
    def of(cls, study: Study) -> "StudyView":
        series = [SeriesView.of(line) for line in study.series]
        return cls(uid=study.uid, date=study.date, description=study.description, series=series)


class ScansView(BaseModel):
    """All scans of a case, and what is wrong with them (R25, M7)."""

    studies: list[StudyView]
    defects: list[DefectView]

    @classmethod
    def of(cls, found: Scans) -> "ScansView":
        every = [*found.complaints, *(one for study in found.studies for one in study.complaints)]
        return cls(
            studies=[StudyView.of(study) for study in found.studies], defects=[DefectView.of(one) for one in every]
        )


class ImageView(BaseModel):
    """One object of a series: its document, and how many pictures it holds."""

    document_id: UUID
    frames: int
    number: int | None

    @classmethod
    def of(cls, image: Image) -> "ImageView":
        return cls(document_id=image.document_id, frames=image.frames, number=image.number)


class ImagesView(BaseModel):
    """The pictures of a series, in the order in which they are looked at."""

    images: list[ImageView]
