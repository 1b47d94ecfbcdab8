"""The style sheet that is made from nhsuk-frontend's: our colours, no foreign fonts, and both directions."""

import pytest

from shared.settings import PlatformSettings
from shared.web.assets import Assets, load, themed


@pytest.mark.parametrize(
    ("css", "ours"),
    [
        ("a{margin-left:4px}", "a{margin-inline-start:4px}"),
        ("a{padding-right:4px;color:#005eb8}", "a{padding-inline-end:4px;color:#0b5d5a}"),
        ("a{border-left:4px solid}", "a{border-inline-start:4px solid}"),
        ("a{border-left-color:#000}", "a{border-inline-start-color:#000}"),
        ("a{border-top-left-radius:2px}", "a{border-start-start-radius:2px}"),
        ("a{left:0;right:auto}", "a{inset-inline-start:0;inset-inline-end:auto}"),
        ("a{left:50%}", "a{left:50%}"),
        ("a{text-align:left;float:right}", "a{text-align:start;float:inline-end}"),
        ("a{margin:0 8px 0 0}", "a{margin-block:0 0;margin-inline:0 8px}"),
        ("a{margin:0 calc(1px + (2px * 2)) 4px 3px}", "a{margin-block:0 4px;margin-inline:3px calc(1px + (2px * 2))}"),
        ("a{margin:0 4px 0 4px}", "a{margin:0 4px 0 4px}"),
        ("a{padding:1px 2px}", "a{padding:1px 2px}"),
        (".u-margin-left-0{margin-left:0!important}", ".u-margin-left-0{margin-inline-start:0!important}"),
        ("@font-face{font-family:X;src:url(https://x/y)}a{color:#000}", "a{color:#000}"),
        ("a{background:url(/assets/images/i.svg)}", "a{background:url(./images/i.svg)}"),
    ],
)
def test_a_rule_is_themed(css: str, ours: str) -> None:
    assert themed(css) == ours


def test_nothing_is_loaded_from_elsewhere_and_no_foreign_brand_is_left() -> None:
    files = load(PlatformSettings().node_modules).files
    css = files["consilium.css"].plain.decode()
    assert "http://" not in css
    assert "https://" not in css
    assert "#005eb8" not in css
    assert "Frutiger" not in css
    assert not [name for name in files if "logo" in name or "mask" in name]


def test_an_asset_has_one_address_until_it_changes() -> None:
    one, same, other = (Assets({"a.css": content}) for content in (b"a{}", b"a{}", b"b{}"))
    assert one.url("a.css") == same.url("a.css") != other.url("a.css")
    with pytest.raises(KeyError, match=r"there are a\.css"):
        one.url("b.css")


def test_missing_packages_say_how_to_get_them(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(FileNotFoundError, match="consilium up"):
        load(tmp_path_factory.mktemp("empty"))
