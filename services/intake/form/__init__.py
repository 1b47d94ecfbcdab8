"""The request form: one question a page, in sections; which of them are asked, and how answers become a `Request`.

The same pages serve both paths (R8), the public and an advisor who writes down what a caller says (R10).
"""

from services.intake.form.complete import Complete
from services.intake.form.questions import QUESTIONS
from services.intake.form.route import SECTIONS, Answers, Section, asked, following, state_of, unanswered

__all__ = [
    "QUESTIONS",
    "SECTIONS",
    "Answers",
    "Complete",
    "Section",
    "asked",
    "following",
    "state_of",
    "unanswered",
]
