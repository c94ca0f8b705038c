"""What the demo plays: kubectl's words, the controller's Pod, diffs, and how surprises are seen."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.builders import deployment
from webhook.demo.apiserver import Answer, Change, Request
from webhook.demo.kubectl import Line, lines
from webhook.demo.playing import DATA, Played, pod_of
from webhook.demo.scenes import SCENES
from webhook.demo.telling import tell
from webhook.demo.yaml_diff import diff
from webhook.rules import RULES

WEB = deployment(name="web")
ROOT = Path(__file__).parents[2]
SHIPPED = {
    "env-cluster": "env-cluster",
    "env-identity": "env-identity",
    "lxcfs": "lxcfs",
    "no-latest-tag": "no-latest-tag",
    "readiness-probes": "readiness-probes",
    "required-labels": "required-labels",
}


def _status(reason: str, **details: Any) -> dict[str, Any]:
    return {"reason": reason, "message": "no", "details": details}


def _said(request: Request, answer: Answer, *words: str) -> list[str]:
    return [one.text for one in lines(request, answer, *words)]


DENIED = 'admission webhook "a.propylon.dev" denied the request: no'
ERRORS: dict[str, tuple[dict[str, Any], str, str]] = {
    "forbidden": (
        _status("Forbidden"),
        "web.yaml",
        f'Error from server (Forbidden): error when creating "web.yaml": {DENIED}',
    ),
    "no file": (_status("Forbidden"), "", f"Error from server (Forbidden): {DENIED}"),
    "no reason": ({"message": "no"}, "", f"Error from server (Forbidden): {DENIED}"),
    "invalid with causes": (
        _status("Invalid", name="web", kind="deployments", causes=[{"message": "no"}]),
        "web.yaml",
        'The deployments "web" is invalid: : no',
    ),
    "invalid without details": (_status("Invalid"), "", f"The request is invalid: {DENIED}"),
}


@pytest.mark.parametrize(("status", "file", "expected"), ERRORS.values(), ids=ERRORS)
def test_refusals_are_worded_as_kubectl_does(
    status: dict[str, Any], file: str, expected: str
) -> None:
    answer = Answer(WEB, denials=[("a.propylon.dev", status)])
    assert _said(Request({}, "CREATE", WEB), answer, file) == [expected]


RESULTS: dict[str, tuple[Request, Any, list[str]]] = {
    "created": (Request({}, "CREATE", WEB), WEB, ["deployment.apps/web created"]),
    "configured": (Request({}, "UPDATE", WEB, {}), WEB, ["deployment.apps/web configured"]),
    "unchanged": (Request({}, "UPDATE", WEB, WEB), WEB, ["deployment.apps/web unchanged"]),
    "deleted": (Request({}, "DELETE", None, WEB), None, ['deployment.apps "web" deleted']),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "value", "expected"), RESULTS.values(), ids=RESULTS)
def test_results_are_worded_as_kubectl_does(
    request_: Request, value: Any, expected: list[str]
) -> None:
    assert _said(request_, Answer(value)) == expected


def test_warnings_come_first() -> None:
    said = _said(Request({}, "CREATE", WEB), Answer(WEB, warnings=["careful"]))
    assert said == ["Warning: careful", "deployment.apps/web created"]


def test_pod_is_what_the_controller_sends() -> None:
    before = deployment(name="web", namespace="shop")
    pod = pod_of(before)
    assert (pod["kind"], pod["metadata"]["name"]) == ("Pod", "web-7c9d8f6b5-x2x9q")
    assert pod["metadata"]["ownerReferences"][0]["controller"] is True
    assert before == deployment(name="web", namespace="shop")


def test_diff_has_an_element_of_a_list_on_one_line() -> None:
    long = {"name": "b" * 60, "path": {"of": "c" * 60}}
    before = {"a": 1, "env": [{"name": "A", "from": {"x": 1}}], "z": {}, "last": 1}
    after = {"a": 2, "env": [{"name": "A", "from": {"x": 1}}, long], "z": {}, "last": 2}
    assert diff(before, after) == [
        "-a: 1",
        "+a: 2",
        " env:",
        "   - {name: A, from: {x: 1}}",
        f"+  - name: {'b' * 60}",
        f"+    path: {{of: {'c' * 60}}}",
        " z: {}",
        "-last: 1",
        "+last: 2",
    ]


def test_diff_says_where_lines_miss() -> None:
    before = {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}
    assert "  ..." in diff(before, {**before, "a": 2, "f": 2})


def test_every_rule_has_a_scene() -> None:
    rules = " ".join(one.rule for one in SCENES)
    for rule in RULES:
        assert rule.kind in rules
    assert "CEL" in rules


@pytest.mark.parametrize("name", SHIPPED)
def test_documents_are_the_shipped_ones(name: str) -> None:
    shipped = (ROOT / "policies" / SHIPPED[name] / "policy.yaml").read_text()
    assert (DATA / "documents" / f"{name}.yaml").read_text() == shipped


FIRST = SCENES[0]
TOLD = tuple(Line("result", text) for text in FIRST.told)
CHANGES = (Change("spread.propylon.dev", {}, {"topologySpreadConstraints": [{"a": [{}]}]}),)
SURPRISES: dict[str, tuple[Played, str]] = {
    "nothing told": (Played(FIRST, ()), "0 lines were told, not 1"),
    "another line": (
        Played(FIRST, (Line("error", "boom"),)),
        "told was 'boom', without 'deployment.apps/checkout created'",
    ),
    "nothing changed": (Played(FIRST, TOLD), "nothing changed '+ topologySpreadConstraints:'"),
    "something else changed": (Played(FIRST, TOLD, CHANGES), "changed '+ revisionHistoryLimit: 5'"),
}


@pytest.mark.parametrize(("played", "expected"), SURPRISES.values(), ids=SURPRISES)
def test_surprises_are_seen_and_shown(played: Played, expected: str) -> None:
    assert any(expected in one for one in played.surprises)
    output = io.StringIO()
    tell(Console(file=output, soft_wrap=True), 1, played)
    assert "NOT AS TOLD: " in output.getvalue()


COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "result": "\x1b[32m"}


@pytest.mark.parametrize(("kind", "colour"), COLOURS.items(), ids=COLOURS)
def test_colours_are_used_on_a_terminal(kind: str, colour: str) -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, color_system="standard", _environ={})
    tell(console, 1, Played(FIRST, (Line(kind, "said"),)))
    assert f"{colour}   said" in output.getvalue()
