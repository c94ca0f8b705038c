"""The report `env-drift` from a cluster: pages of Pods, facts that are asked for once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.builders import container, namespace, pod
from tests.edge.fake_api import FakeApi, forbidden, running
from webhook.cluster.resources import CONFIG_MAPS, NAMESPACES
from webhook.offline.env_drift import PODS, Report, Wanted, look_for_drift

RULE = """
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: identity}
spec:
  respectEnvFrom: true
  env: [{name: ZONE, value: z1}]
"""
SOURCES = [{"configMapRef": {"name": "settings"}}]


@pytest.fixture
def shop(api: FakeApi) -> FakeApi:
    """Return a cluster with a Pod that lacks a variable, and one that has it from a ConfigMap."""
    api.resources.append(PODS)
    api.put(NAMESPACES, namespace("shop"))
    labels = {"propylon.dev/policies": "true"}
    metadata = {"name": "a", "namespace": "propylon-policies", "labels": labels}
    api.put(CONFIG_MAPS, {"metadata": metadata, "data": {"a.yaml": RULE}})
    settings = {"metadata": {"name": "settings", "namespace": "shop"}, "data": {"ZONE": "z2"}}
    api.put(CONFIG_MAPS, settings)
    api.put(PODS, pod(name="bare"))
    for number in range(2):
        api.put(PODS, pod(container(envFrom=SOURCES), name=f"web-{number}"))
    return api


async def looked(api: FakeApi, folder: Path, told: Any = None, **fields: Any) -> Report:
    async with running(api, folder):
        wanted = Wanted(kubeconfig=folder / "kubeconfig", **fields)
        report, errors = await look_for_drift(wanted, told or (lambda *_: None))
    assert errors == ()
    return report


async def test_pods_are_compared_with_the_rules_in_force(shop: FakeApi, tmp_path: Path) -> None:
    told: list[Any] = []
    report = await looked(shop, tmp_path, lambda *what: told.append(what))
    assert [one.name for one in report.pods] == ["bare"]
    assert (report.looked_at, report.problems) == (3, ())
    assert shop.count("configmaps/settings") == 1
    assert told == [("pods", 3, 3)]


async def test_with_documents_of_a_directory(shop: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.yaml").write_text(RULE.replace("ZONE", "OTHER"))
    report = await looked(shop, tmp_path, policies=tmp_path / "policies")
    assert len(report.pods) == 3


async def test_what_may_not_be_listed_is_a_problem(shop: FakeApi, tmp_path: Path) -> None:
    shop.fail("v1/pods", forbidden("no pods for you"))
    report = await looked(shop, tmp_path)
    assert "no pods for you" in report.problems[0]
