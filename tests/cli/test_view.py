"""`propylon view` and `propylon gitops-ignore`: what is read, what is shown, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.builders import container, deployment, pod
from webhook.cli import command_line

RUNNER = CliRunner()
WEB = deployment(
    container(imagePullPolicy="Always", image="web:1"), replicas=3, revisionHistoryLimit=5
)
HIDE = """
apiVersion: propylon.dev/v1
kind: HiddenFields
metadata: {name: a}
spec: {catalogue: [{path: spec.replicas, kinds: [Deployment], owner: O, preset: freeze}]}
"""
ENV = """
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: cluster}
spec: {env: [{name: CLUSTER, value: cn-1}]}
"""
LXCFS = """
apiVersion: propylon.dev/v1
kind: LxcfsInjection
metadata: {name: lxcfs}
spec: {}
"""
MEMINFO = {"name": "lxcfs-meminfo", "mountPath": "/proc/meminfo", "readOnly": True}
INJECTED = pod(
    container(
        env=[{"name": "CLUSTER", "value": "cn-1"}, {"name": "MINE", "value": "1"}],
        volumeMounts=[MEMINFO],
    ),
    volumes=[
        {
            "name": "lxcfs-meminfo",
            "hostPath": {"path": "/var/lib/lxcfs/proc/meminfo", "type": "File"},
        }
    ],
)
KUBECTL = """#!/bin/sh
echo "$@" >> {calls}
if [ "$2" = namespace ]; then cat {folder}/namespace.json; exit 0; fi
if [ "$2" = gone ]; then echo 'Error from server (NotFound): gone' >&2; exit 1; fi
cat {folder}/object.json
"""
ENABLED = {"metadata": {"name": "shop", "labels": {"propylon.dev/lxcfs": "enabled"}}}


def call(*words: str, given: str | None = None) -> Any:
    return RUNNER.invoke(command_line(words), list(words), input=given)


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    for name, text in (("hide", HIDE), ("env", ENV), ("lxcfs", LXCFS)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(yaml.safe_dump(WEB))
    return path


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl that answers from files and writes down how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "kubectl"
    path.write_text(KUBECTL.format(calls=folder / "calls", folder=folder))
    path.chmod(0o755)
    (folder / "object.json").write_text(json.dumps(INJECTED))
    (folder / "namespace.json").write_text(json.dumps(ENABLED))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "calls"


def test_view_of_a_manifest(manifest: Path) -> None:
    result = call("view", "--file", str(manifest))
    assert result.exit_code == 0
    seen = yaml.safe_load(result.output)
    assert seen["spec"]["replicas"] == 3
    assert "revisionHistoryLimit" not in seen["spec"]
    assert "imagePullPolicy" not in seen["spec"]["template"]["spec"]["containers"][0]


def test_view_of_standard_input_as_json(policies: Path) -> None:
    text = f"{yaml.safe_dump(WEB)}---\n{yaml.safe_dump(pod(name='other'))}"
    result = call(
        "view", "-f", "-", "-o", "json", "--policies", str(policies), "--role", "developer",
        given=text,
    )  # fmt: skip
    first, second = json.loads(result.output)["items"]
    assert "replicas" not in first["spec"]
    assert second["metadata"]["name"] == "other"


def test_view_of_one_object_as_json(manifest: Path) -> None:
    assert (
        json.loads(call("view", "-f", str(manifest), "-o", "json").output)["kind"] == "Deployment"
    )


def test_c_33_view_of_a_live_pod(calls: Path, policies: Path) -> None:
    """What rules put into a Pod is not shown, with the Namespace as it is in the cluster."""
    words = ("--namespace", "shop", "--context", "c", "--kubeconfig", "k")
    result = call("view", "pod/web", *words, "--policies", str(policies))
    assert result.exit_code == 0
    spec = yaml.safe_load(result.output)["spec"]
    assert spec == {"containers": [container(env=[{"name": "MINE", "value": "1"}])]}
    assert calls.read_text().splitlines() == [
        "get pod/web --output json --namespace shop --context c --kubeconfig k",
        "get namespace shop --output json --namespace shop --context c --kubeconfig k",
    ]


def test_c_33_view_of_a_workload(calls: Path, policies: Path) -> None:
    """Files of lxcfs are put into Pods alone: a template has none, and none is looked for."""
    (calls.parent / "object.json").write_text(json.dumps(WEB))
    result = call("view", "deployment/web", "--policies", str(policies))
    assert result.exit_code == 0
    assert "lxcfs" not in result.output
    template = yaml.safe_load(result.output)["spec"]["template"]["spec"]
    assert template == {"containers": [container(image="web:1")]}


def test_view_of_what_was_injected_into_a_manifest(policies: Path) -> None:
    given = yaml.safe_dump(INJECTED)
    result = call("view", "-f", "-", "--policies", str(policies), given=given)
    seen = yaml.safe_load(result.output)["spec"]["containers"][0]
    assert seen["env"] == [{"name": "MINE", "value": "1"}]


def test_view_of_a_kind_that_no_rule_knows(policies: Path) -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {}}
    result = call("view", "-f", "-", "--policies", str(policies), given=yaml.safe_dump(config_map))
    assert yaml.safe_load(result.output) == config_map


def test_view_of_a_live_list(calls: Path) -> None:
    listed = {"kind": "List", "items": [INJECTED, INJECTED]}
    (calls.parent / "object.json").write_text(json.dumps(listed))
    assert len(list(yaml.safe_load_all(call("view", "pods").output))) == 2


def test_explain(manifest: Path) -> None:
    lines = call("view", "-f", str(manifest), "--explain").output.splitlines()
    assert lines == [
        "Deployment web:",
        "  spec.revisionHistoryLimit  (owner I: etcd size)",
        "  spec.template.spec.containers[0: app].imagePullPolicy  (owner I: registry load)",
    ]


def test_explain_of_an_open_object(manifest: Path) -> None:
    result = call("view", "-f", str(manifest), "--explain", "--role", "platform")
    assert result.output.splitlines() == ["Deployment web:", "  nothing is hidden"]


def test_diff(manifest: Path, tmp_path: Path) -> None:
    local = tmp_path / "local.yaml"
    local.write_text(yaml.safe_dump({**WEB, "spec": {**WEB["spec"], "replicas": 4}}))
    result = call("view", "-f", str(manifest), "--diff", str(local))
    assert result.exit_code == 1
    assert "-  replicas: 3\n+  replicas: 4\n" in result.output
    same = call("view", "-f", str(manifest), "--diff", str(manifest))
    assert (same.exit_code, same.output) == (0, "")


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing": ((), "give one of: a live object (deployment/web), or a manifest (--file)"),
    "both": (("pod/web", "-f", "x.yaml"), "give one of"),
    "no such file": (("-f", "nowhere.yaml"), "nowhere.yaml: No such file"),
    "no such object": (("gone",), "Error from server (NotFound): gone"),
    "no such directory": (("-f", "-", "--policies", "nowhere"), "nowhere"),
    "broken manifest": (("-f", "-"), "standard input:"),
}


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("calls")
def test_refused(words: tuple[str, ...], message: str) -> None:
    result = call("view", *words, given="a: [")
    assert result.exit_code == 2
    assert message in result.output


def test_documents_with_errors_are_refused(manifest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "a.yaml").write_text(HIDE.replace("freeze", "frieze"))
    result = call("view", "-f", str(manifest), "--policies", str(folder))
    assert result.exit_code == 2
    assert "must be one of" in result.output


def test_kubectl_finds_the_plugin(manifest: Path) -> None:
    plugin = Path(sys.executable).parent / "kubectl-propylon"
    words = ("view", "--file", str(manifest), "--explain")
    done = subprocess.run([plugin, *words], capture_output=True, text=True, check=True)
    assert done.stdout == call(*words).output


def test_no_kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = call("view", "pod/web")
    assert result.exit_code == 2
    assert "cannot run kubectl" in result.output


TOOLS = {"all": (True, True), "argocd": (True, False), "flux": (False, True)}


@pytest.mark.parametrize(("tool", "expected"), TOOLS.items(), ids=TOOLS)
def test_gitops_ignore(tool: str, expected: tuple[bool, bool], policies: Path) -> None:
    result = call("gitops-ignore", "--tool", tool, "--policies", str(policies))
    assert result.exit_code == 0
    documents = list(yaml.safe_load_all(result.output))
    kinds = ["argocd-cm" if "data" in one else "flux" for one in documents]
    assert ("argocd-cm" in kinds, "flux" in kinds) == expected


def test_gitops_ignore_follows_the_document(policies: Path) -> None:
    key = "resource.customizations.ignoreDifferences.apps_Deployment"
    texts = [
        yaml.safe_load(call("gitops-ignore", "--tool", "argocd", *words).output)["data"][key]
        for words in ((), ("--policies", str(policies)))
    ]
    assert ['".spec.replicas"' in text for text in texts] == [False, True]
    assert all("spec.template.spec.nodeSelector" in text for text in texts)
