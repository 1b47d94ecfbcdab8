"""Names of people in any script: a Latin rendering as in a passport, and how likely two of them are one person. Pure.

A rendering is a proposal: the person confirms it or types what stands in their passport. A likeness is for staff to look
at. Nothing here decides anything.
"""

from services.intake.names.likeness import BornAlike, Likeness, dates_alike, likeness, name_likeness
from services.intake.names.rendering import latin_rendering

__all__ = ["BornAlike", "Likeness", "dates_alike", "latin_rendering", "likeness", "name_likeness"]
