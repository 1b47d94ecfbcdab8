"""Forms: what was sent is shown again, and what needs mending is said in a sentence beside its field."""

import pytest
from pydantic import ValidationError
from starlette.requests import Request

from shared.log import REDACTED, scrub
from shared.web import Form, Incoming, Problem
from shared.web.i18n import gettext_for
from shared.web.pages import Reader, reading
from tests.shared.web.sample.service import Visit
from tests.support.service import ServiceUnderTest

GOOD = {"full_name": "Ana", "birth_date": "1978-03-27", "kind": "video", "wishes": "time"}


async def _read(sample: ServiceUnderTest, body: str) -> Form[Visit]:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body.encode(), "more_body": False}

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/visit",
        "query_string": b"",
        "headers": headers,
        "app": sample.app,
        "state": {},
        "server": ("x", 80),
        "scheme": "http",
    }
    return await Form.read(Request(scope, receive), Visit)


async def test_a_good_form_becomes_its_model(sample: ServiceUnderTest) -> None:
    form = await _read(
        sample,
        "full_name=+Ana+&birth_date-day=27&birth_date-month=3&birth_date-year=1978&kind=video&wishes=time&wishes=words&_once=k&note=",
    )
    assert form.valid
    assert form.errors == {}
    assert form.model.model_dump(mode="json") == {
        "full_name": "Ana",
        "birth_date": "1978-03-27",
        "kind": "video",
        "wishes": ["time", "words"],
        "note": None,
    }


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ("kind=video&wishes=time&birth_date=1978-03-27", {"full_name": "Enter the full name"}),
        ("full_name=Ana&kind=fax&wishes=time&birth_date=1978-03-27", {"kind": "Choose one of the answers"}),
        (
            "full_name=Ana&kind=video&wishes=time&birth_date-day=31&birth_date-month=2&birth_date-year=1978",
            {"birth_date": "Enter a real date, such as 27 3 1978"},
        ),
        (
            "full_name=Ana&kind=video&wishes=time&birth_date-day=31",
            {"birth_date": "Enter a real date, such as 27 3 1978"},
        ),
        ("full_name=Ana&kind=video&birth_date=1978-03-27", {"wishes": "Answer this question"}),
        (
            "full_name=Ana&kind=video&wishes=time&birth_date=1978-03-27&extra=1",
            {"extra": "This form has changed. Fill it in again"},
        ),
    ],
)
async def test_what_needs_mending_is_a_sentence(sample: ServiceUnderTest, body: str, errors: dict[str, str]) -> None:
    form = await _read(sample, body)
    assert form.errors == errors
    assert form.error_list == [{"text": text, "href": f"#{field}"} for field, text in errors.items()]
    shown = [{"text": text, "visuallyHiddenText": "Error"} for text in errors.values()]
    assert [form.error(field) for field in errors] == shown
    with reading(Reader("zh_Hans", gettext_for("zh_Hans"))):
        assert {form.error(field)["visuallyHiddenText"] for field in errors} == {"错误"}, "also what is only spoken"  # type: ignore[index]
    assert not form.valid
    with pytest.raises(Problem) as refused:
        _ = form.model
    assert refused.value.errors == [{"pointer": f"#/{field}", "detail": text} for field, text in errors.items()]


async def test_a_rule_beyond_the_field_makes_a_form_invalid(sample: ServiceUnderTest) -> None:
    form = await _read(sample, "&".join(f"{name}={value}" for name, value in GOOD.items()))
    form.refuse("kind", "Video is full this week")
    assert (form.valid, form.errors) == (False, {"kind": "Video is full this week"})


async def test_what_was_sent_is_shown_again(sample: ServiceUnderTest) -> None:
    answer = await sample.http.post(
        "/visit", data={"_once": "0123456789", "full_name": "Ana <b>", "birth_date-day": "31"}
    )
    assert answer.status_code == 422
    assert 'value="Ana &lt;b&gt;"' in answer.text
    assert 'value="31"' in answer.text
    assert "Error: " in answer.text


class Said(Incoming):
    text: str = ""
    many: tuple[str, ...] = ()


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_text_that_no_database_keeps_is_a_wrong_answer(character: str) -> None:
    for sent in ({"text": f"a{character}b"}, {"many": ["a", character]}):
        with pytest.raises(ValidationError):
            Said.model_validate(sent)
    assert Said(text="\t✓\n", many=["é"]).many == ("é",)


def test_what_a_driver_quotes_of_an_answer_is_not_logged() -> None:
    said = "invalid input for query argument $3: 'Ana has (a) lump' ('utf-8' codec can't encode)"
    assert scrub(said) == f"invalid input for query argument $3: {REDACTED} ('utf-8' codec can't encode)"


def test_a_blank_form_shows_what_it_is_given() -> None:
    form: Form[Visit] = Form.blank(full_name="Ana")
    assert (form.values, form.errors, form.valid, form.error("full_name")) == ({"full_name": "Ana"}, {}, False, None)
