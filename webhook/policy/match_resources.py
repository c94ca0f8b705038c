"""matchConstraints and matchResources of documents: checks, defaults, records.

The checks are those of the API server (kubernetes-cel.md 2.1); how a request is matched is in
`matching`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webhook.objects.paths import Path
from webhook.objects.selectors import LabelSelector, Requirement, SelectorError, parse_selector
from webhook.policy.formats import path_segment
from webhook.policy.model import ANY, EQUIVALENT, EXACT, MatchResources, ResourceRule
from webhook.policy.report import Report

OPERATIONS = frozenset((ANY, "CREATE", "UPDATE", "DELETE", "CONNECT"))
SCOPES = frozenset((ANY, "Cluster", "Namespaced"))

Value = Mapping[str, Any]


def read_match_resources(
    value: Value, path: Path, report: Report, operations: frozenset[str] = OPERATIONS
) -> MatchResources:
    """Check and default one MatchResources; `operations` are those that its kind allows."""
    match_policy = value.get("matchPolicy")
    if match_policy is not None and match_policy not in {EXACT, EQUIVALENT}:
        report.not_supported((*path, "matchPolicy"), match_policy, (EXACT, EQUIVALENT))
    # What a mutating policy leaves out may be any operation, as in the API server.
    allowed = {"resourceRules": operations, "excludeResourceRules": OPERATIONS}
    rules = {
        key: tuple(
            _read_rule(rule, (*path, key, index), report, allowed[key])
            for index, rule in enumerate(value.get(key) or ())
        )
        for key in allowed
    }
    return MatchResources(
        resource_rules=rules["resourceRules"],
        exclude_resource_rules=rules["excludeResourceRules"],
        namespace_selector=_read_constraint("namespaceSelector", value, path, report),
        object_selector=_read_constraint("objectSelector", value, path, report),
        match_policy=match_policy or EQUIVALENT,
    )


def _read_constraint(key: str, value: Value, path: Path, report: Report) -> LabelSelector | None:
    """Read a selector; one that selects everything is None, the default."""
    selector = read_selector(value.get(key) or {}, (*path, key), report)
    return selector if selector.requirements else None


def read_selector(value: Value, path: Path, report: Report) -> LabelSelector:
    """Check a label selector part by part, so that each mistake is reported."""
    labels = value.get("matchLabels") or {}
    expressions = value.get("matchExpressions") or ()
    parts: list[tuple[Path, Value]] = [
        ((), {"matchLabels": {label: text}}) for label, text in labels.items()
    ]
    parts += [
        (("matchExpressions", index), {"matchExpressions": [one]})
        for index, one in enumerate(expressions)
    ]
    requirements: list[Requirement] = []
    for where, part in parts:
        try:
            requirements.extend(parse_selector(part).requirements)
        except SelectorError as error:
            inner = error.path if not where else (*where, *error.path[2:])
            report.invalid((*path, *inner), dict(part), error.message)
    return LabelSelector(tuple(sorted(requirements, key=lambda one: (one.key, one.operator))))


def _read_rule(
    value: Value, path: Path, report: Report, operations: frozenset[str]
) -> ResourceRule:
    rule = ResourceRule(
        operations=tuple(value.get("operations") or ()),
        api_groups=tuple(value.get("apiGroups") or ()),
        api_versions=tuple(value.get("apiVersions") or ()),
        resources=tuple(value.get("resources") or ()),
        scope=value.get("scope") or ANY,
        resource_names=tuple(value.get("resourceNames") or ()),
    )
    _check_names(rule, (*path, "resourceNames"), report)
    _check_operations(rule, (*path, "operations"), report, operations)
    _check_versions(rule, path, report)
    _check_resources(rule.resources, (*path, "resources"), report)
    if rule.scope not in SCOPES:
        report.not_supported((*path, "scope"), rule.scope, SCOPES)
    return rule


def _check_names(rule: ResourceRule, path: Path, report: Report) -> None:
    seen: set[str] = set()
    for index, name in enumerate(rule.resource_names):
        for problem in path_segment(name):
            report.invalid((*path, index), name, problem)
        if name in seen:
            report.duplicate((*path, index), name)
        seen.add(name)


def _check_operations(
    rule: ResourceRule, path: Path, report: Report, allowed: frozenset[str]
) -> None:
    _check_alone(rule.operations, path, report, "operations")
    for index, operation in enumerate(rule.operations):
        if operation not in allowed:
            report.not_supported((*path, index), operation, allowed)


def _check_versions(rule: ResourceRule, path: Path, report: Report) -> None:
    _check_alone(rule.api_groups, (*path, "apiGroups"), report, "API groups")
    _check_alone(rule.api_versions, (*path, "apiVersions"), report, "API versions")
    for index, version in enumerate(rule.api_versions):
        if not version:
            report.required((*path, "apiVersions", index))


def _check_alone(values: tuple[str, ...], path: Path, report: Report, what: str) -> None:
    if not values:
        report.required(path)
    if len(values) > 1 and ANY in values:
        report.invalid(path, list(values), f"if '*' is present, must not specify other {what}")


def _check_resources(resources: tuple[str, ...], path: Path, report: Report) -> None:
    if not resources:
        report.required(path)
    if len(resources) > 1 and "*/*" in resources:
        why = "if '*/*' is present, must not specify other resources"
        report.invalid(path, list(resources), why)
    if ANY in resources and any("/" not in one for one in resources if one != ANY):
        why = "if '*' is present, must not specify other resources without subresources"
        report.invalid(path, list(resources), why)
    _check_sub_resources(resources, path, report)


def _check_sub_resources(resources: tuple[str, ...], path: Path, report: Report) -> None:
    """Refuse `x/sub` after `x/*`, and `x/sub` after `*/sub`."""
    whole: set[str] = set()
    everywhere: set[str] = set()
    for index, entry in enumerate(resources):
        if not entry:
            report.required((*path, index))
        resource, slash, sub_resource = entry.partition("/")
        if not slash:
            continue
        wider = [f"{resource}/*"] if resource in whole else []
        wider += [f"*/{sub_resource}"] if sub_resource in everywhere else []
        for one in wider:
            why = f"if '{one}' is present, must not specify {entry}"
            report.invalid((*path, index), entry, why)
        if sub_resource == ANY:
            whole.add(resource)
        if resource == ANY:
            everywhere.add(sub_resource)
