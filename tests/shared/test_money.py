"""One place decides where an amount's point stands, for every page, letter and document (R21)."""

import re
from decimal import Decimal
from pathlib import Path

import pycountry
import pytest
from babel.numbers import get_currency_precision
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.languages import Speech
from shared.events import Money
from shared.money import exact, minor_digits, plain, typed, written
from shared.web.amounts import spoken
from shared.web.i18n import LOCALES
from shared.web.pages import Reader, money, reading

ROOT = Path(__file__).parents[2]
CURRENCIES = sorted(currency.alpha_3 for currency in pycountry.currencies)


def figures(text: str) -> str:
    """Return the digits of a text and nothing else."""
    return "".join(str(int(one)) for one in text if one.isdecimal())


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("USD", 2),
        ("JPY", 0),
        ("KWD", 3),
        ("IQD", 3),
        ("LBP", 2),
        ("RSD", 2),
        ("COP", 2),
        ("IRR", 2),
        ("CLF", 4),
        ("XOF", 0),
    ],
)
def test_the_digits_are_those_of_iso_4217_and_not_of_shop_prices(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


def test_cldr_alone_would_move_the_point_of_known_currencies() -> None:
    moved = {code for code in CURRENCIES if get_currency_precision(code) != minor_digits(code)}
    assert {"IQD", "LBP", "RSD"} <= moved


@pytest.mark.parametrize("locale", LOCALES)
@settings(deadline=None)
@given(minor=st.integers(0, 10**15 - 1), currency=st.sampled_from(CURRENCIES))
def test_whoever_reads_an_amount_reads_every_digit_of_it(locale: str, minor: int, currency: str) -> None:
    wanted = figures(plain(minor, currency))
    sum_ = Money(amount_minor=minor, currency=currency)
    with reading(Reader(locale)):
        told = [money(sum_), money(minor, currency)]
    told += [spoken(minor, currency, locale), Speech(locale).money(sum_)]
    assert set(told) == {told[0]}, "pages and letters say the same"
    assert figures(told[0]) == wanted


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "said"),
    [
        (245_005, "USD", "en", "USD 2,450.05"),
        (-245_005, "USD", "en", "-USD 2,450.05"),
        (245_005, "EUR", "es", "EUR 2.450,05"),
        (1_245_005, "USD", "ar", "\u2066USD 12,450.05\u2069"),
        (245_005, "USD", "zh_Hans", "USD 2,450.05"),
        (245_005, "JPY", "en", "JPY 245,005"),
        (245_005, "KWD", "ar", "\u2066KWD 245.005\u2069"),
        (245_005, "IQD", "en", "IQD 245.005"),
        (245_005, "LBP", "es", "LBP 2.450,05"),
    ],
)
def test_an_amount_is_written_as_its_reader_writes_it(minor: int, currency: str, locale: str, said: str) -> None:
    assert spoken(minor, currency, locale).replace("\u00a0", " ") == said


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.sampled_from(CURRENCIES))
def test_what_is_written_plainly_reads_as_the_same_amount(minor: int, currency: str) -> None:
    assert typed(plain(minor, currency), currency) == minor
    assert exact(minor, currency) == Decimal(plain(minor, currency))


@pytest.mark.parametrize(
    "text", ["", "abc", "24,50", "1,2345", "2.450,05", "1e3", "NaN", "Infinity", "1,234,5", "9" * 14, "--5", "1 23"]
)
def test_what_could_be_read_in_two_ways_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="no amount"):
        typed(text, "USD")


@pytest.mark.parametrize("text", ["2450.05", "2,450.05", "2 450.05", "2\u00a0450.05", " 2450.05 ", "٢٤٥٠.٠٥"])
def test_a_typed_amount_may_have_its_thousands_apart(text: str) -> None:
    assert typed(text, "USD") == 245_005


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.sampled_from(CURRENCIES))
def test_the_books_write_an_amount_as_pages_in_english_do(minor: int, currency: str) -> None:
    assert written(minor, currency) == spoken(minor, currency, "en")


def test_nobody_else_decides_where_the_point_stands() -> None:
    assert _where(r"format_currency|get_currency_precision|currency_digits=True|:,\.") == []


def test_nobody_else_decides_how_a_date_is_written() -> None:
    assert _where(r"babel\.dates import .*format_date|strftime|:%[BbdI]") == ["shared/web/times.py"]


def _where(pattern: str) -> list[str]:
    """Return which of our files have something like this."""
    ours = (path for root in ("services", "shared", "deploy") for path in (ROOT / root).rglob("*.*"))
    read = (path for path in ours if path.suffix in (".py", ".html", ".jinja"))
    return [str(path.relative_to(ROOT)) for path in read if re.search(pattern, path.read_text(encoding="utf-8"))]
