"""`propylon env-drift`: what a person sees, and what CI reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.calling import call

RULE = """
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: identity}
spec:
  env: [{name: ZONE, value: "{{cluster.name}}", conflict: override}]
"""


def pod(name: str, namespace: str = "shop", owner: str = "", value: str = "") -> Any:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if owner:
        reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner}
        metadata["ownerReferences"] = [{**reference, "uid": "u", "controller": True}]
    container: dict[str, Any] = {"name": "app", "image": "app:1"}
    if value:
        container["env"] = [{"name": "ZONE", "value": value}]
    spec = {"containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.yaml").write_text(RULE)
    return folder


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    folder = tmp_path / "objects"
    folder.mkdir()
    found = [
        pod("web-1", owner="web-5d4f"),
        pod("web-2", owner="web-5d4f"),
        pod("web-3", owner="web-5d4f", value="old"),
        pod("job"),
        pod("new", value="cn-1"),
        pod("dns", "kube-system"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}},
    ]
    (folder / "all.yaml").write_text(yaml.safe_dump_all(found))
    return folder


def drifted(policies: Path, objects: Path, *flags: str) -> Any:
    words = ("--policies", policies, "--objects", objects, "--cluster-name", "cn-1")
    return call("env-drift", *words, *flags)


def test_pods_of_one_controller_are_one_line(policies: Path, objects: Path) -> None:
    result = drifted(policies, objects)
    assert (result.exit_code, result.stderr) == (1, "")
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "PODS OF OLDER THAN THE RULES IN FORCE",
        "1 Pod shop/job container app lacks ZONE (rule identity)",
        "2 ReplicaSet shop/web-5d4f container app lacks ZONE (rule identity)",
        "1 ReplicaSet shop/web-5d4f container app has another ZONE (rule identity)",
        "",
        "5 Pods looked at: 4 older than the rules",
    ]


def test_json_names_each_pod_and_no_value(policies: Path, objects: Path) -> None:
    result = drifted(policies, objects, "-o", "json")
    value = json.loads(result.stdout)
    assert (value["looked_at"], value["problems"], len(value["pods"])) == (5, [], 4)
    assert value["pods"][0] == {
        "namespace": "shop",
        "name": "job",
        "owner": "Pod job",
        "generations": [],
        "variables": ["container app lacks ZONE (rule identity)"],
    }
    assert "old" not in result.stdout
    assert "cn-1" not in result.stdout


def test_nothing_older_is_exit_code_0(policies: Path, objects: Path) -> None:
    result = drifted(policies, objects, "--namespace", "other")
    assert (result.exit_code, result.stdout) == (0, "no Pods looked at: none is older\n")


def test_without_a_document_there_is_nothing_to_compare_with(objects: Path) -> None:
    result = call("env-drift", "--objects", objects)
    assert result.exit_code == 2
    assert "no EnvInjection document says what Pods should have" in result.stderr


def test_broken_documents_are_exit_code_2(policies: Path, objects: Path) -> None:
    (policies / "b.yaml").write_text("kind: [")
    result = drifted(policies, objects)
    assert result.exit_code == 2
    assert "this document has no effect" in result.stderr


def test_rights_are_those_that_are_needed() -> None:
    role, documents = yaml.safe_load_all(call("env-drift", "--rights").stdout)
    assert [rule["resources"] for rule in role["rules"]] == [["namespaces", "pods"], ["configmaps"]]
    assert documents["metadata"]["namespace"] == "propylon-policies"
