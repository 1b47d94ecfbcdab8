"""Scans: objects of patient, study and series as their headers tell, and what is wrong with them (R25, M7).

``instance`` one object · ``stack`` slices in a row · ``series`` what belongs together · ``judging`` a case as a whole ·
``defects`` codes and sentences. What a scan must be is programme data.
"""

from services.records.domain.imaging.defects import HARMLESS, NOT_READABLE, SENTENCES, Defect, Flaw
from services.records.domain.imaging.instance import (
    Attributes,
    Header,
    Instance,
    Kind,
    NotReadable,
    Patient,
    Pixels,
    day_of,
    instance_of,
)
from services.records.domain.imaging.judging import judge
from services.records.domain.imaging.series import Series, flaws_of, series_of
from services.records.domain.imaging.stack import place_of

__all__ = [
    "HARMLESS",
    "NOT_READABLE",
    "SENTENCES",
    "Attributes",
    "Defect",
    "Flaw",
    "Header",
    "Instance",
    "Kind",
    "NotReadable",
    "Patient",
    "Pixels",
    "Series",
    "day_of",
    "flaws_of",
    "instance_of",
    "judge",
    "place_of",
    "series_of",
]
