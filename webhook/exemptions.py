"""What is never intercepted, as one table (design.md 6, "Never in the way").

Always by name, never by a label that users can set. The table becomes the namespaceSelector and
the matchConditions of every webhook entry, and `is_exempt` applies it to what arrives all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from webhook.model import AdmissionRequest, Json, Platform

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""The label with a Namespace's own name: the API server sets it, users cannot change it."""


class Family(StrEnum):
    """Webhook entries that leave out the same."""

    RULES = "rules"
    POLICIES = "policies"
    PROTECTION = "protection"
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class Resources:
    """Objects that no entry sees; empty `names` means all, empty `namespace` any."""

    name: str
    group: str
    resources: tuple[str, ...]
    names: tuple[str, ...] = ()
    namespace: str = ""
    but_for: Family | None = None


SYSTEM_NAMESPACES: Mapping[Family, tuple[str, ...]] = {
    Family.RULES: ("kube-public", "kube-system"),
    Family.PROTECTION: (),
    Family.DOCUMENTS: (),
}
"""What a family leaves out further; for policies it is a setting."""


def namespaces_left_out(family: Family, platform: Platform) -> tuple[str, ...]:
    """Return the Namespaces that a family never looks into, nor at the Namespace itself."""
    further = SYSTEM_NAMESPACES.get(family, platform.policies_leave_out)
    return (platform.own_namespace, "kube-node-lease", *further)


def resources_left_out(platform: Platform) -> tuple[Resources, ...]:
    """Return the objects that are left out by kind or by name (kubernetes-cel.md 1.2)."""
    return (
        Resources(
            "not-a-policy-document",
            "",
            ("configmaps",),
            namespace=platform.policy_namespace,
            but_for=Family.DOCUMENTS,
        ),
        *FIXED_RESOURCES,
    )


FIXED_RESOURCES: tuple[Resources, ...] = (
    Resources(
        "not-propylon-itself",
        "rbac.authorization.k8s.io",
        ("clusterroles", "clusterrolebindings"),
        names=("propylon", "propylon-parameters"),
    ),
    Resources(
        "not-admission-configuration",
        "admissionregistration.k8s.io",
        (
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ),
    ),
    Resources(
        "not-an-authentication-review",
        "authentication.k8s.io",
        ("selfsubjectreviews", "tokenreviews"),
    ),
    Resources(
        "not-an-authorization-review",
        "authorization.k8s.io",
        (
            "localsubjectaccessreviews",
            "selfsubjectaccessreviews",
            "selfsubjectrulesreviews",
            "subjectaccessreviews",
        ),
    ),
)


FIXED_GROUPS = frozenset(one.group for one in FIXED_RESOURCES)


def family_of(path: str) -> Family:
    """Return the family of the entry with this path (`policies-ignore`, `pods`)."""
    return FAMILIES.get(path.partition("-")[0], Family.RULES)


FAMILIES: Mapping[str, Family] = {
    "policies": Family.POLICIES,
    "protect": Family.PROTECTION,
    "documents": Family.DOCUMENTS,
}


def is_exempt(request: AdmissionRequest, path: str, platform: Platform) -> bool:
    """Tell whether this request must not be judged by the entry with this path."""
    family = family_of(path)
    namespace = request.namespace
    if namespace and namespace in namespaces_left_out(family, platform):
        return True
    resource = request.original_resource
    if resource.group not in FIXED_GROUPS and resource.resource != "configmaps":
        return False
    return any(
        _holds(one, request) for one in resources_left_out(platform) if one.but_for is not family
    )


def _holds(one: Resources, request: AdmissionRequest) -> bool:
    resource = request.original_resource
    if one.group != resource.group or resource.resource not in one.resources:
        return False
    if one.namespace and one.namespace != request.namespace:
        return False
    return not one.names or request.name in one.names


def namespace_selector(path: str, platform: Platform) -> Mapping[str, Json]:
    """Return the namespaceSelector of the entry with this path."""
    family = family_of(path)
    if family is Family.DOCUMENTS:
        operator, values = "In", [platform.policy_namespace]
    else:
        operator, values = "NotIn", sorted(set(namespaces_left_out(family, platform)))
    expression = {"key": NAMESPACE_NAME_LABEL, "operator": operator, "values": values}
    return {"matchExpressions": [expression]}


def match_conditions(path: str, platform: Platform) -> tuple[Mapping[str, str], ...]:
    """Return the matchConditions of the entry with this path; true means: intercept."""
    family = family_of(path)
    if family is Family.DOCUMENTS:
        return ()
    return tuple(
        {"name": one.name, "expression": f"!({_expression(one)})"}
        for one in resources_left_out(platform)
        if one.but_for is not family
    )


def _expression(one: Resources) -> str:
    parts = [
        f"request.resource.group == '{one.group}'",
        f"request.resource.resource in {_cel_list(one.resources)}",
    ]
    if one.namespace:
        parts.append(f"has(request.namespace) && request.namespace == '{one.namespace}'")
    if one.names:
        parts.append(f"has(request.name) && request.name in {_cel_list(one.names)}")
    return " && ".join(parts)


def _cel_list(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{text}'" for text in texts) + "]"
