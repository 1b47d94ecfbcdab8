"""Latin renderings of names: what passports of each script's countries show, and what holds for any text at all."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.intake.names import latin_rendering


@pytest.mark.parametrize(
    ("name", "language", "rendering"),
    [
        ("Jörg Müller-Groß", None, "Joerg Mueller-Gross"),
        ("JÖRG GROß", None, "JOERG GROSS"),
        ("Søren Ångström", "da", "Soeren Aangstroem"),
        ("Gülşah Işık", "tr", "Gulsah Isik"),
        ("Łukasz Żółć", "pl", "Lukasz Zolc"),
        ("Nguyễn Văn Đức", "vi", "Nguyen Van Duc"),
        ("O’Brien, Seán", None, "O'Brien Sean"),
        ("Сергей Щербаков", "ru", "Sergei Shcherbakov"),
        ("Юлия Соловьёва", None, "Iuliia Soloveva"),
        ("Олександр Згурський", "uk", "Oleksandr Zghurskyi"),
        ("Євгенія Їжакевич", None, "Yevheniia Yizhakevych"),
        ("Γεώργιος Παπαδόπουλος", None, "Georgios Papadopoulos"),
        ("Ευάγγελος Μπακογιάννης", "el", "Evangelos Bakogiannis"),
        ("გიორგი ბერიძე", "ka", "Giorgi Beridze"),
        ("Արմեն Հարությունյան", "hy", "Armen Harutyunyan"),
        ("አበበ ቢቂላ", "am", "Abebe Bikila"),
        ("محمد عبد الرحمن", "ar", "Mohammed Abdulrahman"),
        ("خالد بن سعيد القحطاني", None, "Khalid bin Saeed Al-Qahtani"),
        ("محمدرضا حسینی‌نژاد", "fa", "Mohammadreza Hosseininejad"),
        ("דוד כהן", "he", "David Cohen"),
        ("राजेश शर्मा", "hi", "Rajesh Sharma"),
        ("সুমিত রায়", "bn", "Sumit Roy"),
        ("அருண் பாண்டியன்", "ta", "Arun Pandiyan"),
        ("สมชาย ใจดี", "th", "Somchai Chaidi"),
        ("王小明", None, "Wang Xiaoming"),
        ("欧阳娜娜", "zh_Hans", "Ouyang Nana"),
        ("吕丽", "zh", "Lyu Li"),
        ("單偉", "zh", "Shan Wei"),
        ("田中 太郎", "ja", "Tanaka Taro"),
        ("ささき ゆうこ", None, "Sasaki Yuko"),
        ("김민수", "ko", "Kim Minsu"),
        ("남궁옥분", None, "Namgung Okbun"),
        ("maria da silva", None, "Maria Da Silva"),
        ("李 Li 小龍", None, "Li Li Xiao Long"),
    ],
)
def test_a_name_is_proposed_as_passports_show_it(name: str, language: str | None, rendering: str) -> None:
    assert latin_rendering(name, language) == rendering


SCRIPTS = "".join(
    chr(code)
    for first, last in [(0x41, 0x24F), (0x370, 0x52F), (0x531, 0x5EA), (0x620, 0x6D5), (0x900, 0xD7F), (0xE01, 0xE4F),
                        (0x10A0, 0x10FF), (0x1200, 0x135A), (0x3041, 0x30FF), (0x4E00, 0x4F00), (0xAC00, 0xAD00)]
    for code in range(first, last)
    if unicodedata.category(chr(code)) != "Cn"
)  # fmt: skip
ANY_NAME = st.text(SCRIPTS + " -'‘’.·\u200c\u200f", min_size=1, max_size=30)
ANY_LANGUAGE = st.sampled_from([None, "ru", "uk", "bg", "fa", "ur", "ja", "ko", "tr", "de", "zh_Hans", "hi"])


@given(ANY_NAME | st.text(max_size=30), ANY_LANGUAGE)
@example("\N{DEVANAGARI VOWEL SIGN AA}", "hi")  # a sign that no letter carries
def test_a_rendering_has_passport_letters_only_and_renders_to_itself(name: str, language: str | None) -> None:
    once = latin_rendering(name, language)
    assert re.fullmatch(r"[A-Za-z' .-]*", once)
    assert latin_rendering(once, language) == once


@given(ANY_NAME, ANY_LANGUAGE)
def test_whoever_has_a_name_gets_a_rendering(name: str, language: str | None) -> None:
    letters = [sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) in ("Lu", "Ll", "Lt")]
    whole_words = re.search(
        r"[\u0621-\u063a\u0641-\u064a\u05d0-\u05ea\u0905-\u0939\u0e01-\u0e2b\u4e00-\u4eff\uac00-\uacff]", name
    )
    if whole_words or any("a" <= sign.lower() <= "z" for sign in letters):
        assert re.search(r"[A-Za-z]", latin_rendering(name, language))


@given(st.from_regex(r"[A-Z][a-z]{0,9}([ '-][A-Z][a-z]{0,9}){0,3}", fullmatch=True), ANY_LANGUAGE)
def test_a_name_that_is_a_passports_already_comes_back_as_it_is(name: str, language: str | None) -> None:
    assert latin_rendering(name, language) == name
