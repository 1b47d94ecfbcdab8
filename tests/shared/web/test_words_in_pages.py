"""Amounts, instants and dates in the reader's notation, and catalogues that follow their source."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po

from shared.events import Money
from shared.web import catalogues
from shared.web.pages import Reader, ago, day, money, reading, when
from shared.web.speech import Speech

AT = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "amount", "text"),
    [
        ("en", Money(amount_minor=350_000, currency="USD"), "USD\xa03,500.00"),
        ("en", Money(amount_minor=1, currency="USD"), "USD\xa00.01"),
        ("en", Money(amount_minor=3500, currency="JPY"), "JPY\xa03,500"),
        ("ar", Money(amount_minor=350_000, currency="USD"), "\u2066USD\xa03,500.00\u2069"),
        ("zh_Hans", Money(amount_minor=350_000, currency="USD"), "USD\xa03,500.00"),
        ("es", Money(amount_minor=350_000, currency="USD"), "USD\xa03.500,00"),
    ],
)
def test_amounts_are_exact(locale: str, amount: Money, text: str) -> None:
    with reading(Reader(locale)):
        assert money(amount) == text
        assert money(amount.amount_minor, amount.currency) == text


def test_instants_carry_their_zone() -> None:
    assert str(when(AT)) == '<time datetime="2027-03-01T15:00:00+00:00">March 1, 2027, 3:00\u202fPM UTC</time>'
    assert "10:00\u202fAM EST" in when(AT, "America/New_York")
    assert "7:00\u202fPM Gulf Standard Time" in when(AT, "Asia/Dubai"), "an offset is no name"
    with reading(Reader("ar")):
        assert "مارس" in when(AT)
    with reading(Reader("en", zone="America/New_York")):
        assert "10:00\u202fAM EST" in when(AT)
        assert "3:00\u202fPM UTC" in when(AT, "UTC")
    assert [str(form(None)) for form in (when, day, ago)] == ["–", "–", "–"]


def test_days_and_distances() -> None:
    assert "March 27, 1978" in day(date(1978, 3, 27))
    with reading(Reader("en", zone="America/New_York")):
        assert "February 28, 2027" in day(AT - timedelta(hours=12)), "by the office's clock"
    with reading(Reader("en", now=AT)):
        assert "in 2 days" in ago(AT + timedelta(days=2))
        assert "3 hours ago" in ago(AT - timedelta(hours=3))
        assert [ago(AT + timedelta(seconds=away)).striptags() for away in (-59, 0, 59)] == ["just now"] * 3
    with reading(Reader("zh_Hans", now=AT)):
        assert "2天后" in ago(AT + timedelta(days=2))


def test_a_catalogue_follows_its_source(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / "templates").mkdir()
    page = home / "templates" / "page.html"
    page.write_text('{{ _("Old") }} {{ _("Kept") }}', encoding="utf-8")
    catalogues.update(home, "ar")
    _translate(catalogues.file_of(home, "ar"), {"Old": "قديم", "Kept": "باقٍ"})
    assert catalogues.missing(home, "ar") == []
    page.write_text('{{ _("Kept") }} {{ _("New") }} {{ ngettext("%(num)s day", "%(num)s days", 2) }}', encoding="utf-8")
    catalogues.update(home, "ar")
    assert catalogues.missing(home, "ar") == ["New", "('%(num)s day', '%(num)s days')"]
    with catalogues.file_of(home, "ar").open("rb") as file:
        assert {str(message.id) for message in read_po(file) if message.id} >= {"Kept", "New"}


def test_a_catalogue_with_nothing_new_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text('{{ _("Kept") }}', encoding="utf-8")
    catalogues.update(tmp_path, "ar")
    file = catalogues.file_of(tmp_path, "ar")
    file.write_bytes(re.sub(rb"POT-Creation-Date: \d{4}", b"POT-Creation-Date: 1999", file.read_bytes()))
    catalogues.update(tmp_path, "ar")
    once = file.read_bytes()
    catalogues.update(tmp_path, "ar")
    assert b"POT-Creation-Date: 1999" in once
    assert file.read_bytes() == once


def _translate(file: Path, words: dict[str, str]) -> None:
    with file.open("rb") as source:
        catalogue = read_po(source, locale="ar")
    for message in catalogue:
        if message.id:
            message.string = words[str(message.id)]
    with file.open("wb") as out:
        write_po(out, catalogue)


def test_a_number_keeps_its_order_in_a_letter_from_right_to_left() -> None:
    arabic, english = (Speech(locale, catalogues.homes()[0] / "locale") for locale in ("ar", "en"))
    assert arabic.own("7TCR-H9ZP-$") == "\u20667TCR-H9ZP-$\u2069"
    assert (english.own("7TCR-H9ZP-$"), arabic.own("")) == ("7TCR-H9ZP-$", "")
