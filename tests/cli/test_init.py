"""`propylon init`: what it writes is accepted, and nothing that exists is lost."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from tests.cli.calling import call
from webhook.cli.init import CASES, KINDS, starters
from webhook.rules import RULES


def test_every_rule_has_a_text_and_none_is_left_over() -> None:
    folder = files("webhook.cli") / "starters"
    assert {one.name for one in folder.iterdir()} == set(starters())
    kinds = [yaml.safe_load(text)["kind"] for name, text in starters().items() if name != CASES]
    assert tuple(kinds) == KINDS
    assert {rule.kind for rule in RULES} < set(kinds)


@pytest.mark.parametrize("name", starters())
def test_texts_are_commented(name: str) -> None:
    assert starters()[name].startswith("# ")


def test_check_accepts_what_was_written(tmp_path: Path) -> None:
    result = call("init", "--out", tmp_path / "new" / "policies")
    assert result.exit_code == 0, result.output
    assert f"{len(KINDS) + 1} files written" in result.stdout
    checked = call("check", tmp_path)
    assert (checked.exit_code, checked.stdout) == (
        0,
        f"{len(KINDS)} documents checked, no errors\n",
    )


def test_cases_pass_with_what_was_written(tmp_path: Path) -> None:
    call("init", "--out", tmp_path)
    tested = call("test", tmp_path)
    assert tested.exit_code == 0, tested.output
    for letter in "ABCDE":
        assert f"  {letter}, " in tested.stdout


def test_what_was_written_scans_and_imports_and_serves(tmp_path: Path) -> None:
    call("init", "--out", tmp_path)
    scanned = call("scan", tmp_path, "--policies", tmp_path)
    assert (scanned.exit_code, scanned.stderr) == (0, "")
    imported = call("import", tmp_path)
    assert imported.exit_code == 0
    assert len(yaml.safe_load(imported.stdout)["data"]) == len(KINDS)
    assert call("manifests", "--policies", tmp_path).exit_code == 0
    assert call("gitops-ignore", "--policies", tmp_path).exit_code == 0


def test_existing_file_stops_everything(tmp_path: Path) -> None:
    (tmp_path / "actors.yaml").write_text("mine")
    result = call("init", "--out", tmp_path)
    assert result.exit_code == 1
    assert "actors.yaml already" in result.stderr
    assert "--force" in result.stderr
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("actors.yaml", "mine")]


def test_force_overwrites_only_its_own_files(tmp_path: Path) -> None:
    (tmp_path / "actors.yaml").write_text("mine")
    (tmp_path / "other.yaml").write_text("mine")
    assert call("init", "--out", tmp_path, "--force").exit_code == 0
    assert (tmp_path / "actors.yaml").read_text() == starters()["actors.yaml"]
    assert (tmp_path / "other.yaml").read_text() == "mine"


def test_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = call("init", "--out", tmp_path / "file")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"propylon init: {tmp_path / 'file'}: ")
