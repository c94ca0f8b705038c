"""Propylon is never in the way: stopped, broken or deleted, kubectl alone puts things right."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.propylon import CONFIGURATIONS, POLICIES, ROOT, SYSTEM, Propylon, command
from tests.e2e.shop import LATEST
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl, Result

NOBODY_ANSWERS = 'failed calling webhook "policies.propylon.dev"'


def can_be_installed(propylon: Propylon) -> bool:
    propylon.install()
    namespaces = [propylon.admin.get("namespace", name) for name in (SYSTEM, POLICIES)]
    return all(one["status"]["phase"] == "Active" for one in namespaces)


@pytest.fixture
def working(installation: Propylon) -> Iterator[Propylon]:
    """Return Propylon installed, running and denying, whatever the test before did to it."""
    installation.stop_all()
    # A namespace that is still on its way out takes nothing new.
    eventually(partial(can_be_installed, installation), what="it can be installed", within=30)
    installation.start()
    installation.put_in_force("baseline", "image-tags.yaml", "env.yaml", "lxcfs.yaml")
    yield installation
    installation.stop_all()


def try_deployment(kubectl: Kubectl, **changes: Any) -> Result:
    document = shop.deployment(**changes)
    return kubectl.try_out(document)


def try_pod(kubectl: Kubectl) -> Result:
    return kubectl.try_out(shop.pod())


def is_gone(admin: Kubectl, kind: str) -> bool:
    return admin.lacks(kind, "propylon")


class TestStopped:
    """All replicas are killed; their configurations are still there."""

    @pytest.fixture
    def stopped(self, working: Propylon) -> Propylon:
        working.kill_all()
        return working

    def test_policies_fail_closed_and_injection_open(
        self, stopped: Propylon, developer: Kubectl
    ) -> None:
        refused = try_deployment(developer)
        assert refused.code == 1
        assert NOBODY_ANSWERS in refused.stderr
        assert try_pod(developer).ok

    def test_its_own_namespace_can_be_repaired(self, stopped: Propylon, admin: Kubectl) -> None:
        """The real Deployment comes up: a new image, new Pods by the real controllers."""
        own = admin.within(SYSTEM)
        admin.run("apply", "-k", str(ROOT / "manifests"))
        own.run("set", "image", "deployment/propylon", "propylon=propylon:0.1.1")
        own.run("rollout", "restart", "deployment/propylon")

        def repaired() -> list[Any]:
            pods = own.get("pods", "-l", "app.kubernetes.io/name=propylon")["items"]
            return [one for one in pods if one["spec"]["containers"][0]["image"].endswith(":0.1.1")]

        eventually(repaired, what="a Pod of the repaired Deployment exists")
        own.run("scale", "deployment/propylon", "--replicas", "3")
        own.run("delete", "secret,configmap,lease", "--all")
        own.run("delete", "deployment,service,pdb,networkpolicy", "propylon")

    def test_policies_can_be_repaired(self, stopped: Propylon, developer: Kubectl) -> None:
        """A document that went wrong is edited while nobody judges; the next start reads it."""
        stopped.withdraw("baseline")
        assert stopped.set_documents("baseline", "replicas.yaml").ok
        stopped.start()
        eventually(lambda: try_deployment(developer, image=LATEST).ok, what="the policy is gone")

    def test_starting_again_repairs_it(self, stopped: Propylon, developer: Kubectl) -> None:
        stopped.start()
        eventually(lambda: try_deployment(developer).ok, what="Deployments are judged again")
        assert "need a fixed tag" in try_deployment(developer, image=LATEST).stderr

    def test_configurations_can_be_deleted_and_come_back(
        self, stopped: Propylon, admin: Kubectl, developer: Kubectl
    ) -> None:
        admin.run("delete", ",".join(CONFIGURATIONS), "propylon")
        eventually(lambda: try_deployment(developer, image=LATEST).ok, what="nobody is asked")
        stopped.install()
        stopped.start()
        eventually(
            lambda: "need a fixed tag" in try_deployment(developer, image=LATEST).stderr,
            what="the policy is in force again",
        )


class TestRemoved:
    def test_deleted_namespace_takes_the_configurations_along(
        self, working: Propylon, admin: Kubectl, developer: Kubectl
    ) -> None:
        """The garbage collector follows the ownerReferences; then anything can be created."""
        admin.run("delete", "namespace", SYSTEM)
        working.kill_all()
        for kind in CONFIGURATIONS:
            eventually(partial(is_gone, admin, kind), what=f"the {kind} is gone", within=60)
        eventually(lambda: try_deployment(developer).ok, what="nothing blocks Deployments")
        created = developer.run("create", "-f", "-", documents=shop.pod("after-the-end"))
        assert created.stderr == ""
        stored = developer.get("pod", "after-the-end")
        assert "CLUSTER" not in shop.environment(stored["spec"]["containers"][0])
        developer.run("delete", "pod", "after-the-end", "--now")

    def test_pods_can_be_created_while_it_goes(
        self, working: Propylon, admin: Kubectl, developer: Kubectl
    ) -> None:
        working.kill_all()
        admin.run("delete", "namespace", SYSTEM, "--wait=false")
        assert try_pod(developer).ok

    def test_uninstall_command_takes_the_configurations_first(
        self, working: Propylon, admin: Kubectl, developer: Kubectl
    ) -> None:
        flags = ("--kubeconfig", str(admin.kubeconfig))
        done = command(working.cluster.folder, "uninstall", *flags)
        assert done.returncode == 0, done.stdout + done.stderr
        for kind in CONFIGURATIONS:
            assert is_gone(admin, kind)
            assert kind.removesuffix("configuration") in done.stdout.lower().replace(" ", "")
        eventually(lambda: try_deployment(developer, image=LATEST).ok, what="nothing blocks")

    def test_policies_namespace_can_be_deleted(
        self, working: Propylon, admin: Kubectl, developer: Kubectl
    ) -> None:
        admin.run("delete", "namespace", POLICIES)
        eventually(
            lambda: try_deployment(developer, image=LATEST).ok,
            what="without documents nothing is denied",
        )
        assert json.dumps(working.entries(CONFIGURATIONS[0])) == "{}"
