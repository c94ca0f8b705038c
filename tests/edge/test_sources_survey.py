"""The report of rule D from a cluster: which kinds are read, and what may not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builders import namespace, pod
from tests.edge.fake_api import FakeApi, forbidden, running
from tests.rules.spreading import config, node, workload
from webhook.cluster.client import Cluster
from webhook.cluster.resources import CONFIG_MAPS, NAMESPACES, Resource
from webhook.model import Platform
from webhook.offline.placements import Wanted, look_around
from webhook.rules.spread import Config
from webhook.sources.survey import ClusterReader, Survey, reader_of, survey

NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
PODS = Resource("", "v1", "pods", "Pod")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
CLONE_SETS = Resource("apps.kruise.io", "v1alpha1", "clonesets", "CloneSet")
SPREADING = "apiVersion: propylon.dev/v1\nkind: Spreading\nmetadata: {name: spread}\n"


@pytest.fixture
def shop(api: FakeApi) -> FakeApi:
    """Return a cluster with a Deployment whose two Pods are on one of two nodes."""
    api.resources += [NODES, PODS, DEPLOYMENTS, CLONE_SETS]
    api.put(NAMESPACES, namespace("shop"))
    for name in ("n0", "n1"):
        api.put(NODES, node(name))
    api.put(DEPLOYMENTS, workload())
    for number in range(2):
        one = pod(name=f"web-{number}", labels={"app": "web"}, nodeName="n0")
        api.put(PODS, one)
    return api


async def surveyed(cluster: Cluster, built: Config | None = None, namespace: str = "") -> Survey:
    built = built or config()
    reader, problems = await reader_of(cluster, built, namespace)
    found = await survey(reader, built, Platform())
    return Survey(found.placements, (*problems, *found.problems))


async def test_everything_is_read_once(shop: FakeApi, cluster: Cluster) -> None:
    found = await surveyed(cluster)
    (placement,) = found.placements
    assert (placement.name, placement.running, placement.co_located) == ("web", 2, 1)
    assert found.problems == ()
    assert shop.count("GET api/v1/pods?") == 1
    assert shop.count("GET apis/apps.kruise.io/v1alpha1/clonesets") == 1


async def test_one_namespace(shop: FakeApi, cluster: Cluster) -> None:
    assert (await surveyed(cluster, namespace="other")).placements == ()
    assert shop.count("GET api/v1/namespaces/other/pods") == 1


async def test_progress_is_told(shop: FakeApi, cluster: Cluster) -> None:
    told: list[Any] = []
    reader = ClusterReader(cluster, (PODS,), moved=lambda *what: told.append(what))
    assert len([one async for one in reader.read("", ("v1",), "Pod")]) == 2
    assert told == [("pods", 2, 2)]


async def test_an_added_kind_in_any_version(shop: FakeApi, cluster: Cluster) -> None:
    reader = ClusterReader(cluster, (DEPLOYMENTS,))
    assert len([one async for one in reader.read("apps", ("v2", "*"), "Deployment")]) == 1
    assert not [one async for one in reader.read("apps", ("v2",), "Deployment")]


async def test_a_workload_that_may_not_be_listed_is_a_problem(
    shop: FakeApi, cluster: Cluster
) -> None:
    shop.fail("clonesets", forbidden("no clonesets for you"))
    found = await surveyed(cluster)
    assert len(found.placements) == 1
    assert "no clonesets for you" in found.problems[0]


async def test_without_pods_nothing_is_said(shop: FakeApi, cluster: Cluster) -> None:
    shop.fail("v1/pods", forbidden("no pods for you"))
    found = await surveyed(cluster)
    assert found.placements == ()
    assert "no pods for you" in found.problems[0]


async def test_a_broken_group_is_a_problem_only_when_it_is_needed(
    shop: FakeApi, cluster: Cluster
) -> None:
    shop.resources.append(Resource("metrics.k8s.io", "v1", "nodes", "NodeMetrics"))
    shop.fail("GET apis/metrics.k8s.io", forbidden("down"))
    assert (await surveyed(cluster)).problems == ()
    shop.fail("GET apis/apps/v1", forbidden("down, too"))
    assert "down, too" in (await surveyed(cluster)).problems[0]


async def test_by_the_documents_in_force(shop: FakeApi, tmp_path: Path) -> None:
    labels = {"propylon.dev/policies": "true"}
    metadata = {"name": "a", "namespace": "propylon-policies", "labels": labels}
    shop.put(CONFIG_MAPS, {"metadata": metadata, "data": {"a.yaml": SPREADING}})
    async with running(shop, tmp_path):
        wanted = Wanted(kubeconfig=tmp_path / "kubeconfig")
        found, errors = await look_around(wanted, lambda *_: None)
    assert errors == ()
    assert [one.broken for one in found.placements] == [
        ("hostname: 2 on n0, elsewhere 0: 1 apart is allowed",)
    ]


async def test_by_a_directory(shop: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.yaml").write_text(SPREADING)
    async with running(shop, tmp_path):
        wanted = Wanted(tmp_path / "policies", kubeconfig=tmp_path / "kubeconfig")
        found, _ = await look_around(wanted, lambda *_: None)
    assert len(found.placements) == 1
