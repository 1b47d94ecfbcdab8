"""The pages of matching: the staff desk, and what the patient's side sees."""
