"""What every answer promises: headers, problems that leak nothing, and requests from other sites refused."""

import httpx
import pytest
from starlette.datastructures import Headers

from shared.web import Role, etag
from shared.web.csrf import crosses_origin
from tests.support.service import ServiceUnderTest

PAGE = {"Accept": "text/html"}
KEY = {"Idempotency-Key": "0123456789"}


@pytest.fixture
def advisor(sample: ServiceUnderTest) -> httpx.AsyncClient:
    return sample.sign_in(Role.CARE_ADVISOR)


@pytest.mark.parametrize("path", ["/", "/nowhere", "/breaks", "/api/sample/livez", "/api/sample/who"])
async def test_every_answer_carries_the_security_headers(sample: ServiceUnderTest, path: str) -> None:
    answer = await sample.http.get(path, headers=PAGE)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "same-origin"


async def test_the_nonce_is_new_each_time_and_a_page_may_name_where_its_form_leads(sample: ServiceUnderTest) -> None:
    policies = [(await sample.http.get(path)).headers["content-security-policy"] for path in ("/", "/", "/pay")]
    assert policies[0] != policies[1]
    assert "form-action 'self';" in policies[0]
    assert "form-action 'self' https://pay.example;" in policies[2]


async def test_an_error_of_ours_says_nothing_of_its_inside(sample: ServiceUnderTest) -> None:
    page = await sample.http.get("/breaks", headers=PAGE)
    assert (page.status_code, "secret-canary" in page.text, "our side" in page.text) == (500, False, True)
    plain = await sample.http.get("/breaks")
    assert plain.json() == {
        "type": "about:blank",
        "title": "Something went wrong on our side",
        "status": 500,
        "detail": "Nothing was changed. Try again in a minute; if it happens again, call us.",
    }
    away = await sample.http.get("/away")
    assert (away.status_code, away.headers["retry-after"], "secret" in away.text) == (503, "5", False)


async def test_what_is_not_there_and_what_cannot_be_done(sample: ServiceUnderTest) -> None:
    assert (await sample.http.get("/api/nowhere")).json()["status"] == 404
    answer = await sample.http.delete("/api/sample/notes")
    assert (answer.status_code, answer.json()["title"], answer.headers["allow"]) == (405, "Not possible here", "POST")
    fragment = await sample.http.get("/nowhere", headers={"HX-Request": "true"})
    assert "<html" not in fragment.text


async def test_staff_who_meet_an_error_stay_on_the_desk(sample: ServiceUnderTest) -> None:
    patient = sample.sign_in(Role.PATIENT, subject="p")
    finance = sample.sign_in(Role.FINANCE, name="Felix Grau")
    for path, status in (("/desk/nowhere", 404), ("/desk/sample", 403), ("/breaks", 500)):
        page = await finance.get(path, headers=PAGE)
        assert (page.status_code, "c-header--desk" in page.text, "Felix Grau" in page.text) == (status, True, True)
        theirs = await patient.get(path, headers=PAGE)
        assert (theirs.status_code, "c-header--desk" in theirs.text) == (status, False)


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"{not json", 400, None),
        (b'{"text": "x", "more": 1}', 422, "#/more"),
        (b'{"text": 5}', 422, "#/text"),
        (b"{}", 422, "#/text"),
        (b'["text"]', 422, "#"),
        (b'{"text": "' + b"x" * 21 + b'"}', 422, "#/text"),
        (b"x" * ((1 << 20) + 1), 413, None),
    ],
)
async def test_a_body_that_is_not_right_is_a_problem_and_no_change(
    sample: ServiceUnderTest, advisor: httpx.AsyncClient, body: bytes, status: int, pointer: str | None
) -> None:
    answer = await advisor.post("/api/sample/notes", content=body, headers={**KEY, "Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert [error["pointer"] for error in answer.json().get("errors", ())] == ([pointer] if pointer else [])
    assert await sample.count("notes") == 0


async def test_a_body_without_a_length_is_counted_as_it_comes(advisor: httpx.AsyncClient) -> None:
    async def pieces():  # type: ignore[no-untyped-def]
        for _ in range(20):
            yield b"x" * 100_000

    answer = await advisor.post(
        "/api/sample/notes", content=pieces(), headers={**KEY, "Content-Type": "application/json"}
    )
    assert answer.status_code == 413


async def test_a_route_may_take_more(advisor: httpx.AsyncClient) -> None:
    assert (await advisor.post("/api/sample/uploads", content=b"x" * (2 << 20))).json() == {"bytes": 2 << 20}
    assert (await advisor.post("/api/sample/uploads", content=b"x" * (4 << 20))).status_code == 413


async def test_an_edit_names_the_version_it_saw(sample: ServiceUnderTest, advisor: httpx.AsyncClient) -> None:
    await advisor.post("/api/sample/notes", json={"text": "one"}, headers=KEY)
    put = "/api/sample/notes/1"
    assert (await advisor.put(put, json={"text": "two"})).status_code == 428
    assert (await advisor.put(put, json={"text": "two"}, headers={"If-Match": '"abc"'})).status_code == 412
    done = await advisor.put(put, json={"text": "two"}, headers={"If-Match": etag(1)})
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    assert (await advisor.put(put, json={"text": "three"}, headers={"If-Match": etag(1)})).status_code == 412
    assert [row["text"] for row in await sample.fetch("SELECT text FROM notes")] == ["two"]


@pytest.mark.parametrize(
    ("method", "headers", "crosses"),
    [
        ("GET", {"sec-fetch-site": "cross-site"}, False),
        ("POST", {"sec-fetch-site": "same-origin"}, False),
        ("POST", {"sec-fetch-site": "none"}, False),
        ("POST", {"sec-fetch-site": "same-site"}, True),
        ("POST", {"sec-fetch-site": "cross-site", "origin": "https://here.example"}, True),
        ("POST", {}, False),
        ("POST", {"origin": "https://here.example"}, False),
        ("POST", {"origin": "https://internal:8000"}, False),
        ("POST", {"origin": "https://evil.example"}, True),
        ("POST", {"origin": "null"}, True),
        ("DELETE", {"origin": "https://here.example.evil.example"}, True),
    ],
)
def test_an_unsafe_request_from_another_site_crosses_origin(
    method: str, headers: dict[str, str], crosses: bool
) -> None:
    assert crosses_origin(method, Headers({**headers, "host": "internal:8000"}), "here.example") is crosses


async def test_a_form_on_another_site_changes_nothing(sample: ServiceUnderTest, advisor: httpx.AsyncClient) -> None:
    answer = await advisor.post(
        "/api/sample/notes", json={"text": "x"}, headers={**KEY, "Sec-Fetch-Site": "cross-site"}
    )
    assert (answer.status_code, answer.json()["title"]) == (403, "Sent from another site")
    assert await sample.count("notes") == 0


async def test_text_is_compressed_and_assets_stay_for_a_year(sample: ServiceUnderTest) -> None:
    assert (await sample.http.get("/plain")).headers["content-encoding"] == "gzip"
    url = sample.app.state.assets.url("consilium.css")
    kept = await sample.http.get(url)
    assert (kept.headers["content-encoding"], kept.headers["cache-control"]) == (
        "gzip",
        "public, max-age=31536000, immutable",
    )
    plain = await sample.http.get(url, headers={"Accept-Encoding": "identity"})
    assert plain.content == kept.content
    assert (await sample.http.get("/static/old/consilium.css")).headers["cache-control"] == "no-cache"
    assert (await sample.http.get("/static/old/nothing.css")).status_code == 404
    assert (await sample.http.get("/static/../auth.py")).status_code == 404


async def test_the_first_view_of_a_patients_page_is_small(sample: ServiceUnderTest) -> None:
    page = await sample.http.get("/", headers=PAGE)
    assets = sample.app.state.assets.files
    sent = len(page.content) + sum(
        len(assets[name].packed)
        for name in ("consilium.css", "consilium.js", "supported.js", "nhsuk.js", "htmx.js", "mark.svg")
    )
    assert sent <= 100 * 1024


async def test_machines_are_told_whether_it_lives_and_is_well(sample: ServiceUnderTest) -> None:
    for prefix in ("", "/api/sample"):
        assert (await sample.http.get(f"{prefix}/livez")).json() == {"live": True}
        assert (await sample.http.get(f"{prefix}/readyz")).json() == {"ready": True}
        assert (await sample.http.get(f"{prefix}/healthz")).json()["service"] == "sample"
    assert "consilium_facts" in (await sample.http.get("/metrics")).text
