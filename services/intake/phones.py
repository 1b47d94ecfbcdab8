"""Phone numbers against a country's numbering plan. A number is never rewritten: its international form is proposed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat
from phonenumbers.timezone import time_zones_for_number


@dataclass(frozen=True, slots=True)
class PhoneCheck:
    """What the numbering plan says of a number: its international form where that is worth proposing; whether it can be one."""

    international: str | None
    valid: bool

    @property
    def needs_a_word(self) -> bool:
        """Whether the person who typed it should be asked."""
        return self.international is not None or not self.valid


def check(typed: str, country: str | None) -> PhoneCheck:
    """Judge what was typed by somebody in ``country``; a valid number that names its country code needs no proposal."""
    try:
        number = phonenumbers.parse(typed, country)
    except NumberParseException:
        return PhoneCheck(None, valid=False)
    valid = phonenumbers.is_valid_number(number)
    spelt_out = typed.strip().startswith("+") and _digits(typed) == _digits(
        phonenumbers.format_number(number, PhoneNumberFormat.E164)
    )
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    return PhoneCheck(international if valid and not spelt_out else None, valid)


def zones_of(number: str | None, country: str | None) -> tuple[str, ...]:
    """Return the time zones in which this number is used, none when nothing can be told."""
    try:
        found = time_zones_for_number(phonenumbers.parse(number or "", country))
    except NumberParseException:
        return ()
    return tuple(zone for zone in found if zone != "Etc/Unknown")


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())
