"""The first page and the explorer as a browser without JavaScript sees them (M1): answers from the address, keeping nothing."""

import json
import logging
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.intake.pages.choices import countries, languages
from shared import programme, telemetry
from shared.web.i18n import LOCALES
from tests.intake.asking import HTML, RULES
from tests.intake.filling import START, put
from tests.support.service import ServiceUnderTest, service_named, under_test

HARBORLIGHT = programme.current("harborlight_integrative")
ASKED = "service=comprehensive&cancer_type=breast&country=CN&language=zh"


@pytest.fixture
async def harborlight(
    postgres_url: str, platform_environment: pytest.MonkeyPatch, keys_folder: Path
) -> AsyncIterator[ServiceUnderTest]:
    """Intake of an office that runs the sister programme."""
    platform_environment.setenv("INTAKE_PROGRAMME", HARBORLIGHT.id)
    async with under_test(service_named("intake"), postgres_url, platform_environment, keys_folder) as lent:
        yield lent


async def read(office: ServiceUnderTest, path: str, **headers: str) -> str:
    answer = await office.http.get(path, headers={**HTML, **headers})
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def links(page: str, to: str) -> list[str]:
    return re.findall(rf'href="({re.escape(to)}[^"]*)"', page)


@pytest.mark.parametrize("lang", LOCALES)
async def test_the_first_page_says_what_for_whom_how_long_and_how_to_ask(intake: ServiceUnderTest, lang: str) -> None:
    page = await read(intake, f"/?lang={lang}")
    for text in ("headline", "for_whom", "who_advises", "emergency_notice", "surgery_advice", "targets"):
        assert RULES.text(text, lang) in page, text
    for path in ("/request/start", "/explore", RULES.contacts.in_person_url, "tel:+12125550142"):
        assert f'href="{path}"' in page, path
    for service in RULES.catalogue.values():
        assert service.description_in(lang) in page


async def test_an_address_alone_shows_what_to_expect(intake: ServiceUnderTest) -> None:
    page = await read(intake, f"/explore?{ASKED}")
    for said in (
        "An individual quote", "2 weeks to 4 weeks after everything is in", "may add 5 days in the laboratory",
        "It is not counted from past cases", "Receptor status (ER, PR, HER2)", "usually need a permit", "China",
        "China's rules of 2019", "Planning data of this demonstration", "Digital pictures of the whole slides",
        "Needed: specialists read everything in English", "Chinese", RULES.text("surgery_advice", "en"),
        RULES.text("emergency_notice", "en"),
    ):  # fmt: skip
        assert said in page, said
    assert "$" not in page
    assert re.search(r'value="comprehensive"[^>]* checked', page)
    assert '<option value="CN" selected' in page


async def test_the_choices_go_on_to_the_form_and_into_an_address_to_share(intake: ServiceUnderTest) -> None:
    page = await read(intake, f"/explore?{ASKED}&cancer_type=&unknown=1&lang=ar")
    [onward] = links(page, "/request/start")
    assert onward == f"/request/start?{ASKED}&lang=ar"
    assert f"/explore?{ASKED}&lang=ar" in links(page, "/explore?")
    assert (await intake.http.get(onward, headers=HTML)).status_code == 200


async def test_the_form_shows_what_was_explored_as_chosen_and_takes_none_of_it_as_an_answer(
    intake: ServiceUnderTest,
) -> None:
    onward = f"/request/start?service=comprehensive&service=video&{ASKED.partition('&')[2]}"
    begun = await read(intake, onward)
    assert "What you chose before is filled in for you." in begun
    [action] = re.findall(r'<form method="post" action="([^"]*)"', begun)
    refused = await intake.http.post(action, data={}, headers=HTML)
    assert f'action="{onward}"' in unescape(refused.text)
    sent = await intake.http.post(action, data=START, headers=HTML)
    draft = str(sent.headers["location"]).removesuffix("/path")
    assert (await put(intake.http, draft, "path", {"path": "new_patient"})).status_code == 303
    assert (await put(intake.http, draft, "role", {"role": "patient"})).status_code == 303
    for question, shown in {
        "services": r'value="comprehensive"[^>]* checked',
        "cancer_type": r'value="breast"[^>]* checked',
        "your_country": r'value="CN" selected',
    }.items():
        assert re.search(shown, await read(intake, f"{draft}/{question}")), question
    [row] = await intake.fetch("SELECT answers FROM drafts")
    assert not {"services", "cancer_type", "your_country", "patient_country"} & set(row["answers"])
    assert (await put(intake.http, draft, "services", {"interests": ["written"]})).status_code == 303
    assert not re.search(r'value="comprehensive"[^>]* checked', await read(intake, f"{draft}/services"))


async def test_nothing_chosen_asks_for_a_service_and_shows_the_way_in_anyway(intake: ServiceUnderTest) -> None:
    page = await read(intake, "/explore")
    assert "Choose at least one service." in page
    assert "You could choose instead" not in page
    assert "An individual quote" not in page
    assert links(page, "/request/start") == ["/request/start"]


async def test_a_refused_choice_gets_its_sentence_and_ways_out_that_are_allowed(intake: ServiceUnderTest) -> None:
    page = await read(intake, "/explore?service=integrative&service=radiology&country=PE")
    assert "Integrative medicine is offered only beside" in page
    assert "An individual quote" not in page
    ways = [way for way in links(page, "/explore?") if way.endswith("#answer")]
    assert ways
    for way in ways:
        mended = await read(intake, way.removesuffix("#answer"))
        assert "An individual quote" in mended
        assert '<option value="PE" selected' in mended


async def test_a_kind_of_cancer_that_is_not_offered_says_what_to_do(intake: ServiceUnderTest) -> None:
    page = await read(intake, "/explore?service=written&cancer_type=paediatric")
    assert "Not offered at present" in page
    assert "Cancer in a child under 18" in page
    assert "What you would send" not in page
    assert RULES.contacts.in_person_url in page


async def test_htmx_gets_the_answer_alone_with_the_address_that_shares_it(intake: ServiceUnderTest) -> None:
    answer = await intake.http.get(
        "/explore?lang=es&cancer_type=&service=written&country=GB&language=", headers={"HX-Request": "true"}
    )
    assert answer.headers["hx-replace-url"] == "/explore?service=written&country=GB&lang=es"
    assert answer.headers["vary"] == "HX-Request, Accept-Encoding"
    assert "<form" not in answer.text
    assert "Una cotización individual" in answer.text
    assert RULES.contacts.phone_in("GB") in answer.text


async def test_the_sister_programme_speaks_for_itself(harborlight: ServiceUnderTest) -> None:
    front = await read(harborlight, "/")
    assert HARBORLIGHT.text("headline", "en") in front
    assert "pathologist" not in front.lower()
    assert "Usually within 2 business days." in front
    page = await read(harborlight, "/explore?service=integrative&service=video&country=CN&language=en")
    assert "From KWD55.000 to KWD80.000" in page.replace("\xa0", "")
    assert HARBORLIGHT.text("sample_prices", "en") in page
    assert "1 week to 3 weeks" in page
    assert "Glass slides" not in page
    assert "Not needed: specialists read records in English." in page
    assert "only after the consultation" in await read(harborlight, "/explore?service=video")


async def test_no_cookie_row_log_line_or_span_keeps_what_was_chosen(
    intake: ServiceUnderTest, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    caplog.set_level(logging.DEBUG)
    for headers in (HTML, {"HX-Request": "true"}):
        answer = await intake.http.get(
            "/explore?service=pathology&cancer_type=sarcoma&country=IR&language=fa&lang=es", headers=headers
        )
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "private, no-store"
    assert sum([await intake.count(table) for table in ("drafts", "cases", "outbox", "timers")]) == 0
    told = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    kept = json.dumps(
        [*(record.getMessage() for record in told), *(span.to_json() for span in spans.get_finished_spans())]
    )
    assert len(spans.get_finished_spans()) == 2
    for word in ("sarcoma", "pathology", "cancer_type", "country="):
        assert word not in kept, word


@pytest.mark.parametrize(
    ("locale", "earlier", "later"),
    [
        ("en", "Åland Islands", "Albania"), ("es", "Emiratos Árabes Unidos", "Eritrea"), ("ar", "آيسلندا", "إيطاليا"),
        ("zh_Hans", "阿富汗", "巴西"), ("zh_Hans", "巴西", "中国"),
    ],
)  # fmt: skip
def test_countries_stand_where_their_reader_looks(locale: str, earlier: str, later: str) -> None:
    names = [name for _, name in countries(locale)]
    assert names.index(earlier) < names.index(later)


def test_arabic_stands_among_the_languages_with_a_in_spanish() -> None:
    names = [name for _, name in languages("es")]
    assert names.index("afrikáans") < names.index("árabe") < names.index("armenio")


@pytest.mark.parametrize(
    "query",
    [
        "service=%00&country=%F0%9F%98%80&cancer_type=<script>&language=../../etc",
        "&".join(["service=written"] * 500),
        "&".join(f"service=s{n}" for n in range(500)),
        "service=surgery",
    ],
)
async def test_an_address_that_anybody_wrote_is_answered_calmly(intake: ServiceUnderTest, query: str) -> None:
    answer = await intake.http.get(f"/explore?{query}", headers=HTML)
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert len(answer.content) < 200_000
