"""Scanning a cluster: pages, exactly what the policies are about, problems that stay in sight."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import namespace, pod
from tests.cli.calling import call
from tests.edge.fake_api import Failure, FakeApi, forbidden, running
from tests.offline.texts import policy
from webhook.cluster import client
from webhook.cluster.catalogue import read_catalogue
from webhook.cluster.client import Cluster
from webhook.cluster.resources import CONFIG_MAPS, NAMESPACES, Resource
from webhook.model import Document, Platform
from webhook.offline.reach import needed_rights, reached
from webhook.registration import registrations
from webhook.snapshot import Snapshot, build

PODS = Resource("", "v1", "pods", "Pod")
BUDGETS = Resource("example.com", "v1", "budgets", "Budget")
OLD_BUDGETS = Resource("example.com", "v1beta1", "budgets", "Budget")
TIERS = Resource("example.com", "v1", "tiers", "Tier", namespaced=False)


@pytest.fixture
def api() -> FakeApi:
    api = FakeApi()
    api.resources.append(PODS)
    api.put(NAMESPACES, namespace("shop", {"tier": "gold"}))
    return api


@pytest.fixture
async def cluster(api: FakeApi, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with running(api, tmp_path) as connected:
        yield connected


async def scan(tmp_path: Path, *words: object) -> Any:
    """Run the command in a thread: the API server runs in this one."""
    words = ("scan", "--kubeconfig", tmp_path / "kubeconfig", *words)
    return await asyncio.to_thread(call, *words)


def publish(api: FakeApi, *texts: str) -> None:
    metadata = {
        "name": "team",
        "namespace": "propylon-policies",
        "labels": {"propylon.dev/policies": "true"},
    }
    data = {f"{at}.yaml": text for at, text in enumerate(texts)}
    api.put(CONFIG_MAPS, {"metadata": metadata, "data": data})


GOLD = "\"namespaceObject.metadata.labels['tier'] == 'gold' && object.metadata.name != 'p1'\""


async def test_policies_in_force_judge_what_is_there(
    api: FakeApi, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    publish(api, policy("gold", GOLD))
    for at in range(5):
        api.put(PODS, pod(name=f"p{at}"))
    result = await scan(tmp_path)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines()[1:] == [
        "Pod shop/p1",
        "  Deny    gold    gold says no",
        "",
        "6 objects scanned: 1 would be denied",
    ]
    assert api.count("GET api/v1/pods?") == 3
    assert api.count("budgets") == 0
    assert api.count("GET api/v1/namespaces/shop") == 0  # all were listed at once


async def test_one_namespace_is_listed_alone(
    api: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    api.put(TIERS, {"metadata": {"name": "t"}})
    publish(api, policy("gold", GOLD), about("tier", "example.com", "v1", "tiers"))
    result = await scan(tmp_path, "-n", "shop", "-o", "sarif")
    assert api.count("tiers") == 0
    assert result.exit_code == 0
    assert api.count("GET api/v1/namespaces/shop/pods?") == 1
    assert api.count("GET api/v1/pods?") == 0


async def test_found_in_a_cluster_has_a_logical_place(
    api: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    publish(api, policy("gold", GOLD))
    api.put(PODS, pod(name="p1"))
    value = json.loads((await scan(tmp_path, "-o", "sarif")).stdout)
    (found,) = value["runs"][0]["results"]
    names = [{"fullyQualifiedName": "Pod/shop/p1", "kind": "object"}]
    assert found["locations"] == [{"logicalLocations": names}]


async def test_missing_rights_are_said_and_the_rest_is_scanned(
    api: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    publish(api, policy("gold", GOLD))
    api.put(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "shop"}})
    api.fail("GET api/v1/pods", forbidden("pods is forbidden"))
    api.fail("GET apis/example.com/v1", Failure(503))
    result = await scan(tmp_path)
    assert result.exit_code == 2
    assert "not scanned: pods: GET " in result.stderr
    assert "`propylon scan --rights` prints the roles" in result.stderr
    assert "not scanned: GET " in result.stderr
    assert "2 objects scanned" in result.stdout


async def test_manifests_are_judged_with_facts_of_the_cluster(
    api: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    publish(api, policy("gold", GOLD))
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(pod(name="p2")))
    assert (await scan(tmp_path, file)).exit_code == 0
    plain = json.dumps(namespace("shop"))
    file.write_text(f"{json.dumps(pod(name='p2'))}\n---\n{plain}")
    assert (await scan(tmp_path, file)).exit_code == 1  # as the manifests would make it


async def test_parameters_are_asked_for_once(
    api: FakeApi, cluster: Cluster, tmp_path: Path
) -> None:
    text = policy("limit", "params.spec.tall == 3")
    kind = "spec:\n  paramKind: {apiVersion: example.com/v1, kind: Tier}\n  match"
    text = text.replace("spec:\n  match", kind, 1)
    publish(api, text + "  paramRef: {name: limit, parameterNotFoundAction: Deny}\n")
    api.put(TIERS, {"metadata": {"name": "limit"}, "spec": {"tall": 3}})
    for at in range(3):
        api.put(PODS, pod(name=f"p{at}"))
    result = await scan(tmp_path)
    assert result.exit_code == 0, result.stdout
    assert api.count("GET apis/example.com/v1/tiers/limit") == 1


async def test_catalogue_has_the_preferred_version_first(api: FakeApi, cluster: Cluster) -> None:
    api.resources[:] = [OLD_BUDGETS, BUDGETS, PODS]
    found = await read_catalogue(cluster)
    assert found.problems == ()
    assert found.resources == (PODS, BUDGETS, OLD_BUDGETS)


async def test_no_discovery_is_an_error(api: FakeApi, cluster: Cluster, tmp_path: Path) -> None:
    publish(api, policy("gold", GOLD))
    api.fail("GET apis", Failure(500))
    result = await scan(tmp_path)
    assert result.exit_code == 2
    assert "propylon scan: GET " in result.stderr


def snapshot_of(*texts: str) -> Snapshot:
    documents = [Document(str(at), text) for at, text in enumerate(texts)]
    snapshot = build(documents, None, Platform())
    assert [str(one) for one in snapshot.errors] == []
    return snapshot


def about(name: str, group: str, version: str, resource: str) -> str:
    text = policy(name).replace("[pods, configmaps]", f"[{resource}]")
    return text.replace('apiGroups: [""]', f'apiGroups: ["{group}"]').replace(
        "apiVersions: [v1]", f'apiVersions: ["{version}"]'
    )


REACHED = {
    "any version": (("*",), [BUDGETS]),
    "the old one": (("v1beta1",), [OLD_BUDGETS]),
    "each its own": (("v1", "v1beta1"), [BUDGETS, OLD_BUDGETS]),
}


@pytest.mark.parametrize(("versions", "expected"), REACHED.values(), ids=REACHED)
def test_each_resource_is_listed_in_the_version_that_is_asked_for(
    versions: tuple[str, ...], expected: list[Resource]
) -> None:
    texts = [about(f"p{at}", "example.com", one, "budgets") for at, one in enumerate(versions)]
    served = (PODS, BUDGETS, OLD_BUDGETS, TIERS, CONFIG_MAPS)
    assert list(reached(served, registrations(snapshot_of(*texts)), "CREATE")) == expected


def test_rights_are_exactly_what_a_scan_does() -> None:
    limit = policy("limit", "authorizer.path('/x').check('get').allowed() && params.a == 1")
    kind = "spec:\n  paramKind: {apiVersion: example.com/v1, kind: Tier}\n  match"
    limit = limit.replace("spec:\n  match", kind, 1)
    bindings = [
        limit + "  paramRef: {name: limit, parameterNotFoundAction: Deny}\n",
        limit.split("---\n")[1].replace("name: limit", "name: other", 1)
        + "  paramRef: {selector: {}, parameterNotFoundAction: Deny}\n",
    ]
    everything = about("all", "*", "*", "'*', pods/status")
    snapshot = snapshot_of(*bindings, everything)
    cluster_role, role = needed_rights(snapshot, registrations(snapshot))
    rules = [(one["apiGroups"], one["resources"], one["verbs"]) for one in cluster_role["rules"]]
    assert rules == [
        ([""], ["configmaps", "namespaces", "pods"], ["list"]),
        (["*"], ["*"], ["list"]),
        (["example.com"], ["tiers"], ["get"]),
        (["example.com"], ["tiers"], ["list"]),
        (["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
    ]
    assert role["metadata"]["namespace"] == "propylon-policies"
    assert role["rules"][0]["resources"] == ["configmaps"]


def test_rights_for_subresources_alone_are_none() -> None:
    snapshot = snapshot_of(about("sub", "apps", "v1", "deployments/status"))
    cluster_role, _ = needed_rights(snapshot, registrations(snapshot))
    assert [one["resources"] for one in cluster_role["rules"]] == [["namespaces"]]
