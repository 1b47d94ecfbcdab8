"""Whatever a patient can read on these pages exists in every language we offer."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from services.records import files
from shared.web.catalogues import TRANSLATED
from shared.web.i18n import gettext_for

HOME = Path(files.__file__).parent
PATIENTS = [
    "my.html", "my_summary.html", "_words.html", "_refused.html", "_count_fields.html", "_parcel_fields.html",
    "reads.html", "_my_slides.html",
]  # fmt: skip
SPOKEN_BY_RULES = (
    "The case was withdrawn: its materials are closed.",
    "The collection opens when the payment is in.",
    "Slides travel by courier. Write down the parcel instead of uploading a file.",
    "This item is settled and needs nothing more. Write to your case manager if that is wrong.",
    "A parcel holds at least one slide or block. Write what was packed.",
    files.EMPTY, files.TOO_LARGE, files.WRONG_DOCUMENT, files.WRONG_IMAGES, "Choose a file first.",
)  # fmt: skip


def words_on_pages() -> set[str | tuple[str, ...]]:
    templates = HOME / "templates" / "records"
    found = extract_from_dir(templates, [("**.html", "jinja2")], {"**.html": {"newstyle_gettext": "true"}})
    return {message for name, _, message, _, _ in found if name in PATIENTS}


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_word_on_a_patients_page_is_translated(locale: str) -> None:
    with (HOME / "locale" / locale / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalogue = read_po(source, locale=locale)
    words = gettext_for(locale, HOME / "locale")

    assert len(words_on_pages()) > 40
    untranslated = set()
    for message in words_on_pages() | set(SPOKEN_BY_RULES):
        singular = message if isinstance(message, str) else message[0]
        known = catalogue.get(singular)
        if (known is None or not known.string) and words.gettext(singular) == singular:
            untranslated.add(singular)
    assert untranslated == set()


@pytest.mark.parametrize("locale", TRANSLATED)
def test_translations_keep_the_places_for_values(locale: str) -> None:
    with (HOME / "locale" / locale / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalogue = read_po(source, locale=locale)
    for message in catalogue:
        if isinstance(message.id, str) and message.id:
            assert sorted(re.findall(r"%\(\w+\)s", message.id)) == sorted(re.findall(r"%\(\w+\)s", str(message.string)))


def test_the_rules_still_say_these_sentences() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in HOME.rglob("*.py"))
    for sentence in SPOKEN_BY_RULES:
        assert sentence in source
