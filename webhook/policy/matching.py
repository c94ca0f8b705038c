"""Whether a request concerns a policy or a binding (kubernetes-cel.md 2.3).

Matching is in two steps: `narrow` does all that depends only on the resource, the operation and
the scope, once for each of them; `matches` does what is left, for each request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from webhook.model import AdmissionRequest, Facts, GroupVersionResource, Unavailable
from webhook.objects.selectors import LabelSelector
from webhook.objects.selectors import matches as selects
from webhook.policy.model import ANY, EXACT, MatchResources, ResourceRule

_NAMESPACES = GroupVersionResource("", "v1", "namespaces")


class MatchError(Exception):
    """It cannot be told whether a request matches; `str()` is upstream's text."""


@dataclass(frozen=True, slots=True)
class Target:
    """What of a request is the same for many requests.

    `delivered` is the resource that the API server sent, `original` the one the client asked for.
    """

    operation: str
    sub_resource: str
    has_namespace: bool
    delivered: GroupVersionResource
    original: GroupVersionResource


@dataclass(frozen=True, slots=True)
class Match:
    """What is left to check for one request.

    `names` are the allowed object names, None means any; a None selector selects everything.
    """

    names: frozenset[str] | None = None
    excluded_names: frozenset[str] = frozenset()
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None


CERTAIN = Match()
"""Every request to the target matches."""


def narrow_policy(resources: MatchResources, target: Target) -> Match | None:
    """Return what is left to check of a policy's matchConstraints; None means no match.

    The delivered resource has to match, since objects are never converted here; under Exact it
    has to be the one that the client asked for.
    """
    if resources.match_policy == EXACT and target.delivered != target.original:
        return None
    return _narrow(resources, target, (target.delivered,))


def narrow_binding(resources: MatchResources | None, target: Target) -> Match | None:
    """Return what is left to check of a binding's matchResources; None means no match."""
    if resources is None:
        return CERTAIN
    return _narrow(resources, target, _either(resources, target))


def _either(resources: MatchResources, target: Target) -> tuple[GroupVersionResource, ...]:
    """Return the resources that count: the original one, and its equivalent that we know."""
    if resources.match_policy == EXACT or target.delivered == target.original:
        return (target.original,)
    return (target.original, target.delivered)


def _narrow(
    resources: MatchResources, target: Target, candidates: tuple[GroupVersionResource, ...]
) -> Match | None:
    excluded = _names(resources.exclude_resource_rules, target, _either(resources, target))
    names = _names(resources.resource_rules, target, candidates)
    if not resources.resource_rules:
        names = None
    if excluded is None or names == frozenset():
        return None
    match = Match(names, excluded, resources.namespace_selector, resources.object_selector)
    return CERTAIN if match == CERTAIN else match


def _names(
    rules: Iterable[ResourceRule], target: Target, candidates: tuple[GroupVersionResource, ...]
) -> frozenset[str] | None:
    """Return the object names that the rules match: None for all, none for no rule that fits."""
    names: set[str] = set()
    for rule in rules:
        if any(_rule_matches(rule, target, one) for one in candidates):
            if not rule.resource_names:
                return None
            names.update(rule.resource_names)
    return frozenset(names)


def _rule_matches(rule: ResourceRule, target: Target, resource: GroupVersionResource) -> bool:
    return (
        _listed(target.operation, rule.operations)
        and _listed(resource.group, rule.api_groups)
        and _listed(resource.version, rule.api_versions)
        and _scope_matches(rule.scope, target, resource)
        and any(_resource_matches(one, target, resource) for one in rule.resources)
    )


def _listed(value: str, allowed: tuple[str, ...]) -> bool:
    return value in allowed or ANY in allowed


def _scope_matches(scope: str, target: Target, resource: GroupVersionResource) -> bool:
    if scope == ANY:
        return True
    is_namespaced = target.has_namespace and resource != _NAMESPACES
    return is_namespaced is (scope == "Namespaced")


def _resource_matches(pattern: str, target: Target, resource: GroupVersionResource) -> bool:
    """`pods/*` matches plain `pods` too, `pods` and `*` match no subresource."""
    wanted, _, wanted_sub = pattern.partition("/")
    return wanted in {ANY, resource.resource} and wanted_sub in {ANY, target.sub_resource}


def matches(match: Match, request: AdmissionRequest, facts: Facts) -> bool:
    """Tell whether a request to the narrowed target matches.

    Raises MatchError when the labels of the Namespace are needed and cannot be had, NeedFacts when
    they are not there yet; both only if everything else matches.
    """
    if match.names is not None and request.name not in match.names:
        return False
    if request.name in match.excluded_names:
        return False
    if match.object_selector is not None and not _object_matches(match.object_selector, request):
        return False
    return match.namespace_selector is None or _namespace_matches(
        match.namespace_selector, request, facts
    )


def _object_matches(selector: LabelSelector, request: AdmissionRequest) -> bool:
    """Either object will do; one without metadata never matches."""
    return any(
        isinstance(one, Mapping)
        and isinstance(one.get("metadata"), Mapping)
        and selects(selector, one["metadata"].get("labels"))
        for one in (request.object, request.old_object)
    )


def _namespace_matches(selector: LabelSelector, request: AdmissionRequest, facts: Facts) -> bool:
    is_namespace = request.original_resource.resource == "namespaces"
    if not request.namespace and not is_namespace:
        return True  # cluster-scoped objects are never left out by this selector
    if is_namespace and not request.sub_resource and request.operation in {"CREATE", "UPDATE"}:
        namespace: Any = request.object
    else:
        namespace = facts.namespace(request.namespace)
    if namespace is None:
        raise MatchError(not_found(request.namespace))
    if isinstance(namespace, Unavailable):
        raise MatchError(f"Internal error occurred: {namespace.reason}")
    return selects(selector, (namespace.get("metadata") or {}).get("labels"))


def not_found(namespace: str) -> str:
    """Return upstream's text for a Namespace that does not exist."""
    return f'namespaces "{namespace}" not found'
