"""No string that a patient may see lacks a translation, and none is a guess."""

import re

import pytest
from babel.messages.pofile import read_po

from shared.web.catalogues import TRANSLATED, file_of, homes, missing, source_of
from shared.web.i18n import direction, gettext_for, html_lang, known_locale
from tests.support.service import SERVICES, ServiceUnderTest

PAGE = {"Accept": "text/html"}
PLACES = re.compile(r"%\(\w+\)s")


@pytest.mark.parametrize("locale", TRANSLATED)
@pytest.mark.parametrize("home", homes(), ids=lambda home: home.name)
def test_every_string_is_translated(home, locale: str) -> None:  # type: ignore[no-untyped-def]
    assert missing(home, locale) == []


@pytest.mark.parametrize("home", homes(), ids=lambda home: home.name)
def test_no_catalogue_holds_what_the_source_never_says(home) -> None:  # type: ignore[no-untyped-def]
    said = {message.id for message in source_of(home)}
    for locale in TRANSLATED:
        with file_of(home, locale).open("rb") as source:
            assert {message.id for message in read_po(source, locale=locale)} <= said | {""}


@pytest.mark.parametrize("locale", TRANSLATED)
@pytest.mark.parametrize("home", homes(), ids=lambda home: home.name)
def test_translations_keep_the_places_for_values(home, locale: str) -> None:  # type: ignore[no-untyped-def]
    with file_of(home, locale).open("rb") as source:
        catalogue = read_po(source, locale=locale)
    for message in catalogue:
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        asked = message.id if isinstance(message.id, tuple) else (message.id,)
        assert set(PLACES.findall(" ".join(said))) == set(PLACES.findall(" ".join(asked))), message.id


def test_strings_are_found_in_every_service() -> None:
    assert {home.name for home in homes()} == {*SERVICES, "web"}
    assert all(len(list(source_of(home))) > 20 for home in homes())


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("ar", "ar"),
        ("ar-EG", "ar"),
        ("zh-CN", "zh_Hans"),
        ("zh", "zh_Hans"),
        ("zh-Hans", "zh_Hans"),
        ("EN", "en"),
        ("es-419", "es"),
        ("es_MX", "es"),
        ("fr", None),
        ("", None),
        (None, None),
    ],
)
def test_a_language_is_known_by_any_of_its_spellings(text: str | None, locale: str | None) -> None:
    assert known_locale(text) == locale


def test_directions_and_tags() -> None:
    assert [(direction(code), html_lang(code)) for code in ("en", "ar", "zh_Hans", "es")] == [
        ("ltr", "en"),
        ("rtl", "ar"),
        ("ltr", "zh-Hans"),
        ("ltr", "es"),
    ]
    assert gettext_for("fr").ugettext("Sign out") == "Sign out"
    assert gettext_for("zh-CN").ugettext("Sign out") == "退出登录"


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "lang"),
    [
        ("", None, "", "en"),
        ("", None, "fr;q=1, ar;q=0.8, en;q=0.5", "ar"),
        ("", None, "zh-CN,zh;q=0.9", "zh-Hans"),
        ("", None, "es-PE,es;q=0.9,en;q=0.8", "es"),
        ("", None, "ar;q=0, en", "en"),
        ("", None, "ar;q=x", "en"),
        ("", "zh_Hans", "ar", "zh-Hans"),
        ("?lang=ar", "zh_Hans", "en", "ar"),
        ("?lang=xx", None, "ar", "ar"),
    ],
)
async def test_the_reader_chooses_the_language(
    sample: ServiceUnderTest, query: str, cookie: str | None, accept: str, lang: str
) -> None:
    headers = {**PAGE, "Accept-Language": accept, **({"Cookie": f"consilium_lang={cookie}"} if cookie else {})}
    answer = await sample.http.get(f"/{query}", headers=headers)
    assert f'<html lang="{lang}" dir="{"rtl" if lang == "ar" else "ltr"}"' in answer.text
    assert ("consilium_lang=ar" in answer.headers.get("set-cookie", "")) == (query == "?lang=ar")


async def test_a_session_remembers_the_language_and_the_desk_is_in_english(sample: ServiceUnderTest) -> None:
    from shared.web import Role

    person = sample.sign_in(Role.PATIENT, Role.CARE_ADVISOR, locale="ar")
    assert 'dir="rtl"' in (await person.get("/", headers=PAGE)).text
    assert 'lang="en" dir="ltr"' in (await person.get("/desk/sample", headers=PAGE)).text


async def test_problems_and_form_errors_speak_the_readers_language(sample: ServiceUnderTest) -> None:
    assert "找不到页面" in (await sample.http.get("/nowhere?lang=zh_Hans", headers=PAGE)).text
    sent = await sample.http.post("/visit?lang=ar", data={"_once": "0123456789"}, headers=PAGE)
    assert (sent.status_code, "أجب عن هذا السؤال" in sent.text, "توجد مشكلة" in sent.text) == (422, True, True)
