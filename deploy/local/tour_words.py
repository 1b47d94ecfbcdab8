"""What the made-up people of the tour are called, answer and write."""

REQUESTER = "noura.alsaleh@family.example"
PHYSICIAN = "dr.rahimi@clinic.example"
DOCUMENT = (
    "#set page(width: 12cm, height: 8cm)\n= Summary of a made-up patient\nWritten for a demonstration. Nobody exists."
)
ANSWERS: dict[str, dict[str, str]] = {
    "path": {"path": "new_patient"},
    "stream": {"stream": "remote"},
    "save": {},
    "role": {"role": "family"},
    "relation": {"relationship": "daughter"},
    "ground": {"authority": "permission"},
    "your_name": {"name": "Noura Al-Saleh"},
    "your_email": {"email": REQUESTER},
    "your_country": {"country": "JO"},
    "your_phone": {},
    "contact": {"contact": "requester"},
    "call": {"times": "morning"},
    "patient_name": {"name": "سليم الصالح"},
    "birth_date": {"birth_date-day": "27", "birth_date-month": "3", "birth_date-year": "1958"},
    "sex": {"sex": "male"},
    "patient_country": {"country": "JO"},
    "language": {"language": "ar"},
    "interpreter": {"wanted": "yes"},
    "latin_name": {"latin_name": "Salim Al-Saleh"},
    "patient_contact": {},
    "hospital": {"in_hospital": "no"},
    "cancer_type": {"kind": "sarcoma"},
    "reasons": {"reasons": "other_options"},
    "surgery": {"surgery": "unsure"},
    "story": {},
    "questions": {"text": "Is there an option without an operation?"},
    "services": {"interests": "written"},
    "doctor": {"doctor": "other", "name": "Dr Hana Rahimi", "email": PHYSICIAN},
    "told": {},
    "heard": {},
    "consent": {"accepted": "yes", "signed_name": "Noura Al-Saleh"},
}
OPINION = {
    "received": "All reports named on the checklist, in English. One item was waived by the case manager.",
    "history": "A made-up history, written to show where the specialist's reading of it stands.",
    "assessment": "A made-up assessment. I agree with the first opinion in the main and differ in one point.",
    "plan": "First, a made-up step.\n\n- then one more\n- and a check after six weeks",
    "limits": "No slides were reviewed; the wording of the first report was relied on.",
}
