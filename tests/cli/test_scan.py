"""`propylon scan` over manifests: what a person sees, and what CI reads."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.calling import call
from tests.offline.texts import POD, policy

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: other}\n"
ODD = "apiVersion: v1\nkind: Pod\nmetadata: 5\n"


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.yaml").write_text(
        policy("tall")
        + "---\n"
        + policy("soft", "object.kind != 'Pod'", "Warn")
        + "---\n"
        + policy("quiet", "object.kind != 'ConfigMap'", "Audit")
    )
    return folder


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "x.yaml").write_text(POD)
    (folder / "pod.yml").write_text(f"{POD}---\n{CONFIG}")
    tall = POD.replace("spec: {", "spec: {tall: 1, ").replace("name: web", "name: tall")
    (folder / "list.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [_json(tall)]})
    )
    (folder / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    )
    (folder / "values.yaml").write_text("- replicas\n---\nreplicas: 3\n")
    return folder


def _json(text: str) -> object:
    import yaml

    return yaml.safe_load(text)


def test_table(policies: Path, manifests: Path) -> None:
    result = call("scan", manifests, "--policies", policies)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        "  ACTION  POLICY  MESSAGE",
        f"Pod shop/tall ({manifests}/list.json:1)",
        "  Warn    soft    soft says no",
        f"Pod shop/web ({manifests}/pod.yml:1)",
        "  Deny    tall    tall says no",
        "  Warn    soft    soft says no",
        f"ConfigMap other/c ({manifests}/pod.yml:6)",
        "  Deny    tall    expression 'has(object.spec.tall)' resulted in error: no such key: spec",
        "  Audit   quiet   quiet says no",
        "",
        "3 objects scanned: 2 would be denied, 1 would be warned about",
    ]


CODES = {
    "deny": ("tall", 1),
    "warn": ("tall", 1),
    "never": ("tall", 0),
    "deny, only warned": ("list", 0),
    "warn, only warned": ("list", 1),
    "audit, only warned": ("list", 1),
}


@pytest.mark.parametrize(("what", "code"), CODES.values(), ids=CODES)
def test_exit_code(
    what: str, code: int, policies: Path, manifests: Path, request: pytest.FixtureRequest
) -> None:
    fail_on = request.node.callspec.id.partition(",")[0]
    path = manifests / ("list.json" if what == "list" else "pod.yml")
    result = call("scan", path, "--policies", policies, "--fail-on", fail_on)
    assert result.exit_code == code


def test_nothing_found(policies: Path) -> None:
    node = "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n"
    result = call("scan", "-", "--policies", policies, stdin=node)
    assert (result.exit_code, result.stdout) == (0, "1 object scanned: nothing found\n")


def test_empty_list_holds_nothing(policies: Path) -> None:
    empty = "apiVersion: v1\nkind: PodList\nitems:\n"
    result = call("scan", "-", "--policies", policies, stdin=empty)
    assert (result.exit_code, result.stdout) == (0, "no objects scanned: nothing found\n")


def test_one_namespace(policies: Path, manifests: Path) -> None:
    result = call("scan", manifests, "--policies", policies, "-n", "other")
    assert "1 object scanned: 1 would be denied" in result.stdout


def test_what_cannot_be_judged_is_said(policies: Path) -> None:
    result = call("scan", "-", "--policies", policies, stdin=f"{ODD}---\na: 1\na: 2\n")
    assert result.exit_code == 2
    assert "not scanned: <stdin>:6:1: the key is there twice" in result.stderr
    assert "not judged: <stdin>:1: Pod ?: request.object.metadata" in result.stderr


def test_broken_policies_are_said_and_the_others_judge(policies: Path) -> None:
    (policies / "b.yaml").write_text(policy("broken", "objekt.x == 1"))
    result = call("scan", "-", "--policies", policies, stdin=POD)
    assert result.exit_code == 2
    assert "this document judges nothing: " in result.stderr
    assert "1 error in documents" in result.stderr
    assert "tall says no" in result.stdout
    assert call("scan", "--rights", "--policies", policies).exit_code == 2


def test_json(policies: Path, manifests: Path) -> None:
    result = call("scan", manifests / "pod.yml", "--policies", policies, "-o", "json")
    value = json.loads(result.stdout)
    assert (value["complete"], value["problems"]) == (True, [])
    first = value["objects"][0]
    assert (first["kind"], first["namespace"], first["name"], first["line"]) == (
        "Pod",
        "shop",
        "web",
        1,
    )
    assert first["findings"][0] == {
        "action": "Deny",
        "policy": "tall",
        "message": "tall says no",
        "path": "",
    }
    odd = json.loads(call("scan", "-", "--policies", policies, "-o", "json", stdin=ODD).stdout)
    assert odd["objects"][0]["problem"].startswith("request.object.metadata")


def test_sarif(policies: Path, manifests: Path) -> None:
    result = call("scan", manifests / "pod.yml", "--policies", policies, "-o", "sarif")
    value = json.loads(result.stdout)
    assert (value["version"], value["$schema"][-16:]) == ("2.1.0", "sarif-2.1.0.json")
    (run,) = value["runs"]
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
    assert rules == ["quiet", "soft", "tall"]
    assert run["invocations"] == [{"executionSuccessful": True}]
    results = [(rules[one["ruleIndex"]], one["ruleId"], one["level"]) for one in run["results"]]
    assert results == [
        ("tall", "tall", "error"),
        ("soft", "soft", "warning"),
        ("tall", "tall", "error"),
        ("quiet", "quiet", "note"),
    ]
    place = run["results"][2]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 6}
    odd = json.loads(call("scan", "-", "--policies", policies, "-o", "sarif", stdin=ODD).stdout)
    (invocation,) = odd["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "metadata" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_junit(policies: Path, manifests: Path) -> None:
    broken = manifests / "broken.yaml"
    broken.write_text("a: [")
    result = call("scan", manifests, "--policies", policies, "-o", "junit")
    root = ET.fromstring(result.stdout)
    assert root.attrib["failures"] == "3"  # two objects, and the file that cannot be read
    web = root.find(".//testcase[@name='shop/web']")
    assert web is not None
    assert [one.tag for one in web] == ["failure", "system-out"]
    assert web[1].text == "Warn soft: soft says no"


def test_facts_come_from_the_manifests_and_from_a_directory(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    expression = "\"namespaceObject.metadata.labels['tier'] == 'gold'\""
    (tmp_path / "policies" / "a.yaml").write_text(policy("gold", expression))
    (tmp_path / "objects").mkdir()
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {tier: gold}}\n"
    (tmp_path / "objects" / "a.yaml").write_text(space)
    words = ("scan", "-", "--policies", tmp_path / "policies")
    assert call(*words, stdin=POD).exit_code == 1
    assert call(*words, stdin=f"{POD}---\n{space}").exit_code == 0
    assert call(*words, "--objects", tmp_path / "objects", stdin=POD).exit_code == 0


def test_user_and_operation(tmp_path: Path) -> None:
    expression = "request.operation + request.userInfo.username == 'UPDATEalice'"
    text = policy("who", f'"{expression}"').replace("CREATE", "UPDATE")
    (tmp_path / "a.yaml").write_text(text)
    words = ("scan", "-", "--policies", tmp_path)
    assert call(*words, "--operation", "update", stdin=POD).exit_code == 1
    assert call(*words, stdin=POD).exit_code == 0  # not about what is created
    assert call(*words, "--operation", "update", "--user", "alice", stdin=POD).exit_code == 0


def test_warnings_of_rules_are_findings(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "apiVersion: propylon.dev/v1\nkind: EnvInjection\nmetadata: {name: a}\n"
        "spec: {conflict: override, env: [{name: A, value: new}]}\n"
    )
    pod = POD.replace("name: app,", "name: app, env: [{name: A, value: old}],")
    result = call("scan", "-", "--policies", tmp_path, stdin=pod)
    assert result.exit_code == 0
    assert "Warn    EnvInjection/a  env: container app: A replaced" in result.stdout
    assert "1 would be warned about, 1 would be changed" in result.stdout


def test_unreadable_file_of_a_directory(policies: Path, manifests: Path) -> None:
    (manifests / "bad.yaml").symlink_to(manifests / "bad.yaml")
    (manifests / "gone").mkdir()
    result = call("scan", manifests, "--policies", policies)
    assert result.exit_code == 1  # a link to itself is no file
    (manifests / "gone" / "a.yaml").symlink_to("/proc/self/mem")
    result = call("scan", manifests, "--policies", policies)
    assert result.exit_code == 2
    assert "propylon scan: " in result.stderr


WRONG = {
    "no file": (("/no/such.yaml",), "propylon scan: /no/such.yaml: No such file"),
    "kubeconfig": (("--kubeconfig", "/no/such"), "propylon scan: cannot use /no/such"),
}


@pytest.mark.parametrize(("words", "text"), WRONG.values(), ids=WRONG)
def test_wrong_words(words: tuple[str, ...], text: str, policies: Path) -> None:
    result = call("scan", *words, "--policies", policies)
    assert result.exit_code == 2
    assert text in result.stderr


def test_rights_need_no_cluster(policies: Path) -> None:
    result = call("scan", "--rights", "--policies", policies)
    assert result.exit_code == 0
    assert "kind: ClusterRole" in result.stdout
