"""Every numbered case of platform-rules is a test with that number; this one names those missing.

A test has the number of a case when its parameters' id begins with it (`test_case[E-19 orphan]`) or
when its own name does (`test_a_41_...`). What counts is what pytest collects, not what is written.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPECIFICATION = ROOT.parent / "shared" / "spec" / "platform-rules.md"
PLACES = ("rules", "objects/test_workloads.py", "cli/test_view.py", "e2e")
"""Where tests with a number are; e2e is not collected by default."""

SECTIONS = {"A-": 53, "B-": 37, "C-": 33, "D-": 36, "E-": 58, "F-K": 12}
CASES = {
    f"{section}{number:02}" for section, last in SECTIONS.items() for number in range(1, last + 1)
}

ON_A_CLUSTER = {"A-18", "A-51", "A-53", "C-31", "E-53", "E-54", "E-57"}
"""Cases in which the API server has its say: they are tried on a real one as well."""

_NUMBER = r"([A-E]-\d\d|F-K\d\d)(?!\d)"
_NAME = re.compile(r"test_([a-e]_\d\d|f_k\d\d)(?:_|$)")


@pytest.fixture(scope="module")
def collected() -> list[str]:
    """Return the ids of all tests that may have a number, those with a cluster among them.

    A process of its own, as the running session may have been told to collect less.
    """
    words = ["--collect-only", "-q", "-o", "addopts=--import-mode=importlib"]
    places = [f"tests/{one}" for one in PLACES]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-p", "no:cacheprovider", *places],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def number_of(node_id: str) -> str:
    """Return the number that a test has, or nothing."""
    _, _, test = node_id.partition("::")
    name, _, parameters = test.partition("[")
    found = re.match(_NUMBER, parameters)
    named = _NAME.match(name)
    own = named[1].upper().replace("_", "-") if named else ""
    return found[1] if found else own


def test_every_numbered_case_is_a_test(collected: list[str]) -> None:
    assert len(CASES) == 229
    here = {number_of(one) for one in collected}
    assert ", ".join(sorted(CASES - here)) == ""


def test_cases_of_the_api_server_are_tried_on_one(collected: list[str]) -> None:
    here = {number_of(one) for one in collected if one.startswith("tests/e2e/")}
    assert ", ".join(sorted(ON_A_CLUSTER - here)) == ""


def test_no_test_has_a_number_that_is_none(collected: list[str]) -> None:
    assert sorted({number_of(one) for one in collected} - CASES) == [""]


def test_the_numbers_are_those_of_the_specification() -> None:
    if not SPECIFICATION.exists():
        pytest.skip("the specification is not part of this checkout")
    rows = re.findall(rf"^\| {_NUMBER} \|", SPECIFICATION.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(CASES)


NUMBERS = {
    "tests/rules/test_hide.py::test_case[A-01]": "A-01",
    "tests/rules/test_hide.py::test_case[A-10 lock]": "A-10",
    "tests/rules/test_hide.py::test_a_18_ownership[leave]": "A-18",
    "tests/rules/test_hide_kinds.py::test_f_k05_index_and_name": "F-K05",
    "tests/rules/test_env.py::test_second_run[B-02 null]": "B-02",
    "tests/rules/test_env.py::test_b_029": "",
    "tests/rules/test_env.py::test_case[as A-01]": "",
    "tests/rules/test_env.py::test_case[A-011]": "",
    "tests/rules/test_env.py::test_A_01": "",
    "tests/rules/test_a_01.py::test_case": "",
}


@pytest.mark.parametrize(("node_id", "number"), NUMBERS.items(), ids=range(len(NUMBERS)))
def test_numbers_are_read(node_id: str, number: str) -> None:
    assert number_of(node_id) == number
