"""`propylon test`: what a person sees, and what CI reads."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.calling import call
from tests.offline.texts import POD, policy

DENIAL = "ValidatingAdmissionPolicy 'tall' with binding 'tall' denied request: tall says no"
CASES = """\
cases:
- name: a Pod that is not tall
  object: &pod
    {pod}
  expect: {{allowed: false, message: tall says no}}
- name: a Pod that should pass
  object: *pod
  expect: {{allowed: true}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tall"
    folder.mkdir()
    (folder / "policy.yaml").write_text(policy())
    (folder / "tests.yaml").write_text(CASES.format(pod=POD.replace("\n", "\n    ")))
    return folder


def test_table_and_what_failed(folder: Path) -> None:
    result = call("test", folder.parent)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "RESULT  POLICY  CASE",
        "passed  tall    a Pod that is not tall",
        "FAILED  tall    a Pod that should pass",
        "",
        f"FAILED: {folder}/tests.yaml:10: a Pod that should pass",
        f"  expected to be allowed, was denied: {DENIAL}",
        "",
        "2 cases, 1 failed",
    ]


def test_all_passed_has_exit_code_0(folder: Path) -> None:
    text = (folder / "tests.yaml").read_text().replace("allowed: true", "allowed: false")
    (folder / "tests.yaml").write_text(text)
    result = call("test", folder / "tests.yaml")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "2 cases, all passed"


def test_json(folder: Path) -> None:
    value = json.loads(call("test", folder, "--output", "json").stdout)
    assert value["failed"] == 1
    assert [one["passed"] for one in value["cases"]] == [True, False]
    assert value["cases"][1]["line"] == 10


def test_junit(folder: Path) -> None:
    root = ET.fromstring(call("test", folder, "--output", "junit").stdout)
    assert root.attrib == {"name": "propylon test", "tests": "2", "failures": "1", "errors": "0"}
    failed = root.findall("./testsuite[@name='tall']/testcase")[1]
    assert failed.attrib["line"] == "10"
    assert failed.find("failure") is not None


def test_wrong_files_are_said_and_the_others_run(folder: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (other / "tests.yaml").write_text("cases:\n- {}\n")
    result = call("test", folder.parent)
    assert result.exit_code == 2
    assert "other/tests.yaml:2:3: cases[0].name: is required" in result.stderr
    assert "2 cases, 1 failed" in result.stdout


def test_nothing_to_run(tmp_path: Path) -> None:
    result = call("test", tmp_path)
    assert result.exit_code == 2
    assert "no tests.yaml here or below" in result.stderr
    (tmp_path / "tests.yaml").write_text("cases: []")
    assert call("test", tmp_path).stdout == "\nno cases, nothing was run\n"
