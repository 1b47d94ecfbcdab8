"""Who asks in the demo, and what they answer: two patients, a clinician who refers one, somebody on the telephone. All made up."""

from dataclasses import dataclass

Answers = dict[str, dict[str, str | list[str]]]


@dataclass(frozen=True)
class Asker:
    """Somebody with a mailbox of their own, and their answers, question by question."""

    name: str
    mail: str
    answers: Answers


DOCTOR, DOCTOR_MAIL = "Dr Rami Hakim", "r.hakim@clinic.example"

PATIENT = Asker(
    "Amal Testfall",
    "amal@patient.example",
    {
        "path": {"path": "new_patient"},
        "stream": {"stream": "remote"},
        "save": {},
        "role": {"role": "patient"},
        "your_name": {"name": "Amal Testfall"},
        "your_email": {"email": "amal@patient.example"},
        "your_country": {"country": "JO"},
        "your_phone": {},
        "call": {"times": "morning"},
        "birth_date": {"birth_date__day": "3", "birth_date__month": "April", "birth_date__year": "1971"},
        "sex": {"sex": "female"},
        "language": {"language": "ar"},
        "interpreter": {"wanted": "no"},
        "hospital": {"in_hospital": "no"},
        "cancer_type": {"kind": "breast"},
        "reasons": {"reasons": ["new_diagnosis", "peace_of_mind"]},
        "surgery": {"surgery": "unsure"},
        "story": {},
        "questions": {"text": "Is there a treatment without surgery?"},
        "services": {"interests": "comprehensive"},
        "doctor": {
            "doctor": "other",
            "name": DOCTOR,
            "email": DOCTOR_MAIL,
            "institution": "A made-up clinic",
            "country": "JO",
        },
        "told": {},
        "heard": {},
        "consent": {"accepted": "yes", "signed_name": "Amal Testfall"},
    },
)

CLINICIAN = Asker(
    "Dr Inés Ejemplo",
    "ines.ejemplo@hospital.example",
    {
        "path": {"path": "referral"},
        "stream": {"stream": "remote"},
        "save": {},
        "your_name": {"name": "Dr Inés Ejemplo"},
        "your_email": {"email": "ines.ejemplo@hospital.example"},
        "your_country": {"country": "MX"},
        "your_phone": {},
        "contact": {"contact": "requester"},
        "call": {"times": "afternoon", "zone": "America/Mexico_City"},
        "patient_name": {"name": "Tomás Prueba"},
        "birth_date": {"birth_date__day": "12", "birth_date__month": "9", "birth_date__year": "1966"},
        "sex": {"sex": "male"},
        "patient_country": {"country": "MX"},
        "language": {"language": "es"},
        "interpreter": {"wanted": "no"},
        "patient_contact": {"email": "tomas.prueba@patient.example"},
        "hospital": {"in_hospital": "no"},
        "cancer_type": {"kind": "lymphoma"},
        "reasons": {"reasons": ["diagnosis_unclear"]},
        "surgery": {"surgery": "no"},
        "story": {},
        "questions": {"text": "Would you treat now, or watch?"},
        "services": {"interests": "written"},
        "doctor": {"doctor": "me"},
        "told": {},
        "heard": {},
        "declaration": {"accepted": "yes", "signed_name": "Dr Inés Ejemplo"},
        "consent": {"accepted": "yes", "signed_name": "Dr Inés Ejemplo"},
    },
)

CALLER = Asker(
    "Noor Beispiel",
    "noor.beispiel@family.example",
    {
        "path": {"path": "new_patient"},
        "stream": {"stream": "remote"},
        "save": {},
        "role": {"role": "family"},
        "relation": {"relationship": "son"},
        "ground": {"authority": "permission"},
        "your_name": {"name": "Noor Beispiel"},
        "your_email": {"email": "noor.beispiel@family.example"},
        "your_country": {"country": "AE"},
        "your_phone": {},
        "contact": {"contact": "requester"},
        "call": {"times": "evening"},
        "patient_name": {"name": "نور الدين بيسبيل"},
        "birth_date": {"birth_date__day": "30", "birth_date__month": "1", "birth_date__year": "1949"},
        "sex": {"sex": "male"},
        "patient_country": {"country": "AE"},
        "language": {"language": "ar"},
        "interpreter": {"wanted": "yes", "interpreter": "ar"},
        "latin_name": {"latin_name": "Nour Eddine Beispiel"},
        "patient_contact": {},
        "hospital": {"in_hospital": "no"},
        "cancer_type": {"kind": "not_listed"},
        "reasons": {"reasons": ["other_options"]},
        "surgery": {"surgery": "unsure"},
        "story": {},
        "questions": {"text": "Can he be treated at home?"},
        "services": {"interests": "comprehensive"},
        "doctor": {"doctor": "none"},
        "told": {},
        "heard": {},
        "consent": {"accepted": "yes", "signed_name": "Noor Beispiel"},
    },
)

PAYER = Asker("Mila Modelo", "mila.modelo@patient.example", {})
"""Asks by the JSON interface, so no form is filled in."""
