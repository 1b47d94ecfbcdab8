"""Names of people in any script: a Latin rendering as in a passport, and how likely two of them are one person. Pure.

A rendering is a proposal: the person confirms it or types what stands in their passport. Nothing here decides anything.
"""

from services.intake.names.rendering import latin_rendering

__all__ = ["latin_rendering"]
