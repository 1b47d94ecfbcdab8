"""Every value of a programme file is found again at its line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.programme.loading import FOLDER
from shared.programme.positions import line_numbers, nearest

MSK = (FOLDER / "msk_international.toml").read_text(encoding="utf-8")
HARBORLIGHT = (FOLDER / "harborlight_integrative.toml").read_text(encoding="utf-8")


def line_of(text: str, mark: str) -> int:
    return text[: text.index(mark)].count("\n") + 1


@pytest.mark.parametrize("text", [MSK, HARBORLIGHT], ids=["msk", "harborlight"])
def test_every_key_in_a_file_has_its_line(text: str) -> None:
    lines = line_numbers(text)
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"[\w.]+ = ", line):
            assert number in lines.values(), line
    assert nearest(lines, ("catalogue", "video", "nothing", "of", "this")) == line_of(text, "[catalogue.video]")
    assert nearest(lines, ("nowhere",)) == 1


def test_positions_see_through_strings_comments_and_brackets() -> None:
    toml = '''# [not.a.table]
a = """
[b]
c = 1
"""
d = [ # d = 2
  "[x]",
  { e = 1 },
]
[t]
f.g = "h = 1"
[[u]]
i = 1
[u.v]
j = 1
[[u]]
i = 2
'''
    lines = line_numbers(toml)
    assert lines[("a",)] == 2
    assert lines[("d",)] == 6
    assert ("b",) not in lines
    assert ("c",) not in lines
    assert lines[("t", "f", "g")] == 11
    assert (lines[("u", 0, "i")], lines[("u", 0, "v", "j")], lines[("u", 1, "i")]) == (13, 15, 17)


@given(st.text(alphabet="ab.=[]\"'#\n {}1", max_size=60))
def test_positions_never_fail_on_any_text(text: str) -> None:
    assert nearest(line_numbers(text), ("a", 0, "b")) >= 1
