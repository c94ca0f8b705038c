"""What holds for every shipped policy: warns first, old versions, common parts, its line in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.policies.shipped import CEL, FOLDERS, POLICIES, ROOT, Value, documents, named, rules_of
from webhook.model import Platform
from webhook.offline.coverage import Recorder
from webhook.offline.judging import judge
from webhook.offline.observing import places
from webhook.offline.requests import request_about
from webhook.offline.running import load_suites, run_suite
from webhook.registration import registrations
from webhook.snapshot import build
from webhook.sources.directory import load_directory
from webhook.sources.objects import DirectoryResolver, plain_namespace

DENYING = {
    "no-host-namespaces",
    "no-latest-tag",
    "no-privileged",
    "protect-namespaces",
    "require-resources",
}
"""Those that refuse from the start; all others only warn."""

TEMPLATE_KINDS = {
    "pods",
    "podtemplates",
    "replicationcontrollers",
    "deployments",
    "statefulsets",
    "daemonsets",
    "replicasets",
    "jobs",
    "cronjobs",
}
ROW = re.compile(
    r"^\| \[([a-z-]+)\]\(\.\./policies/\1/policy\.yaml\) \| (.+) \| (.+) \|$", re.MULTILINE
)
ROWS = ROW.findall((ROOT / "docs" / "policies.md").read_text())
SHOWN = {"Deny": "**Deny**", "Warn": "Warn"}


@pytest.mark.parametrize("name", CEL)
def test_warns_unless_it_is_known_to_deny(name: str) -> None:
    policy, binding = CEL[name]
    assert policy["metadata"]["name"] == binding["metadata"]["name"] == name
    assert binding["spec"]["policyName"] == name
    expected = ["Deny"] if name in DENYING else ["Warn"]
    assert binding["spec"]["validationActions"] == expected


@pytest.mark.parametrize("name", CEL)
def test_every_validation_says_what_to_do(name: str) -> None:
    for validation in CEL[name][0]["spec"]["validations"]:
        assert validation["message"]
        assert validation["messageExpression"]


@pytest.mark.parametrize("name", sorted(set(CEL) - DENYING))
def test_says_how_to_enforce_it(name: str) -> None:
    text = (POLICIES / name / "policy.yaml").read_text()
    told = "write Deny in place of Warn" in text
    assert told or name in {"readiness-probes", "required-labels"}


def test_kubernetes_1_30_compiles_all_of_them() -> None:
    _, errors = load_suites(POLICIES, "1.30")
    assert [str(error) for error in errors] == []


def test_cases_reach_every_branch() -> None:
    recorder = Recorder()
    suites, _ = load_suites(POLICIES, "", [recorder])
    for suite in suites:
        assert all(result.passed for result in run_suite(suite))
    known = [place for suite in suites for place in places(suite.snapshot)]
    gaps = recorder.coverage(known).gaps
    assert [f"{gap.place}: {gap.text}" for gap in gaps] == []


def test_what_policies_about_pods_have_in_common_is_the_same() -> None:
    """A way into a Pod template that one policy forgets is a way around it."""
    about_pods = [policy for policy, _ in CEL.values() if "podSpec" in _variables(policy)]
    assert len(about_pods) > 30
    template_kinds = [rules_of(one) & TEMPLATE_KINDS for one in about_pods]
    assert all(kinds == TEMPLATE_KINDS for kinds in template_kinds)
    assert len({_variables(one)["podSpec"] for one in about_pods}) == 1


def test_the_standard_sees_containers_of_kubectl_debug() -> None:
    standard = [
        policy for name, (policy, _) in CEL.items() if name.startswith(("baseline-", "restricted-"))
    ]
    assert len(standard) == 16
    assert all("pods/ephemeralcontainers" in rules_of(one) for one in standard)


def _variables(policy: Value) -> dict[str, str]:
    return named(policy["spec"].get("variables", []))


def test_docs_have_a_line_for_each() -> None:
    assert sorted(name for name, _, _ in ROWS) == [folder.name for folder in FOLDERS]


@pytest.mark.parametrize(("name", "shown"), [(name, shown) for name, _, shown in ROWS])
def test_docs_say_what_it_does_from_the_start(name: str, shown: str) -> None:
    found = documents(POLICIES / name).get("ValidatingAdmissionPolicyBinding")
    actions = found["spec"]["validationActions"] if found else ["injects"]
    assert shown == SHOWN.get(actions[0], actions[0])


def test_an_exemplary_deployment_hears_nothing_anywhere() -> None:
    """As careful developers write one, where all profiles hold."""
    snapshot = build(load_directory(POLICIES), None, Platform(cluster_name="test"))
    strict = plain_namespace("shop")
    strict["metadata"]["labels"] |= {
        "environment": "production",
        "propylon.dev/pod-security": "restricted",
    }
    resolver = DirectoryResolver([strict])
    text = (Path(__file__).parent / "exemplary.yaml").read_text()
    request = request_about(yaml.safe_load(text))
    judgement = judge(request, registrations(snapshot), snapshot, resolver.answer)
    assert (judgement.denials, judgement.warnings) == ((), ())
