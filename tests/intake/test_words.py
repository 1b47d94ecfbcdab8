"""Every sentence that patients read exists in every language."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shared.web.i18n import LOCALES

INTAKE = Path(__file__).parents[2] / "services" / "intake"
KEYWORDS = {"_": None, "N_": None, "ValueError": None, "Refused": None}


def said() -> set[str]:
    """Return the English sentences of intake's code and pages."""
    found = extract_from_dir(
        INTAKE, [("**.py", "python"), ("templates/**.html", "jinja2")], {"templates/**.html": {"extensions": "jinja2.ext.i18n"}},
        keywords=KEYWORDS,
    )  # fmt: skip
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_nothing_is_left_in_english(locale: str) -> None:
    with (INTAKE / "locale" / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    translated = {message.id for message in catalogue if message.id and message.string}
    assert said() == translated
    assert not [message for message in catalogue if message.id and message.fuzzy]
