"""The cases beside each shipped policy, through the same code as `propylon test`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from webhook.model import Platform
from webhook.offline.cases import Case
from webhook.offline.running import CLUSTER_NAME, Suite, load_suites, run_case
from webhook.snapshot import build
from webhook.sources.directory import load_directory

POLICIES = Path(__file__).parent.parent.parent / "policies"
FOLDERS = sorted(path.parent for path in POLICIES.rglob("policy.yaml"))
SUITES, ERRORS = load_suites(POLICIES)


def cases() -> list[Any]:
    return [
        pytest.param(suite, case, id=f"{suite.name}: {case.name}")
        for suite in SUITES
        for case, _ in suite.cases
    ]


@pytest.mark.parametrize(("suite", "case"), cases())
def test_case(suite: Suite, case: Case) -> None:
    failures, note = run_case(case, suite)
    assert failures == ()
    assert note == ""


def test_no_file_has_errors() -> None:
    assert [str(error) for error in ERRORS] == []


def test_shipped_policies_work_together() -> None:
    snapshot = build(load_directory(POLICIES), None, Platform(cluster_name=CLUSTER_NAME))
    assert snapshot.errors == ()
    assert len(snapshot.policies) == len(snapshot.bindings)


def test_every_policy_has_cases_and_says_why_it_exists() -> None:
    for folder in FOLDERS:
        assert (folder / "tests.yaml").is_file(), folder
        assert (folder / "policy.yaml").read_text().startswith("# "), folder
