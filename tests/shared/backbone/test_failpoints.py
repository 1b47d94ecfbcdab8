"""Every place at which a test may kill the process is one that is passed, and one at which a test of each run does."""

import re
from pathlib import Path

from shared.backbone.failpoints import POINTS
from tests.shared.backbone.test_worker import DEATHS

ROOT = Path(__file__).parents[3]
_PASSED = re.compile(r'failpoints\.(?:reach|wanted)\("([a-z.]+)"\)')
_NAMED = re.compile(r'"([a-z]+\.[a-z]+)(?:[:@]\w+)?"')


def found(pattern: re.Pattern[str], *folders: str) -> set[str]:
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py") if file != Path(__file__))
    texts = (file.read_text() for file in files)
    return {name for text in texts if 'skipif("CONSILIUM_DRILL"' not in text for name in pattern.findall(text)}


def test_every_fail_point_is_passed_and_a_test_dies_there() -> None:
    assert found(_PASSED, "shared", "services") == set(POINTS)
    assert set(POINTS) - found(_NAMED, "tests") - set(DEATHS) == set()
