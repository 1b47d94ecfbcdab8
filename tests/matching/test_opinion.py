"""The document: what stands in it, that it is tagged and the same twice, and that nothing written is ever run."""

import ctypes
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.matching.domain.candidates import Discipline, Specialist
from services.matching.domain.opinions import Answer, OpinionText, Outcome, Question
from services.matching.opinion import Letter, Notice, parts, render
from shared.ids import new_id
from shared.settings import PlatformSettings
from shared.typesetting import Unprintable

AUTHOR = Specialist(
    id=new_id(),
    subject="s",
    name="Dr Imani Okafor",
    credentials="Breast cancer",
    discipline=Discipline.ONCOLOGY,
    capacity=3,
)


def a_letter(text: dict[str, Any] | None = None, **fields: Any) -> Letter:
    words = {
        "received": "Slides.",
        "history": "A lump.",
        "assessment": "Grade 2.",
        "plan": "Surgery.",
        "limits": "No assay.",
    }
    answers = (Answer(question_id="q1", outcome=Outcome.DECLINED, text="Costs differ."),)
    return Letter(**{
        "hospital": "Reference Hospital", "partner": "Partner", "case_number": "7K3M-9QXW-C", "patient": "Zoë Ångström",
        "birth_date": "4 May 1980", "physician": "Dr Layla Mansour", "author": AUTHOR, "version": 1, "correction": "",
        "text": OpinionText(**words | (text or {}), answers=answers), "questions": (Question(id="q1", text="What will it cost?"),),
        "notices": (Notice("en", "Questions go first to your local physician."),), "signed_name": "Dr Imani Okafor",
        "small_print": "Made up.",
        "at": datetime(2027, 3, 1, 15, tzinfo=UTC),
    } | fields)  # fmt: skip


@pytest.fixture(scope="module")
def node_modules() -> Path:
    return PlatformSettings().node_modules


def words_of(document: bytes) -> str:
    pdf = pypdfium2.PdfDocument(document)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in pdf).replace("\r", "")
    finally:
        pdf.close()


def tags_of(document: bytes) -> set[str]:
    """Return the structure types of the first page's tag tree."""
    pdf = pypdfium2.PdfDocument(document)
    page = pdf[0]
    tree = pdfium.FPDF_StructTree_GetForPage(page.raw)
    found: set[str] = set()

    def walk(element: Any) -> None:
        buffer = ctypes.create_string_buffer(64)
        pdfium.FPDF_StructElement_GetType(element, buffer, 64)
        found.add(buffer.raw.decode("utf-16-le").rstrip("\x00").split("\x00")[0])
        for index in range(max(0, pdfium.FPDF_StructElement_CountChildren(element))):
            if child := pdfium.FPDF_StructElement_GetChildAtIndex(element, index):
                walk(child)

    for index in range(pdfium.FPDF_StructTree_CountChildren(tree)):
        walk(pdfium.FPDF_StructTree_GetChildAtIndex(tree, index))
    pdfium.FPDF_StructTree_Close(tree)
    page.close()
    pdf.close()
    return found


def test_it_says_everything_that_an_opinion_must_say(node_modules: Path) -> None:
    words = words_of(render(a_letter(), node_modules))
    for said in (
        "Remote second opinion", "Zoë Ångström", "4 May 1980", "7K3M-9QXW-C", "Dr Imani Okafor, Breast cancer", "March 1, 2027",
        "What was received", "History and findings", "Assessment", "Recommended plan", "Limits of this opinion", "No assay.",
        "Answers to your questions", "1. What will it cost?", "This question is not answered here. The reason:", "Costs differ.",
        "Questions go first to your local physician.", "Signed electronically on March 1, 2027, 3:00\u202fPM UTC",
        "Page 1 of 1", "Made up.",
    ):  # fmt: skip
        assert said in words, said
    assert "PREVIEW" not in words


def test_it_is_tagged_and_names_its_language_and_title(node_modules: Path) -> None:
    document = render(a_letter({"plan": "First.\n\n- Surgery\n- Radiotherapy"}), node_modules)
    assert {"H1", "H2", "H3", "P", "L", "LI"} <= tags_of(document)
    pdf = pypdfium2.PdfDocument(document)
    assert pdf.get_metadata_value("Title") == "Remote second opinion"
    assert pdf.is_tagged()
    pdf.close()
    assert b"/Lang (en)" in document or b"/Lang(en)" in document
    assert b"pdfuaid" in document


def test_the_same_input_makes_the_same_bytes(node_modules: Path) -> None:
    assert render(a_letter(), node_modules) == render(a_letter(), node_modules)
    assert render(a_letter(), node_modules) != render(a_letter(version=2), node_modules)


@pytest.mark.parametrize(
    "attack",
    [
        '#panic("run")', "#read(\"/etc/passwd\")", "]#panic()[", "$ integral $", "*bold* _it_ `raw` @ref <label>", "\\ \\u{41}",
        "#import \"@preview/x:1.0.0\"", "= Heading", "// comment", "/* comment", '"quote" \\" {"json": 1}', "#{1+1}", "{{ 7*7 }}",
    ],
)  # fmt: skip
def test_what_looks_like_markup_is_printed_as_it_was_written(attack: str, node_modules: Path) -> None:
    letter = a_letter({"plan": attack}, patient=attack, questions=(Question(id="q1", text=attack),), correction=attack)
    words = words_of(render(letter, node_modules))
    assert "".join(words.split()).count("".join(attack.split())) == 4


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(codec="latin-1", categories=["L", "N", "P", "S", "Zs"]), max_size=60))
def test_any_latin_text_compiles(node_modules: Path, text: str) -> None:
    assert render(a_letter({"plan": text}, patient=text or "x"), node_modules).startswith(b"%PDF-")


@pytest.mark.parametrize(
    "name", ["فاطمة الزهراء بنت محمد", "王小明", "Иван Петров", "Νίκος Παπάς", "आरती शर्मा", "Đặng Thị Mỹ"]
)
def test_names_of_many_scripts_are_printed_in_their_own(name: str, node_modules: Path) -> None:
    assert render(a_letter(patient=name), node_modules).startswith(b"%PDF-")  # PDF/UA-1 refuses a missing shape


def test_a_name_that_no_font_has_is_spelled_in_latin_letters(node_modules: Path) -> None:
    words = words_of(render(a_letter(patient="ნინო"), node_modules))
    assert "nino" in words


def test_what_the_author_wrote_is_never_respelled_but_refused(node_modules: Path) -> None:
    with pytest.raises(Unprintable, match="😀") as refused:
        render(a_letter({"plan": "Good news 😀"}, patient="ნინო"), node_modules)
    assert refused.value.characters == {"😀"}


def test_a_preview_says_that_it_is_one(node_modules: Path) -> None:
    words = words_of(render(a_letter(signed_name=None), node_modules))
    assert "PREVIEW" in words
    assert "(draft)" in words
    assert "Signed electronically" not in words


def test_the_notices_stand_in_the_patients_language_too(node_modules: Path) -> None:
    notices = (
        Notice("en", "Ask at home first."),
        Notice("zh", "请先咨询您的当地医生。"),
        Notice("ar", "اسأل طبيبك أولا.", rtl=True),
        Notice("es", "¿Tiene preguntas? Consulte primero con su médico: mañana, según él."),
    )
    words = words_of(render(a_letter(notices=notices), node_modules))
    assert "Ask at home first." in words
    assert "请先咨询您的当地医生" in words
    assert "¿Tiene preguntas?" in words
    assert "mañana, según él" in words


def test_missing_fonts_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="NODE_MODULES"):
        render(a_letter(), tmp_path)


def test_prose_becomes_paragraphs_and_lists() -> None:
    text = "One\nstill one\n\nTwo\n- a\n• b\n\n- c\n-d"
    assert parts(text) == [
        {"kind": "p", "lines": ["One", "still one"]}, {"kind": "p", "lines": ["Two"]}, {"kind": "list", "items": ["a", "b"]},
        {"kind": "list", "items": ["c"]}, {"kind": "p", "lines": ["-d"]},
    ]  # fmt: skip
