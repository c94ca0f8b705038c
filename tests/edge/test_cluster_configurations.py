"""The webhook configurations: who writes, when, in which order, and who never does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import pod, request
from tests.edge.fake_api import Failure, FakeApi, Object, eventually, task_running
from webhook.cluster import configurations as module
from webhook.cluster.client import Cluster
from webhook.cluster.configurations import Configurations, holds
from webhook.cluster.lease import Lease, Timing
from webhook.cluster.resources import MUTATING, NAMESPACES, VALIDATING
from webhook.cluster.sightings import Sightings, added_rules
from webhook.cluster.watch import WatchCache
from webhook.model import Decision, GroupVersionResource, Registration
from webhook.registration import Client

SYSTEM = "propylon-system"


class Setup:
    """A replica's writer with everything around it."""

    def __init__(self, api: FakeApi, cluster: Cluster) -> None:
        self.api = api
        self.client = Client("Y2E=", "token")
        self.lease = Lease(cluster, SYSTEM, "a", timing=Timing(retry=0.01))
        self.namespaces = WatchCache(cluster, NAMESPACES)
        self.sightings = Sightings()
        self.writer = Configurations(
            cluster, self.lease, self.namespaces, SYSTEM, lambda: self.client, self.sightings
        )

    def running(self, *, with_lease: bool = True) -> Any:
        lease = (self.lease.run(),) if with_lease else ()
        return task_running(self.namespaces.run(), self.writer.run(), *lease)

    def found(self, resource: Any = VALIDATING) -> Object:
        return self.api.get(resource, "", "propylon")

    def entries(self, resource: Any = VALIDATING) -> list[str]:
        return [one["name"] for one in self.found(resource).get("webhooks", [])]

    def resources(self) -> list[str]:
        rules = [rule for one in self.found().get("webhooks", []) for rule in one["rules"]]
        return sorted(resource for rule in rules for resource in rule["resources"])


@pytest.fixture
def setup(api: FakeApi, cluster: Cluster) -> Setup:
    api.put(NAMESPACES, {"metadata": {"name": SYSTEM}})
    for resource in (MUTATING, VALIDATING):
        api.put(resource, {"metadata": {"name": "propylon", "labels": {"mine": "yes"}}})
    return Setup(api, cluster)


def entry(*resources: str, path: str = "policies", mutating: bool = False) -> Registration:
    rules = tuple(
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": [resource],
            "scope": "*",
        }
        for resource in resources
    )
    return Registration(f"{path}.propylon.dev", path, mutating, ("policies",), rules)


PODS = (entry("pods"),)
BOTH = (entry("pods", "services"),)
SERVICES = (entry("services"),)


async def test_holder_fills_both_once_there_is_a_snapshot(setup: Setup) -> None:
    async with setup.running():
        await setup.lease.acquired()
        assert setup.entries() == []
        await setup.writer.after_switch([*PODS, entry("pods", path="pods", mutating=True)])
        assert setup.entries() == ["policies.propylon.dev"]
        assert setup.entries(MUTATING) == ["pods.propylon.dev"]
    metadata = setup.found()["metadata"]
    uid = setup.api.get(NAMESPACES, "", SYSTEM)["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": SYSTEM, "uid": uid}
    assert metadata["ownerReferences"] == [owner]
    assert metadata["labels"] == {"mine": "yes"}
    client = setup.found()["webhooks"][0]["clientConfig"]
    assert client["caBundle"] == "Y2E="
    assert client["service"]["path"] == "/validate/policies/token"


CHANGES: dict[str, tuple[dict[str, Any], int]] = {
    "softened": ({"failurePolicy": "Ignore"}, 1),
    "renamed": ({"name": "mine.example.com"}, 1),
    "another timeout": ({"timeoutSeconds": 1}, 0),
}


@pytest.mark.parametrize(("change", "alarms"), CHANGES.values(), ids=CHANGES)
async def test_alarm_when_somebody_changes_what_a_failure_blocks(
    change: dict[str, Any], alarms: int, setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    async with setup.running():
        await setup.lease.acquired()
        await setup.writer.after_switch(PODS)
        found = setup.found()
        setup.api.put(VALIDATING, {**found, "webhooks": [{**found["webhooks"][0], **change}]})
        await setup.writer.write()
        await setup.writer.write()
        assert setup.entries() == ["policies.propylon.dev"]
    assert setup.writer.softened == alarms
    assert caplog.text.count("somebody changed when a failure blocks") == alarms


async def test_replica_without_the_lease_writes_nothing(setup: Setup) -> None:
    async with setup.running(with_lease=False):
        await setup.writer.before_switch(PODS)
        await setup.writer.after_switch(PODS)
        await setup.writer.write()
    assert setup.api.count("PATCH") == 0


async def test_new_holder_writes_what_it_has(setup: Setup) -> None:
    await setup.writer.after_switch(PODS)
    assert setup.api.count("PATCH") == 0
    async with setup.running():
        await eventually(lambda: setup.entries() == ["policies.propylon.dev"])


async def test_nothing_is_written_twice(setup: Setup) -> None:
    async with setup.running():
        await setup.lease.acquired()
        await setup.writer.after_switch(PODS)
        before = setup.api.count("PATCH")
        await setup.writer.after_switch(PODS)
        await setup.writer.write()
    assert setup.api.count("PATCH") == before


async def test_widens_before_and_narrows_after(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_SECONDS", 0.01)
    async with setup.running():
        await setup.lease.acquired()
        await setup.writer.before_switch(PODS)
        assert setup.resources() == []  # the first snapshot is in force before anything is sent
        await setup.writer.after_switch(PODS)
        await setup.writer.before_switch(SERVICES)
        assert setup.resources() == ["pods", "services"]
        await setup.writer.after_switch(SERVICES)
        assert setup.resources() == ["services"]


async def test_less_is_not_written_before_the_switch(setup: Setup) -> None:
    async with setup.running():
        await setup.lease.acquired()
        await setup.writer.after_switch(BOTH)
        before = setup.api.count("PATCH")
        await setup.writer.before_switch(PODS)
        assert setup.api.count("PATCH") == before
        assert setup.resources() == ["pods", "services"]


async def test_switch_follows_as_soon_as_the_new_kind_is_seen(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_SECONDS", 3600.0)
    async with setup.running():
        await setup.lease.acquired()
        await setup.writer.after_switch(PODS)
        switching = asyncio.create_task(setup.writer.before_switch(BOTH))
        await eventually(lambda: bool(setup.sightings._new_rules))
        setup.sightings.put_nowait(seen("pods"), PODS[0], Decision(True, ""), 0.0)
        await asyncio.sleep(0)
        assert not switching.done()
        setup.sightings.put_nowait(seen("services"), PODS[0], Decision(True, ""), 0.0)
        await asyncio.wait_for(switching, 5)


def seen(resource: str, operation: str = "CREATE", group: str = "", sub_resource: str = "") -> Any:
    return replace(
        request(pod()),
        operation=operation,
        resource=GroupVersionResource(group, "v1", resource),
        sub_resource=sub_resource,
    )


def rule(*resources: str, groups: Sequence[str] = ("",)) -> dict[str, list[str]]:
    return {"apiGroups": [*groups], "operations": ["CREATE"], "resources": [*resources]}


SIGHTINGS = {
    "the kind": (rule("pods"), seen("pods"), True),
    "another kind": (rule("pods"), seen("services"), False),
    "another operation": (rule("pods"), seen("pods", "DELETE"), False),
    "another group": (rule("pods"), seen("pods", group="apps"), False),
    "any group": (rule("pods", groups=["*"]), seen("pods", group="apps"), True),
    "any resource": (rule("*"), seen("services"), True),
    "a subresource": (rule("pods/exec"), seen("pods", sub_resource="exec"), True),
    "everything": (rule("*/*"), seen("pods", sub_resource="exec"), True),
}


@pytest.mark.parametrize(("new", "sent", "expected"), SIGHTINGS.values(), ids=SIGHTINGS)
async def test_sighting_ends_the_wait(new: Any, sent: Any, expected: bool) -> None:
    sightings = Sightings()
    waiting = asyncio.create_task(sightings.wait({(False, "policies"): [new]}, 0.05))
    await asyncio.sleep(0)
    sightings.put_nowait(sent, replace(PODS[0], path="other"), Decision(True, ""), 0.0)
    sightings.put_nowait(sent, PODS[0], Decision(True, ""), 0.0)
    assert sightings._seen.is_set() is expected
    await waiting
    sightings.put_nowait(sent, PODS[0], Decision(True, ""), 0.0)


def test_added_rules_are_those_that_are_new() -> None:
    mutating = entry("pods", mutating=True)
    assert added_rules(PODS, PODS) == {}
    assert added_rules(BOTH, PODS) == {}
    assert added_rules(PODS, BOTH) == {(False, "policies"): [BOTH[0].rules[1]]}
    assert added_rules(PODS, [mutating]) == {(True, "policies"): list(mutating.rules)}


async def test_what_others_change_is_put_right(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.01)
    async with setup.running():
        await setup.writer.after_switch(PODS)
        await eventually(lambda: setup.resources() == ["pods"])
        setup.api.put(VALIDATING, {"metadata": {"name": "propylon"}})
        await eventually(lambda: setup.resources() == ["pods"])


async def test_another_authority_is_written_soon(setup: Setup) -> None:
    async with setup.running():
        await setup.writer.after_switch(PODS)
        await eventually(lambda: setup.resources() == ["pods"])
        setup.client = replace(setup.client, ca_bundle="bmV3")
        setup.writer.refresh()
        await eventually(lambda: setup.found()["webhooks"][0]["clientConfig"]["caBundle"] == "bmV3")


async def test_deleted_configuration_is_not_brought_back(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleting it is how a person switches Propylon off."""
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.01)
    setup.api.remove(VALIDATING, "", "propylon")
    async with setup.running():
        await setup.writer.after_switch(PODS)
        await eventually(lambda: "not there" in setup.writer.problem)
        assert setup.api.names(VALIDATING) == []
        setup.api.put(VALIDATING, {"metadata": {"name": "propylon"}})
        await eventually(lambda: setup.resources() == ["pods"])
        await eventually(lambda: setup.writer.problem == "")


async def test_configuration_deleted_in_between_stays_deleted(setup: Setup) -> None:
    def delete_first(what: str, _value: Object) -> None:
        if what.startswith("PATCH validating"):
            setup.api.objects.pop((VALIDATING.plural, "", "propylon"), None)

    setup.api.before_write = delete_first
    async with setup.running():
        await setup.lease.acquired()
        await setup.writer.after_switch(PODS)
        assert setup.api.names(VALIDATING) == []
        assert "uid mismatch" in setup.writer.problem


async def test_failure_is_reported_and_tried_again(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.01)
    setup.api.fail("PATCH", *[Failure(500)] * 3)
    async with setup.running():
        await setup.writer.after_switch(PODS)
        await eventually(lambda: setup.resources() == ["pods"])
        await eventually(lambda: setup.writer.problem == "")
    messages = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert messages.count("webhook configurations not written") == 1


async def test_own_namespace_that_goes_empties_them(setup: Setup) -> None:
    async with setup.running():
        await setup.writer.after_switch(PODS)
        await eventually(lambda: setup.resources() == ["pods"])
        setup.api.put(NAMESPACES, {"metadata": {"name": "unrelated"}})
        going = {"name": SYSTEM, "deletionTimestamp": "2026-01-01T00:00:00Z"}
        setup.api.put(NAMESPACES, {"metadata": going})
        await eventually(lambda: setup.found()["webhooks"] == [])
        setup.api.remove(NAMESPACES, "", SYSTEM)
        await eventually(lambda: setup.namespaces.get("", SYSTEM) is None)
        await setup.writer.write()
        assert setup.found()["webhooks"] == []


HOLDS: dict[str, tuple[Any, Any, bool]] = {
    "the same": ({"a": 1}, {"a": 1}, True),
    "defaults added": ({"a": 1, "b": 2}, {"a": 1}, True),
    "missing": ({}, {"a": 1}, False),
    "different": ({"a": 2}, {"a": 1}, False),
    "inside a list": ([{"a": 1, "b": 2}], [{"a": 1}], True),
    "list in another order": ([2, 1], [1, 2], False),
    "longer list": ([1, 2], [1], False),
    "shorter list": ([1], [1, 2], False),
    "absent list": ({}, {"a": []}, True),
    "absent object": ({}, {"a": {}}, True),
    "another type": ({"a": "x"}, {"a": {"b": 1}}, False),
}


@pytest.mark.parametrize(("found", "wanted", "expected"), HOLDS.values(), ids=HOLDS)
def test_holds(found: Any, wanted: Any, expected: bool) -> None:
    assert holds(found, wanted) is expected
