"""tests.yaml: every mistake with its line; what is not as expected in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import container, pod
from tests.offline.texts import POD, policy
from webhook.model import Decision, Document
from webhook.offline.cases import Expect, find_cases, parse_cases
from webhook.offline.expectations import differences
from webhook.offline.judging import Judgement
from webhook.offline.requests import request_about
from webhook.offline.running import Suite, load_suites, run_suite
from webhook.registration import registrations
from webhook.snapshot import EMPTY
from webhook.sources.directory import SourceError

BROKEN = {
    "empty": ("", "the file is empty"),
    "not YAML": ("cases: [", "2:1: not YAML"),
    "no list": ("cases: 5\n", "1:8: cases: must be a list; found a number"),
    "twice": ("cases: []\ncases: []\n", "1:1: cases: the key is there twice"),
    "unknown field": (
        "cases:\n- {nam: a, name: b, expect: {allowed: true}}\n",
        "2:9: cases[0].nam: unknown field; did you mean name? allowed: ",
    ),
    "same name": (
        "cases:\n- {name: b, expect: {allowed: true}}\n- {name: b, expect: {allowed: true}}\n",
        "3:10: cases[1].name: another case is named 'b'; names are unique",
    ),
}


@pytest.mark.parametrize(("text", "error"), BROKEN.values(), ids=BROKEN)
def test_broken_file_has_errors_and_no_cases(text: str, error: str) -> None:
    cases, errors = parse_cases(Document("tests.yaml", text))
    assert cases == ()
    assert any(error in str(one) for one in errors), [str(one) for one in errors]


def test_short_forms() -> None:
    text = "cases:\n- {name: a, user: alice, params: {apiVersion: v1, kind: X, metadata: {name: x}}, expect: {allowed: true}}\n"
    ((case, line),), errors = parse_cases(Document("tests.yaml", text))
    assert errors == ()
    assert (line, case.user.username) == (2, "alice")
    assert [one["kind"] for one in case.params] == ["X"]


def test_long_forms() -> None:
    text = "cases:\n- {name: a, user: {groups: [x]}, params: [{}, {}], cluster: 5, expect: {}}\n"
    cases, errors = parse_cases(Document("tests.yaml", text))
    assert cases == ()
    assert [one.path for one in errors] == [
        "cases[0].expect.allowed",
        "cases[0].params",
        "cases[0].cluster",
    ]


ODD = {
    "param without a name": "params: {apiVersion: v1, kind: X, metadata: {}}",
    "param with odd labels": "params: {apiVersion: v1, kind: X, metadata: {name: x, labels: 5}}",
    "param without metadata": "params: {apiVersion: v1, kind: X}",
    "label": "namespace: {a: 5}",
    "Namespace without a name": "namespace: {kind: Namespace, metadata: {}}",
}


@pytest.mark.parametrize("field", ODD.values(), ids=ODD)
def test_what_no_cluster_could_hold_is_an_error(field: str) -> None:
    text = f"cases:\n- {{name: a, {field}, expect: {{allowed: true}}}}\n"
    cases, (error,) = parse_cases(Document("tests.yaml", text))
    assert cases == ()
    assert "must be" in error.message


def test_files_are_found_but_for_hidden_ones(tmp_path: Path) -> None:
    for folder in ("b", "a/deep", ".git"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "tests.yaml").write_text("cases: []")
    found = [str(one.relative_to(tmp_path)) for one in find_cases(tmp_path)]
    assert found == ["a/deep/tests.yaml", "b/tests.yaml"]
    assert find_cases(tmp_path / "b" / "tests.yaml") == (tmp_path / "b" / "tests.yaml",)


AFTER = pod(container(env=[{"name": "A", "value": "1"}], volumeMounts=[{"mountPath": "/m"}]))
ENTRY = registrations(EMPTY)[0]


def judgement(
    *, message: str = "", warnings: tuple[str, ...] = (), after: Any = AFTER
) -> Judgement:
    decision = Decision(
        not message, "d", message=message, warnings=warnings, audit_annotations={"p.k": "value"}
    )
    return Judgement(request_about(pod()), ((ENTRY, decision),), after)


DENIED = judgement(message="no: too tall")
ALLOWED = judgement()
WARNED = judgement(warnings=("Warning: tall",))

EXPECTATIONS: dict[str, tuple[dict[str, Any], Judgement, list[str]]] = {
    "allowed": ({"allowed": True}, ALLOWED, []),
    "denied": ({"allowed": False, "message": "tall"}, DENIED, []),
    "not allowed": (
        {"allowed": True},
        DENIED,
        ["expected to be allowed, was denied: no: too tall"],
    ),
    "not denied": ({"allowed": False}, ALLOWED, ["expected to be denied, was allowed"]),
    "other message": (
        {"allowed": False, "message": "short"},
        DENIED,
        ["expected a denial that says 'short', found 'no: too tall'"],
    ),
    "message of an allowed one": (
        {"allowed": True, "message": "short"},
        ALLOWED,
        ["expected a denial that says 'short', was allowed"],
    ),
    "warned": ({"allowed": True, "warnings": ["tall"]}, WARNED, []),
    "no warning": (
        {"allowed": True, "warnings": ["tall"]},
        ALLOWED,
        ["warnings: expected 'tall', found none"],
    ),
    "other warning": (
        {"allowed": True, "warnings": ["short"]},
        WARNED,
        ["warnings: expected 'short', found 'Warning: tall'"],
    ),
    "unexpected warning": (
        {"allowed": True},
        WARNED,
        ["expected no warning, found 'Warning: tall'"],
    ),
    "whole object": ({"allowed": True, "object": {**AFTER, "status": {}}}, ALLOWED, []),
    "other object": (
        {"allowed": True, "object": pod()},
        judgement(after={**pod(), "status": {"phase": "Gone"}}),
        ['object afterwards: not as expected: add /status {"phase":"Gone"}'],
    ),
    "lacks something": (
        {"allowed": True, "object": {**pod(), "status": {"a": 1}}},
        judgement(after=pod()),
        ["object afterwards: not as expected: remove /status"],
    ),
    "part": ({"allowed": True, "contains": {"metadata": {"name": "web"}}}, ALLOWED, []),
    "part of a list": (
        {"allowed": True, "contains": {"spec": {"containers": [{"name": "app"}]}}},
        ALLOWED,
        [],
    ),
    "no such part": (
        {"allowed": True, "contains": {"spec": {"x": 1, "containers": []}}},
        judgement(after={"spec": {"containers": [1]}}),
        [
            "object afterwards: spec.x: expected 1, found nothing",
            "object afterwards: spec.containers: expected [], found [1]",
        ],
    ),
    "env": ({"allowed": True, "env": {"app": ["A=1"]}}, ALLOWED, []),
    "env by name": ({"allowed": True, "env": {"app": ["A"]}}, ALLOWED, []),
    "other env": (
        {"allowed": True, "env": {"app": ["B"]}},
        ALLOWED,
        ["env of app: expected 'B', found 'A'"],
    ),
    "no such container": (
        {"allowed": True, "env": {"other": ["B"]}},
        ALLOWED,
        ["env of other: expected 'B', found none"],
    ),
    "deleted": (
        {"allowed": True, "env": {"app": ["B"]}},
        judgement(after=None),
        ["env of app: expected 'B', found none"],
    ),
    "odd container": (
        {"allowed": True, "env": {"app": ["A"]}},
        judgement(after={"spec": {"containers": [5, {"name": "app", "env": [5]}]}}),
        ["env of app: expected 'A', found none"],
    ),
    "mounts": ({"allowed": True, "mounts": {"app": ["/m"]}}, ALLOWED, []),
    "other mounts": (
        {"allowed": True, "mounts": {"app": []}},
        ALLOWED,
        ["mounts of app: expected none, found '/m'"],
    ),
    "annotation": ({"allowed": True, "auditAnnotations": {"p.k": "val"}}, ALLOWED, []),
    "no annotation": (
        {"allowed": True, "auditAnnotations": {"p.x": ""}},
        ALLOWED,
        ["audit annotation p.x: expected '', found None"],
    ),
}


@pytest.mark.parametrize(("expect", "found", "texts"), EXPECTATIONS.values(), ids=EXPECTATIONS)
def test_differences(expect: dict[str, Any], found: Judgement, texts: list[str]) -> None:
    wanted = Expect.model_validate_json(json.dumps(expect))
    assert list(differences(wanted, found)) == texts


def suite_of(tmp_path: Path, cases: str, documents: str) -> Suite:
    (tmp_path / "policy.yaml").write_text(documents)
    (tmp_path / "tests.yaml").write_text(cases)
    suites, errors = load_suites(tmp_path)
    assert [str(one) for one in errors] == []
    return suites[0]


RUNS = {
    "as expected": ("{allowed: false}", "", True, ""),
    "not as expected": ("{allowed: true}", "", False, ""),
    "not a request": ("{allowed: true}", "request: {name: 5}", False, ""),
    "nothing is about it": (
        "{allowed: true}",
        "operation: CONNECT",
        True,
        "no policy is about this request",
    ),
}


@pytest.mark.parametrize(("expect", "more", "passed", "note"), RUNS.values(), ids=RUNS)
def test_case_runs(expect: str, more: str, passed: bool, note: str, tmp_path: Path) -> None:
    pod_text = POD.replace("\n", "\n    ")
    text = f"cases:\n- name: a\n  {more}\n  object:\n    {pod_text}\n  expect: {expect}\n"
    suite = suite_of(tmp_path, text, policy())
    (result,) = run_suite(suite)
    assert (result.passed, result.note, result.line) == (passed, note, 2)
    assert result.suite == tmp_path.name


NAMESPACES = {
    "labels": "{tier: gold}",
    "whole": "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {tier: gold}}}",
}


@pytest.mark.parametrize("text", NAMESPACES.values(), ids=NAMESPACES)
def test_namespace_of_a_case(text: str, tmp_path: Path) -> None:
    pod_text = POD.replace("\n", "\n    ")
    cases = f"cases:\n- name: a\n  namespace: {text}\n  object:\n    {pod_text}\n  expect: {{allowed: true}}\n"
    expression = "namespaceObject.metadata.labels['tier'] == 'gold'"
    (result,) = run_suite(suite_of(tmp_path, cases, policy("tier", f'"{expression}"')))
    assert result.failures == ()


def test_namespace_that_goes_is_known_by_its_old_object(tmp_path: Path) -> None:
    documents = policy("tier", "oldObject.metadata.name == 'shop'")
    documents = documents.replace("[pods, configmaps]", "[namespaces]").replace("CREATE", "DELETE")
    selector = "    namespaceSelector: {matchLabels: {tier: gold}}\n    resourceRules"
    documents = documents.replace("    resourceRules", selector)
    old = "{apiVersion: v1, kind: Namespace, metadata: {name: play, labels: {tier: gold}}}"
    cases = f"cases:\n- {{name: a, oldObject: {old}, expect: {{allowed: false}}}}\n"
    (result,) = run_suite(suite_of(tmp_path, cases, documents))
    assert result.failures == ()


def test_parameters_of_a_case(tmp_path: Path) -> None:
    documents = policy("limit", "params.spec.tall == 3")
    documents = documents.replace(
        "spec:\n  match",
        "spec:\n  paramKind: {apiVersion: example.com/v1, kind: Limit}\n  match",
        1,
    )
    documents += "  paramRef: {name: limit, parameterNotFoundAction: Allow}\n"
    limit = "{apiVersion: example.com/v1, kind: Limit, metadata: {name: limit, namespace: shop}, spec: {tall: 4}}"
    pod_text = POD.replace("\n", "\n    ")
    cases = (
        f"cases:\n- name: without\n  object: &pod\n    {pod_text}\n  expect: {{allowed: true}}\n"
        f"- {{name: with, object: *pod, params: {limit}, expect: {{allowed: false}}}}\n"
    )
    results = list(run_suite(suite_of(tmp_path, cases, documents)))
    assert [one.failures for one in results] == [(), ()]


def test_broken_policies_leave_out_their_cases(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(policy("tall", "object.spec.tall"))
    (tmp_path / "tests.yaml").write_text("cases: []")
    suites, errors = load_suites(tmp_path)
    assert suites == ()
    assert "must evaluate to bool but got dyn" in str(errors[0])


def test_nothing_to_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no tests\.yaml here or below"):
        load_suites(tmp_path)
