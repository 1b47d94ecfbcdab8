"""python -m deploy.contracts: says what is wrong, and never writes over a contract that it would break."""

import subprocess
from copy import deepcopy
from pathlib import Path

import pytest

from deploy.contracts import __main__ as command
from deploy.contracts import growth, schemas

PATH = "billing.events/PaymentReceived.v1.schema.json"


@pytest.fixture
def without_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code as if somebody had taken a field out of PaymentReceived."""
    changed = deepcopy(schemas.generated_schemas())
    del changed[PATH]["properties"]["method"]
    changed[PATH]["required"].remove("method")
    monkeypatch.setattr(schemas, "generated_schemas", lambda: changed)


def test_the_repository_is_as_it_should_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check"]) == 0, capsys.readouterr().err


def test_check_names_the_contract_and_what_broke(without_method: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check"]) == 1
    said = capsys.readouterr().err
    assert f"{PATH}: method is gone; old readers rely on it" in said
    assert f"shared/contracts/{PATH} isn't up to date" in said
    assert "A contract only grows" in said


def test_write_writes_nothing_when_a_contract_would_break(
    without_method: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (schemas.FOLDER / PATH).read_bytes()
    assert command.main(["write"]) == 1
    assert "method is gone" in capsys.readouterr().err
    assert (schemas.FOLDER / PATH).read_bytes() == before


def test_a_broken_contract_that_was_written_by_hand_is_still_caught_by_git(
    without_method: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = command.schemas_at("HEAD")
    if PATH not in committed:
        pytest.skip("needs the git history of the repository")
    monkeypatch.setattr(schemas, "stored_schemas", schemas.generated_schemas)
    assert f"{PATH}: method is gone; old readers rely on it" in set(command.problems(["HEAD"]))


def test_a_contract_that_was_broken_by_an_earlier_commit_is_caught_at_every_later_one(
    without_method: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shared" / "contracts"
    (folder / PATH).parent.mkdir(parents=True)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for text in ((schemas.FOLDER / PATH).read_text(), schemas.as_text(schemas.generated_schemas()[PATH])):
        (folder / PATH).write_text(text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "x"], check=True)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "FOLDER", folder)

    assert len(command.revisions()) == 2
    broken = [
        growth.broken_contracts(command.schemas_at(one), schemas.generated_schemas()) for one in command.revisions()
    ]
    assert [f"{PATH}: method is gone; old readers rely on it" in said for said in broken] == [False, True]


def test_no_git_or_no_such_revision_means_nothing_to_compare_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.schemas_at("no-such-revision") == {}
    monkeypatch.setenv("PATH", "/nowhere")
    assert (command.schemas_at("HEAD"), command.revisions()) == ({}, [])
    assert command.main(["check"]) == 0
    assert "no git history" in capsys.readouterr().err


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in command.generated_files()}
    assert command.main(["write"]) == 0
    assert {file: file.read_bytes() for file in before} == before
