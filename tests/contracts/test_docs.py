"""The documents are true where a machine can tell: links lead somewhere, tables agree with the code."""

import re
from pathlib import Path

import pytest

from deploy.contracts.__main__ import declared_services
from deploy.contracts.schemas import ROOT
from deploy.local.__main__ import HELP
from shared.events import FACTS, PartnerFact
from shared.web.principals import STAFF

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SERVICES = declared_services()


def links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http", "#", "mailto:"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = [link for link in links(page) if not (page.parent / link.split("#")[0]).exists()]
    assert missing == []


def test_the_table_of_facts_says_who_owns_and_who_reacts() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]+) \| .+ \|$", ARCHITECTURE, flags=re.MULTILINE)
    written = {fact: (owner, set(readers.split(", "))) for fact, owner, readers in rows}
    declared = {
        fact.__name__: (
            next(service.name for service in SERVICES if fact in service.emits),
            {service.name for service in SERVICES if fact in service.reactions},
        )
        for fact in FACTS
        if not issubclass(fact, PartnerFact)
    }
    assert written == declared


def test_every_fact_of_the_partner_is_named_for_its_readers() -> None:
    guide = (ROOT / "docs" / "partner-guide.md").read_text(encoding="utf-8")
    for fact in FACTS:
        if issubclass(fact, PartnerFact):
            assert f"`{fact.__name__}" in guide


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_says_context_decision_consequences_and_what_was_rejected(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.name[:4]} ")
    places = [text.find(f"**{part}.**") for part in ("Context", "Decision", "Consequences", "Rejected")]
    assert -1 not in places
    assert places == sorted(places)
    assert len(text) < 3_000


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name[:4]) for page in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_class_and_function_of_the_glossary_exists() -> None:
    code = "\n".join(
        file.read_text(encoding="utf-8") for folder in ("shared", "services") for file in (ROOT / folder).rglob("*.py")
    )
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(?:Role\.|Programme\.|OfficeCalendar\.)?([A-Za-z_]{4,})`", glossary):
        assert name in code, name


def test_the_readme_shows_pictures_that_exist_and_all_that_there_are() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r'<img src="([^"]+)" width="\d+" alt="[^"]+">', readme)
    assert len(shown) == readme.count("<img ")
    assert [picture for picture in shown if not (ROOT / picture).exists()] == []
    assert sorted(shown) == sorted(f"docs/tour/{picture.name}" for picture in (ROOT / "docs" / "tour").glob("*.png"))


def test_the_readmes_map_names_paths_that_exist_and_every_service() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([\w./]+)` \|", readme, flags=re.MULTILINE)
    assert [path for path in named if not (ROOT / path).exists()] == []
    for service in SERVICES:
        assert f"services/{service.name}/" in named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_in_the_documents_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    launcher = set(re.findall(r"^ +\./consilium (\w+)", HELP, flags=re.MULTILINE)) | {"help"}
    assert set(re.findall(r"\./consilium (\w+)", text)) <= launcher
    for module in re.findall(r"python -m ([\w.]+\w)(?!\w|\.?<)", text):
        folder = ROOT.joinpath(*module.split("."))
        assert folder.with_suffix(".py").exists() or (folder / "__main__.py").exists(), module


def test_the_staff_guide_speaks_to_every_role_of_staff() -> None:
    guide = (ROOT / "docs" / "staff-guide.md").read_text(encoding="utf-8")
    addressed = set(re.findall(r"^\| ([a-z ]+) \|", guide, flags=re.MULTILINE)) - {"you are"}
    assert addressed == {role.replace("_", " ").replace("lab", "laboratory") for role in STAFF}
