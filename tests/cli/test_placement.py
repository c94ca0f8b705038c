"""`propylon placement`: what a person sees, and what CI reads."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.calling import call

SPREADING = "apiVersion: propylon.dev/v1\nkind: Spreading\nmetadata: {name: spread}\n"


def write(folder: Path, name: str, *objects: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(yaml.safe_dump_all(objects))
    return folder


def node(name: str, zone: str) -> Any:
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def deployment(name: str, namespace: str = "shop") -> Any:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": []}},
        },
    }


def pod(app: str, number: int, at: str, namespace: str = "shop") -> Any:
    metadata = {"name": f"{app}-{number}", "namespace": namespace, "labels": {"app": app}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": at}}


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.yaml").write_text(SPREADING)
    return folder


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    return write(
        tmp_path / "objects",
        "all.yaml",
        *(node(f"n{at}", f"z{at % 2}") for at in range(3)),
        deployment("web"),
        deployment("api"),
        deployment("dns", "kube-system"),
        *(pod("web", at, "n0") for at in range(3)),
        pod("web", 3, "n1"),
        *(pod("api", at, f"n{at}") for at in range(3)),
        *(pod("dns", at, "n0", "kube-system") for at in range(3)),
    )


def test_table_shows_what_is_not_as_expected(policies: Path, objects: Path) -> None:
    result = call("placement", "--policies", policies, "--objects", objects)
    assert (result.exit_code, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    headings = " ".join(lines[0].split())
    assert headings == "WORKLOAD TIER RUNNING NODES ZONES TOGETHER SKEW PROBLEM"
    assert " ".join(lines[1].split()) == (
        "Deployment shop/web standard 4 2 2 2 3/2"
        " hostname: 3 on n0, elsewhere 0: 1 apart is allowed;"
        " zone: 3 on z0, elsewhere 1: 1 apart is allowed"
    )
    assert lines[-1] == "2 workloads looked at: 1 not as expected, 2 replicas together"
    assert "api" not in result.stdout


def test_all_shows_the_others_too(policies: Path, objects: Path) -> None:
    result = call("placement", "--policies", policies, "--objects", objects, "--all")
    assert "Deployment shop/api" in result.stdout
    assert "kube-system" not in result.stdout


def test_json_has_every_field(policies: Path, objects: Path) -> None:
    result = call("placement", "--policies", policies, "--objects", objects, "-o", "json", "-a")
    value = json.loads(result.stdout)
    assert (value["looked_at"], value["problems"]) == (2, [])
    api, web = value["workloads"]
    assert (api["name"], api["broken"], api["co_located"]) == ("api", [], 0)
    assert web == {
        "group": "apps",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "tier": "standard",
        "running": 4,
        "nodes": {"n0": 3, "n1": 1},
        "zones": {"z0": 3, "z1": 1},
        "co_located": 2,
        "node_skew": 3,
        "zone_skew": 2,
        "broken": web["broken"],
        "pending": [],
    }


def test_waiting_pods_are_named(policies: Path, tmp_path: Path) -> None:
    web, waiting = deployment("web"), pod("web", 0, "")
    web["metadata"]["annotations"] = {"propylon.dev/spread": "1a2b"}
    message = "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."
    condition = {"type": "PodScheduled", "reason": "Unschedulable", "message": message}
    waiting["status"] = {"phase": "Pending", "conditions": [condition]}
    objects = write(tmp_path / "o", "a.yaml", node("n0", "z0"), web, waiting)
    result = call("placement", "--policies", policies, "--objects", objects)
    assert result.exit_code == 1
    assert "waiting for a place: web-0" in result.stdout


def test_all_well_is_exit_code_0(policies: Path, objects: Path) -> None:
    words = ("placement", "--policies", policies, "--objects", objects, "--namespace", "other")
    result = call(*words)
    assert (result.exit_code, result.stdout) == (0, "no workloads looked at: all as expected\n")


def test_without_a_document_there_is_nothing_to_expect(objects: Path, tmp_path: Path) -> None:
    for words in ([], ["--policies", tmp_path / "none"]):
        (tmp_path / "none").mkdir(exist_ok=True)
        result = call("placement", "--objects", objects, *words)
        assert result.exit_code == 2
        assert "no Spreading document (level template) says what to expect" in result.stderr


def test_broken_documents_and_objects_are_exit_code_2(policies: Path, objects: Path) -> None:
    (policies / "b.yaml").write_text("kind: [")
    (objects / "odd.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: 5\n")
    result = call("placement", "--policies", policies, "--objects", objects)
    assert result.exit_code == 2
    assert "this document has no effect" in result.stderr
    assert "Deployment shop/web" in result.stdout


def test_rights_are_those_that_are_needed(policies: Path) -> None:
    role, other = yaml.safe_load_all(call("placement", "--rights").stdout)
    assert role["rules"][0] == {
        "apiGroups": [""],
        "resources": ["namespaces", "nodes", "pods", "replicationcontrollers"],
        "verbs": ["list"],
    }
    assert {group for rule in role["rules"] for group in rule["apiGroups"]} == {
        "",
        "apps",
        "apps.kruise.io",
        "argoproj.io",
    }
    assert other["metadata"] == {"name": "propylon-placement", "namespace": "propylon-policies"}
    assert call("placement", "--rights", "--policies", policies).exit_code == 0


def test_no_cluster_is_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("nonsense")
    result = call("placement", "--kubeconfig", tmp_path / "kubeconfig")
    assert result.exit_code == 2
    assert "propylon placement: cannot use" in result.stderr


def test_every_needs_a_time_span(policies: Path, objects: Path) -> None:
    result = call("placement", "--policies", policies, "--objects", objects, "--every", "often")
    assert result.exit_code == 2
    assert "no time span" in result.stderr


@pytest.fixture
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_logs_as_before")
def test_a_taken_port_is_said(policies: Path, objects: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        flags = ("--every", "5m", "--health-port", taken.getsockname()[1])
        result = call("placement", "--policies", policies, "--objects", objects, *flags)
    assert result.exit_code == 2
    assert "cannot listen on 127.0.0.1 port" in result.stderr
