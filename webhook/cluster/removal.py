"""Take Propylon out of a cluster, the webhook configurations first: from then on nothing asks it.

The documents in the policy namespace stay: they are not ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from webhook.cluster.client import Cluster
from webhook.cluster.resources import MUTATING, NAMESPACES, VALIDATING, Resource

NAME = "propylon"
RBAC = "rbac.authorization.k8s.io"
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
CLUSTER_ROLES = Resource(RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(
    RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
ROLES = Resource(RBAC, "v1", "roles", "Role")
ROLE_BINDINGS = Resource(RBAC, "v1", "rolebindings", "RoleBinding")


@dataclass(frozen=True, slots=True)
class Removal:
    """One object to remove, and whether it was there."""

    resource: Resource
    namespace: str
    name: str
    was_there: bool = False

    def __str__(self) -> str:
        """Return the object as people name it."""
        place = f" in {self.namespace}" if self.namespace else ""
        return f"{self.resource.kind} {self.name}{place}"


def removals(namespace: str, policy_namespace: str) -> tuple[Removal, ...]:
    """Return what is removed, in this order.

    The Namespace takes along what lies in it: Secrets, Lease, stored documents, Service, account.
    """
    return (
        Removal(MUTATING, "", NAME),
        Removal(VALIDATING, "", NAME),
        Removal(DEPLOYMENTS, namespace, NAME),
        Removal(CLUSTER_ROLE_BINDINGS, "", NAME),
        Removal(CLUSTER_ROLE_BINDINGS, "", "propylon-parameters"),
        Removal(CLUSTER_ROLES, "", NAME),
        Removal(CLUSTER_ROLES, "", "propylon-parameters"),
        Removal(ROLE_BINDINGS, policy_namespace, NAME),
        Removal(ROLES, policy_namespace, NAME),
        Removal(NAMESPACES, "", namespace),
    )


async def remove(cluster: Cluster, namespace: str, policy_namespace: str) -> AsyncIterator[Removal]:
    """Remove everything and yield each object when it is done; ClusterError stops it."""
    for one in removals(namespace, policy_namespace):
        was_there = await cluster.delete(one.resource, one.namespace, one.name)
        yield Removal(one.resource, one.namespace, one.name, was_there)
