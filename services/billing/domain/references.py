"""The reference that a wire transfer carries: ISO 11649, with check digits."""


def creditor_reference(case_number: str, ordinal: int) -> str:
    """Return the ISO 11649 reference of a case's nth invoice, such as ``RF18 7K3M 9QXW 01``.

    It is the case number without its check character, the ordinal, and two check digits that a bank checks too.
    """
    body = case_number.replace("-", "")[:8] + f"{ordinal:02d}"
    plain = f"RF{98 - _mod97(body + 'RF00'):02d}{body}"
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def find_references(remittance: str) -> list[tuple[str, int]]:
    """Return (case number without check, ordinal) of each sound reference in a bank's free text."""
    text = "".join(character for character in remittance.upper() if character.isascii() and character.isalnum())
    found: list[tuple[str, int]] = []
    for start in (at for at in range(len(text)) if text.startswith("RF", at)):
        candidate = text[start : start + 14]
        check, body = candidate[2:4], candidate[4:]
        if len(candidate) == 14 and check.isdigit() and body[8:].isdigit() and _mod97(body + "RF" + check) == 1:
            found.append((f"{body[:4]}-{body[4:8]}", int(body[8:])))
    return found


def _mod97(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text)) % 97
