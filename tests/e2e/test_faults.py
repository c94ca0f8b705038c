"""Faults on the way between Propylon and a real API server, with developers at work meanwhile.

The connection of one replica goes away and comes back, a ConfigMap flips between good and bad, a
right is missing: decisions go on, none is lost or wrong, and the status says what is the matter.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import commands, shop
from tests.e2e.balancer import Balancer, running_balancer
from tests.e2e.load import creations, under_load
from tests.e2e.propylon import DATA, DENIED, POLICIES, Propylon, documents
from tests.e2e.shop import LATEST
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Replica

DENIED_IMAGE = DENIED + commands.DENIED_IMAGE
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


QUOTA = "ValidatingAdmissionPolicy 'quota'"


@pytest.fixture(scope="module")
def cable(cluster: Cluster) -> Iterator[Balancer]:
    """Return the only way of the replica to the API server; it can be cut."""
    with running_balancer() as running:
        running.ports = (cluster.port,)
        yield running


@pytest.fixture(scope="module")
def replica(installation: Propylon, cable: Balancer, developer: Kubectl) -> Replica:
    """Return the only replica, with a policy in force."""
    assert developer.namespace == "shop"
    kubeconfig = over(cable, installation.kubeconfig())
    found = installation.launch(kubeconfig=kubeconfig).wait_until_ready()
    installation.put_in_force("baseline", "image-tags.yaml")
    return found


def over(cable: Balancer, kubeconfig: Path) -> Path:
    """Return a copy of a configuration that reaches the API server through the cable."""
    content = json.loads(kubeconfig.read_text())
    content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{cable.port}"
    file = kubeconfig.with_name("over-the-cable.kubeconfig")
    file.write_text(json.dumps(content))
    return file


def problems(replica: Replica) -> int:
    """Return how many parts the API server keeps from their work."""
    found = re.search(r"^propylon_cluster_problems (\S+)", replica.metrics(), re.MULTILINE)
    assert found
    return int(float(found[1]))


def tried(developer: Kubectl, **changes: Any) -> str:
    """Return what stderr says to a Deployment that is only tried."""
    document = shop.deployment(**changes)
    return developer.try_out(document).stderr


def test_watches_break_and_come_back(
    replica: Replica, installation: Propylon, cable: Balancer, developer: Kubectl
) -> None:
    """What is written meanwhile waits; what was in force stays; nobody is turned away."""
    cluster = installation.cluster
    document = shop.deployment(image=LATEST)
    with under_load(creations(cluster, DEPLOYMENTS, document)) as load:
        cable.cut()
        eventually(lambda: problems(replica) >= 2, what="the status says so", within=30)
        assert installation.set_documents("further", "replicas.yaml").ok
        load.wait_for_more(200)
        assert tried(developer, replicas=50) == ""
        assert replica.status("/readyz") == 200
        cable.ports = (cluster.port,)
        eventually(
            lambda: "at most 20 replicas" in tried(developer, replicas=50),
            what="what was written meanwhile is in force",
            within=60,
        )
        eventually(lambda: problems(replica) == 0, what="the status is clean again", within=60)
    assert dict(load.answers) == {DENIED_IMAGE: load.total}
    said = replica.program.said()
    assert "watch interrupted, listing again" in said
    assert "watch works again" in said
    installation.withdraw("further")


@pytest.mark.parametrize("flips", [5])
def test_config_map_flips_between_good_and_bad(
    flips: int, replica: Replica, installation: Propylon
) -> None:
    """A break-glass reason lets broken texts in: the last good version denies all the time."""
    cluster, admin = installation.cluster, installation.admin
    name = "image-tags.yaml"
    good = (DATA / "documents" / name).read_text()
    bad = good.replace("variables.loose.size()", "variables.lose.size()")
    stored = admin.get("configmap", "baseline", "-n", POLICIES)["data"]

    def write(text: str) -> str:
        config_map = documents("baseline", {**stored, name: text})
        config_map["metadata"]["annotations"] = {"propylon.dev/break-glass": "a test of faults"}
        return admin.apply(config_map).stderr

    with under_load(creations(cluster, DEPLOYMENTS, shop.deployment(image=LATEST))) as load:
        for _ in range(flips):
            assert "stored with errors (break-glass" in write(bad)
            eventually(lambda: errors(replica) >= 1, what="the status counts the error")
            load.wait_for_more(20)
            assert write(good) == ""
            eventually(lambda: errors(replica) == 0, what="the error is gone")
            load.wait_for_more(20)
    assert dict(load.answers) == {DENIED_IMAGE: load.total}


def errors(replica: Replica) -> int:
    """Return how many errors the documents have at the moment."""
    found = re.search(r"^propylon_document_errors (\S+)", replica.metrics(), re.MULTILINE)
    assert found
    return int(float(found[1]))


def test_missing_right_for_parameters_is_in_the_status(
    replica: Replica, installation: Propylon, developer: Kubectl
) -> None:
    """The policy says what is forbidden, and so does the log, once; other policies go on."""
    installation.put_in_force("quota", "quota.yaml")
    denied = eventually(
        lambda: QUOTA in (text := tried(developer)) and text, what="the kind cannot be read"
    )
    assert "forbidden" in str(denied)
    assert "need a fixed tag" in tried(developer, image=LATEST)
    eventually(lambda: problems(replica) >= 1, what="the status says so")
    lines = [json.loads(line) for line in replica.program.said().splitlines() if "leases" in line]
    reasons = [str(line.get("reason", "")) for line in lines]
    assert any(
        'resource "leases" in API group "coordination.k8s.io" at the cluster scope' in reason
        for reason in reasons
    )
    assert replica.status("/readyz") == 200
    installation.withdraw("quota")
    eventually(lambda: problems(replica) == 0, what="nothing is missing any more", within=30)
