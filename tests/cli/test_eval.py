"""`propylon eval`: values, errors, explanations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import namespace, pod
from tests.cli.calling import call

WEB = json.dumps(pod(labels={"app": "web"}))
OLD = json.dumps(pod(labels={"app": "old"}))
SHOP = json.dumps(namespace("shop", {"tier": "gold"}))
LIMIT = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "data": {"max": "3"}})

VALUES = {
    "no object": ("1 + 1", {}, "2"),
    "text": ("object.metadata.name", {"--object": WEB}, '"web"'),
    "map": ("object.metadata.labels", {"--object": WEB}, '{"app":"web"}'),
    "no JSON": ("[quantity('1Gi'), quantity('2')]", {}, "[1Gi, 2]"),
    "mutation": ("Object{spec: Object.spec{a: 1}}", {}, "Object{spec: Object.spec{a: 1}}"),
    "both": (
        "request.operation + oldObject.metadata.labels.app",
        {"--object": WEB, "--old-object": OLD},
        '"UPDATEold"',
    ),
    "params": ("int(params.data.max)", {"--params": LIMIT}, "3"),
    "namespace": (
        "namespaceObject.metadata.labels.tier",
        {"--object": WEB, "--namespace-object": SHOP},
        '"gold"',
    ),
    "namespace by name": ("namespaceObject.metadata.name", {"--object": WEB}, '"shop"'),
    "nobody to ask": (
        "authorizer.group('').resource('pods').check('get').allowed()",
        {"--object": WEB},
        "false",
    ),
}


@pytest.mark.parametrize(("text", "files", "value"), VALUES.values(), ids=VALUES)
def test_value(text: str, files: dict[str, str], value: str, tmp_path: Path) -> None:
    words = []
    for flag, content in files.items():
        file = tmp_path / f"{flag}.json"
        file.write_text(content)
        words += [flag, str(file)]
    result = call("eval", text, *words)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{value}\n", "")


ERRORS: dict[str, tuple[tuple[str, ...], str, int, str]] = {
    "does not compile": (("objec",), "", 1, "undeclared reference to 'objec'"),
    "no params declared": (("params.x",), "", 1, "undeclared reference to 'params'"),
    "too new": (
        ("isIP('::1')", "--kubernetes-version", "1.28"),
        "",
        1,
        "undeclared reference to 'isIP'",
    ),
    "no such key": (("object.x", "--object", "-"), WEB, 1, "error: no such key: x"),
    "two objects": (("1", "--object", "-"), f"{WEB}\n---\n{OLD}", 2, "-: holds 2 objects"),
    "not YAML": (("1", "--object", "-"), "a: [", 2, "propylon eval: <stdin>:2:1: not YAML"),
    "key twice": (("1", "--object", "-"), "a: 1\na: 1", 2, "<stdin>:2:1: the key is there"),
    "no file": (("1", "--object", "/no/such"), "", 2, "/no/such: No such file or directory"),
    "no object": (
        ("1", "--object", "-"),
        '{"apiVersion": "v1", "kind": "Pod", "metadata": 5}',
        2,
        "propylon eval: request.object.metadata",
    ),
}


@pytest.mark.parametrize(("words", "stdin", "code", "text"), ERRORS.values(), ids=ERRORS)
def test_error(words: tuple[str, ...], stdin: str, code: int, text: str) -> None:
    result = call("eval", *words, stdin=stdin)
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in result.stderr


def test_explanation_shows_what_was_not_reached() -> None:
    text = "object.spec.containers.all(c, c.image == 'x' && c.name == 'y') || object.kind == 'Pod'"
    result = call("eval", text, "--object", "-", "--explain", stdin=WEB)
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "VALUE PART"
    assert f"true {text}" in lines
    assert "not reached c.name == 'y'" in lines
    assert "not reached object" not in lines
    assert result.stdout.endswith("\n\ntrue\n")


JSON: dict[str, tuple[str, dict[str, Any]]] = {
    "value": ("1 + 1", {"value": "2", "type": "int", "cost": 1}),
    "error": ("1 / 0", {"error": "division by zero", "cost": 1}),
}


@pytest.mark.parametrize(("text", "expected"), JSON.values(), ids=JSON)
def test_json(text: str, expected: dict[str, Any]) -> None:
    assert json.loads(call("eval", text, "-o", "json").stdout) == expected


def test_json_with_parts() -> None:
    value = json.loads(call("eval", "true ? 1 + 1 : 2 / 0", "-o", "json", "--explain").stdout)
    assert value["parts"][1:] == [
        {"part": "1 + 1", "value": "2"},
        {"part": "2 / 0", "value": "not reached"},
    ]
    failed = json.loads(call("eval", "1 / 0", "-o", "json", "--explain").stdout)
    assert failed["parts"] == [{"part": "1 / 0", "value": "error: division by zero"}]
