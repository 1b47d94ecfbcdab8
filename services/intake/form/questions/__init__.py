"""The questions of the form, a module a section: what each page takes, and what it says when an answer is missing or can't be right."""

from __future__ import annotations

from services.intake.form.questions.consent import Agreement, Declared
from services.intake.form.questions.help import Doctor, Heard, Interests, NewConfidant
from services.intake.form.questions.illness import Kind, NewQuestion, Reasons, Story, Surgery
from services.intake.form.questions.patient import (
    BirthDate,
    Hospital,
    Interpreter,
    Latin,
    NamedGuardian,
    PatientContact,
    PatientCountry,
    PatientName,
    Sex,
    Spoken,
)
from services.intake.form.questions.start import Save, Start, WayIn, Where
from services.intake.form.questions.you import (
    Call,
    Contact,
    Ground,
    OwnCountry,
    OwnEmail,
    OwnName,
    Relation,
    Role,
    WithPhone,
)
from shared.web import Incoming

QUESTIONS: dict[str, type[Incoming]] = {
    "start": Start,
    "path": WayIn,
    "stream": Where,
    "save": Save,
    "role": Role,
    "relation": Relation,
    "ground": Ground,
    "your_name": OwnName,
    "your_email": OwnEmail,
    "your_country": OwnCountry,
    "your_phone": WithPhone,
    "contact": Contact,
    "call": Call,
    "patient_name": PatientName,
    "birth_date": BirthDate,
    "guardian": NamedGuardian,
    "sex": Sex,
    "patient_country": PatientCountry,
    "language": Spoken,
    "interpreter": Interpreter,
    "latin_name": Latin,
    "patient_contact": PatientContact,
    "hospital": Hospital,
    "cancer_type": Kind,
    "reasons": Reasons,
    "surgery": Surgery,
    "story": Story,
    "questions": NewQuestion,
    "services": Interests,
    "doctor": Doctor,
    "told": NewConfidant,
    "heard": Heard,
    "declaration": Declared,
    "consent": Agreement,
}
LISTS = frozenset({"questions", "told"})
"""Pages that gather entries one by one. Kept as ``{"items": [{"id": …, …}], "done": true}``."""

AT_MOST = {"questions": 20, "told": 10}
