"""Coverage and second opinions: what was reached, never answered, or seen otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calling import call
from tests.offline.texts import POD, policy
from webhook.cel import Budget, Environment, EvaluationError
from webhook.cel.types import DYN
from webhook.offline.coverage import Coverage, Recorder
from webhook.offline.observing import ObservedProgram, Place, observe, places
from webhook.offline.opinions import Disagreement, Opinions, Opponent
from webhook.offline.results import Results, write_json, write_results
from webhook.policy import PolicyGroup
from webhook.policy.model import Expression, MatchResources, Policy, Variable
from webhook.snapshot import EMPTY

PLACE = Place("ValidatingAdmissionPolicy", "p", "validations[0].expression", "")


def covered(text: str, *values: Any, field: str = "validations[0].expression") -> Coverage:
    place = Place("ValidatingAdmissionPolicy", "p", field, text)
    recorder = Recorder()
    program = Environment({"x": DYN}).compile(text)
    for value in values:
        observed = ObservedProgram(program, place, recorder)
        assert observed.result_type == program.result_type
        observed.evaluate({"x": value}, Budget(10**6))
        assert observed.explain({"x": value}).parts
    return recorder.coverage([place])


GAPS: dict[str, tuple[str, tuple[Any, ...], list[str]]] = {
    "all of it": ("x == 1", (1, 2), []),
    "never true": ("x == 1", (2,), ["never true"]),
    "never false": ("x == 1", (1,), ["never false"]),
    "short": ("x == 1 || x == 2", (1,), ["x == 2", "never false"]),
    "branch, once and whole": (
        "(x == 1 ? x + 1 == 2 : x + x == 5)",
        (1,),
        ["x + x == 5", "never false"],
    ),
    "never evaluated": ("x == 1", (), ["never evaluated"]),
    "two of them": ("x == 1 || x == 2 || x == 3", (1,), ["x == 2", "x == 3", "never false"]),
    "constants": ("x == 1 ? ['a', 'b'].size() > 0x1 : 2.5e3 == 1.0", (1,), ["never false"]),
    "optional index": ("['a'].all(i, x[?i].orValue(1) == 1)", ({},), ["never false"]),
    "index": ("['a', 'b'].all(i, i == {'a': i, 'b': i}[i])", ("a",), ["never false"]),
}


@pytest.mark.parametrize(("text", "values", "gaps"), GAPS.values(), ids=GAPS)
def test_gaps(text: str, values: tuple[Any, ...], gaps: list[str]) -> None:
    found = covered(text, *values)
    assert [one.text for one in found.gaps] == gaps
    missing = [gap for gap in gaps if not gap.startswith("never ") or gap == "never evaluated"]
    assert (found.parts > found.reached) == bool(missing)


def test_answers_count_only_where_they_decide() -> None:
    assert covered("x == 1", 1, field="variables.x").gaps == ()


def test_errors_are_observed_and_stay_errors() -> None:
    seen: list[Any] = []
    program = Environment({"x": DYN}).compile("x.a == 1")
    observed = ObservedProgram(program, PLACE, lambda *told: seen.append(told[-1]))
    with pytest.raises(EvaluationError):
        observed.evaluate({"x": {}}, Budget(10**6))
    assert [str(one) for one in seen] == ["no such key: a"]


def test_expressions_that_do_not_compile_are_left_as_they_are() -> None:
    broken = Policy("p", MatchResources(), variables=(Variable("v", Expression("a", None, "e")),))
    group = PolicyGroup("policies", "Fail", (broken,))
    snapshot = replace(EMPTY, groups=(group,))
    assert list(places(snapshot)) == []
    assert observe(snapshot, Recorder()).groups == (group,)


def test_disagreements_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    place = Place("ValidatingAdmissionPolicy", "p", "variables.x", "1 + 1")
    opinions = Opinions(1, {"stumbles": 2}, (Disagreement(place, "2", "3 (int)"),))
    results = Results((), None, opinions)
    write_results(results)
    assert "p       variables.x  Propylon: 2" in capsys.readouterr().out
    write_json(results)
    (found,) = json.loads(capsys.readouterr().out)["second_opinion"]["disagreements"]
    assert (found["propylon"], found["cel_python"]) == ("2", "3 (int)")


def test_nothing_is_covered_whole() -> None:
    assert Recorder().coverage([]).percent == 100.0


def test_second_opinions() -> None:
    opponent = Opponent()
    program = Environment({"x": DYN}).compile("x == 1")
    place = Place("ValidatingAdmissionPolicy", "p", "validations[0].expression", "x == 1")
    for text, outcome in (
        ("x == 1", True),
        ("x == 1", False),
        ("x.?a == x", True),
        ("x == 1", False),
    ):
        opponent(Place(place.kind, place.policy, place.field, text), program, {"x": 1}, outcome)
    opponent(place, program, {"x": 1}, EvaluationError("none"))
    found = opponent.opinions()
    assert (found.agreed, sum(found.untold.values())) == (1, 1)
    assert [(one.ours, one.theirs.partition(" (")[0]) for one in found.disagreements] == [
        ("false", "true"),
        ("an error: none", "no error, but true"),
    ]


MUTATING = """\
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: label}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}
  variables:
    - {name: tier, expression: "has(object.metadata.labels) ? 'old' : 'new'"}
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration:
        expression: "Object{metadata: Object.metadata{labels: {'tier': variables.tier}}}"
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: label}
spec: {policyName: label}
"""
CASES = """\
cases:
- name: labelled, then judged
  object:
    {pod}
  expect: {{allowed: false, message: tall says no}}
- name: changed
  object:
    {config}
  expect: {{allowed: true, contains: {{metadata: {{labels: {{tier: new}}}}}}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    expression = "\"object.metadata.labels['tier'] != 'new' || has(object.spec.tall)\""
    (tmp_path / "policy.yaml").write_text(policy("tall", expression) + MUTATING)
    tall = POD.replace("spec: {", "spec: {tall: 1, ")
    pods = [one.replace("\n", "\n    ") for one in (POD, tall)]
    (tmp_path / "tests.yaml").write_text(CASES.format(pod=pods[0], config=pods[1]))
    return tmp_path


def test_command_shows_both(folder: Path) -> None:
    result = call("test", folder, "--coverage", "--second-opinion")
    assert result.exit_code == 0, result.stdout
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "label variables.tier 'old'" not in lines  # a constant is no part
    assert lines[-4].startswith("coverage: ")
    assert lines[-2].startswith("second opinion: ")
    assert "it cannot parse it" in lines[-1] or "know a name" in lines[-1]


def test_json_has_both(folder: Path) -> None:
    result = call("test", folder, "--coverage", "--second-opinion", "-o", "json")
    value = json.loads(result.stdout)
    assert value["coverage"]["parts"] >= value["coverage"]["reached"] > 0
    assert value["second_opinion"]["disagreements"] == []


def test_junit_has_neither(folder: Path) -> None:
    result = call("test", folder, "--coverage", "-o", "junit")
    assert result.exit_code == 2
    assert "go with table and json" in result.stderr
