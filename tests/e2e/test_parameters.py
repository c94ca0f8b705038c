"""Policies with parameters: the platform team grants the kind by a label, and values change live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e import shop
from tests.e2e.rights import FOR_PROPYLON, cluster_role, rule
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.kubectl import Kubectl, Result
    from tests.e2e.propylon import Propylon

GRANT = cluster_role(
    "propylon-reads-leases",
    [rule("coordination.k8s.io", "leases", "get", "list", "watch")],
    FOR_PROPYLON,
)


def quota(replicas: str) -> Any:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "quota", "namespace": "shop"},
        "spec": {"holderIdentity": replicas},
    }


def tried(developer: Kubectl, replicas: int) -> Result:
    document = shop.deployment(replicas=replicas)
    return developer.try_out(document)


def test_kind_that_was_not_granted_is_a_clear_error(
    admin: Kubectl, developer: Kubectl, propylon: Propylon
) -> None:
    admin.apply(quota("4"))
    propylon.put_in_force("quota", "quota.yaml")
    denied = eventually(
        lambda: result if (result := tried(developer, 1)).code else None,
        what="the kind cannot be read",
    )
    assert "ValidatingAdmissionPolicy 'quota'" in denied.stderr
    assert "forbidden" in denied.stderr


def test_parameters_are_read_and_followed_once_granted(
    admin: Kubectl, developer: Kubectl, propylon: Propylon
) -> None:
    admin.apply(GRANT)
    eventually(lambda: tried(developer, 4).ok, what="the parameter can be read", within=60)
    assert "denied request: this namespace may have 4 replicas" in tried(developer, 5).stderr
    admin.apply(quota("6"))
    eventually(lambda: tried(developer, 5).ok, what="the new value is seen")
    admin.run("delete", "lease", "quota", "-n", "shop")
    eventually(lambda: tried(developer, 9).ok, what="without a parameter, Allow allows")
    admin.run("delete", "clusterrole", "propylon-reads-leases")
