"""The cases beside each shipped policy, through bytes, snapshot and `decide`; tests.yaml says how.

A case is one request: `object`, `oldObject`, `operation` (CREATE), `namespace` (labels of the
Namespace), and what to expect: `allowed`, `message` (part of it), `warnings` (parts, all of them),
`env` and `mounts` by container, as the mutating entries leave them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from tests.builders import namespace, review
from webhook.codec import decode_review
from webhook.engine import decide
from webhook.model import NEVER, AdmissionRequest, Decision, Facts, Get, Platform
from webhook.registration import registrations
from webhook.snapshot import Snapshot, build
from webhook.sources.directory import load_directory

POLICIES = Path(__file__).parent.parent.parent / "policies"
FOLDERS = sorted(path.parent for path in POLICIES.rglob("policy.yaml"))
PLATFORM = Platform(cluster_name="test")


def cases() -> list[Any]:
    return [
        pytest.param(folder, case, id=f"{folder.name}: {case['name']}")
        for folder in FOLDERS
        for case in yaml.safe_load((folder / "tests.yaml").read_text())["cases"]
    ]


def request_of(case: dict[str, Any]) -> AdmissionRequest:
    sent = review(
        case.get("object"), operation=case.get("operation", "CREATE"), old=case.get("oldObject")
    )
    return decode_review(orjson.dumps(sent), 0.0, NEVER)


def decide_all(request: AdmissionRequest, snapshot: Snapshot, facts: Facts) -> list[Decision]:
    """Ask the mutating entries, then the validating ones about their result."""
    decisions = []
    for entry in sorted(registrations(snapshot), key=lambda one: not one.mutating):
        decision = decide(request, entry, snapshot, facts)
        decisions.append(decision)
        if entry.mutating:
            request = replace(request, object=decision.object_after)
    return decisions


@pytest.mark.parametrize(("folder", "case"), cases())
def test_case(folder: Path, case: dict[str, Any]) -> None:
    snapshot = build(load_directory(folder), None, PLATFORM)
    assert [str(error) for error in snapshot.errors] == []
    labelled = namespace(labels=case.get("namespace"))
    request = request_of(case)
    facts = Facts({Get("v1", "Namespace", "", "shop"): labelled})
    decisions = decide_all(request, snapshot, facts)
    expect = case["expect"]
    denials = [one for one in decisions if not one.allowed]
    assert (not denials) == expect["allowed"]
    assert all(expect.get("message", "") in one.message for one in denials)
    warnings = [text for one in decisions for text in one.warnings]
    expected = expect.get("warnings", [])
    assert len(warnings) == len(expected)
    assert all(part in text for part, text in zip(expected, warnings, strict=True))
    after = next((one.object_after for one in decisions if one.mutated_by), request.object)
    for name, texts in expect.get("env", {}).items():
        assert [_shown(one, texts) for one in _container(after, name)["env"]] == texts
    for name, paths in expect.get("mounts", {}).items():
        mounts = _container(after, name).get("volumeMounts", [])
        assert [one["mountPath"] for one in mounts] == paths


def _container(pod: Any, name: str) -> Any:
    return next(one for one in pod["spec"]["containers"] if one["name"] == name)


def _shown(variable: Any, texts: list[str]) -> str:
    full = f"{variable['name']}={variable.get('value')}"
    return full if full in texts else str(variable["name"])


def test_shipped_policies_work_together() -> None:
    snapshot = build(load_directory(POLICIES), None, PLATFORM)
    assert snapshot.errors == ()
    assert len(snapshot.policies) == len(snapshot.bindings)


def test_every_policy_has_cases_and_says_why_it_exists() -> None:
    for folder in FOLDERS:
        assert (folder / "tests.yaml").is_file(), folder
        assert (folder / "policy.yaml").read_text().startswith("# "), folder
