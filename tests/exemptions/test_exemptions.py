"""What is never intercepted: the same table in the core, in selectors and in matchConditions."""

from typing import Any

import pytest

from webhook.exemptions import Family, family_of, is_exempt, match_conditions, namespace_selector
from webhook.model import AdmissionRequest, GroupVersionKind, GroupVersionResource, Platform

PLATFORM = Platform()


def request(group: str, resource: str, namespace: str = "", name: str = "x") -> AdmissionRequest:
    return AdmissionRequest(
        uid="u",
        kind=GroupVersionKind(group, "v1", "Any"),
        resource=GroupVersionResource(group, "v1", resource),
        operation="CREATE",
        namespace=namespace,
        name=name,
    )


EXEMPT: dict[str, tuple[AdmissionRequest, str, bool]] = {
    "a Pod of a team": (request("", "pods", "shop"), "policies", False),
    "a Pod of Propylon": (request("", "pods", "propylon-system"), "policies", True),
    "Propylon's Namespace": (
        request("", "namespaces", "propylon-system", "propylon-system"),
        "policies",
        True,
    ),
    "a node's lease": (
        request("coordination.k8s.io", "leases", "kube-node-lease"),
        "protect-state",
        True,
    ),
    "kube-system for policies": (request("", "pods", "kube-system"), "policies-ignore", True),
    "kube-system for rules": (request("", "pods", "kube-system"), "pods", True),
    "kube-public for rules": (request("", "pods", "kube-public"), "hide", True),
    "kube-public for policies": (request("", "pods", "kube-public"), "policies-2", False),
    "kube-system for protection": (request("", "pods", "kube-system"), "protect", False),
    "documents for policies": (
        request("", "configmaps", "propylon-policies"),
        "policies",
        True,
    ),
    "documents for their own entry": (
        request("", "configmaps", "propylon-policies"),
        "documents",
        False,
    ),
    "another ConfigMap": (request("", "configmaps", "shop"), "policies", False),
    "Propylon's ClusterRole": (
        request("rbac.authorization.k8s.io", "clusterroles", name="propylon"),
        "policies",
        True,
    ),
    "a ClusterRole like it": (
        request("rbac.authorization.k8s.io", "clusterroles", name="propylon-evil"),
        "policies",
        False,
    ),
    "webhook configurations": (
        request("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        "policies",
        True,
    ),
    "token reviews": (request("authentication.k8s.io", "tokenreviews"), "policies", True),
    "token requests": (request("", "serviceaccounts", "shop"), "policies", False),
    "access reviews": (
        request("authorization.k8s.io", "subjectaccessreviews"),
        "policies",
        True,
    ),
    "nodes": (request("", "nodes"), "policies", False),
}


@pytest.mark.parametrize(("asked", "path", "expected"), EXEMPT.values(), ids=EXEMPT)
def test_is_exempt(asked: AdmissionRequest, path: str, expected: bool) -> None:
    assert is_exempt(asked, path, PLATFORM) is expected


def test_kube_system_is_a_setting_for_policies() -> None:
    asked = request("", "pods", "kube-system")
    assert not is_exempt(asked, "policies", Platform(policies_leave_out=()))


FAMILIES = {
    "pods": Family.RULES,
    "templates": Family.RULES,
    "hide": Family.RULES,
    "spread": Family.RULES,
    "policies-ignore-3": Family.POLICIES,
    "protect-crds": Family.PROTECTION,
    "documents": Family.DOCUMENTS,
}


@pytest.mark.parametrize(("path", "expected"), FAMILIES.items())
def test_family_of(path: str, expected: Family) -> None:
    assert family_of(path) is expected


SELECTORS: dict[str, tuple[str, list[str]]] = {
    "pods": ("NotIn", ["kube-node-lease", "kube-public", "kube-system", "propylon-system"]),
    "policies": ("NotIn", ["kube-node-lease", "kube-system", "propylon-system"]),
    "protect": ("NotIn", ["kube-node-lease", "propylon-system"]),
    "documents": ("In", ["propylon-policies"]),
}


@pytest.mark.parametrize(("path", "expected"), SELECTORS.items())
def test_namespace_selector_goes_by_name(path: str, expected: tuple[str, list[str]]) -> None:
    selector: Any = namespace_selector(path, PLATFORM)
    operator, values = expected
    assert selector == {
        "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": operator, "values": values}
        ]
    }


def test_match_conditions_of_policies() -> None:
    conditions = {one["name"]: one["expression"] for one in match_conditions("policies", PLATFORM)}
    assert conditions["not-a-policy-document"] == (
        "!(request.resource.group == '' && request.resource.resource in ['configmaps'] && "
        "has(request.namespace) && request.namespace == 'propylon-policies')"
    )
    assert conditions["not-propylon-itself"] == (
        "!(request.resource.group == 'rbac.authorization.k8s.io' && "
        "request.resource.resource in ['clusterroles', 'clusterrolebindings'] && "
        "has(request.name) && request.name in ['propylon', 'propylon-parameters'])"
    )
    assert set(conditions) == {
        "not-a-policy-document",
        "not-propylon-itself",
        "not-admission-configuration",
        "not-an-authentication-review",
        "not-an-authorization-review",
    }


def test_documents_entry_has_no_match_conditions() -> None:
    assert match_conditions("documents", PLATFORM) == ()
