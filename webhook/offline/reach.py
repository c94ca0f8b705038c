"""Which resources of a cluster the policies are about, and the rights that looking at them takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from webhook.cluster.resources import Resource
from webhook.exemptions import Family, family_of
from webhook.model import GroupVersionResource, Json, Registration
from webhook.offline.judging import resources_of
from webhook.offline.requests import resource_name
from webhook.offline.roles import documents_role, role
from webhook.policy.matching import Target, narrow_policy
from webhook.policy.model import ParamKind
from webhook.snapshot import Snapshot

NAME = "propylon-scan"
ALL = "*"


def reached(
    resources: Iterable[Resource], entries: Sequence[Registration], operation: str
) -> tuple[Resource, ...]:
    """Return what has to be listed: each resource in the first version that an entry asks for.

    An entry that asks for another version of it gets that one as well.
    """
    found: list[Resource] = []
    served: set[tuple[str, str, str, bool]] = set()
    for resource in resources:
        asking = {
            (resource.group, resource.plural, entry.path, entry.mutating)
            for entry in entries
            if _asks(entry, resource, operation)
        }
        if asking - served:
            found.append(resource)
            served |= asking
    return tuple(found)


def _asks(entry: Registration, resource: Resource, operation: str) -> bool:
    name = GroupVersionResource(resource.group, resource.version, resource.plural)
    is_placed = resource.namespaced or resource.kind == "Namespace"
    target = Target(operation, "", is_placed, name, name)
    if _is_about_documents(entry):
        return False
    return narrow_policy(resources_of(entry.rules), target) is not None


def _is_about_documents(entry: Registration) -> bool:
    return family_of(entry.path) is Family.DOCUMENTS


def needed_rights(snapshot: Snapshot, entries: Sequence[Registration]) -> tuple[Json, ...]:
    """Return the ClusterRole and the Role that a scan of these policies needs, and no more."""
    lists: dict[str, set[str]] = {"": {"namespaces"}}
    for entry in entries:
        for rule in () if _is_about_documents(entry) else entry.rules:
            for group in rule["apiGroups"]:
                names = {name.partition("/")[0] for name in rule["resources"] if "/" not in name}
                lists.setdefault(group, set()).update(names)
    rules = [*_rules(lists, ["list"]), *_parameter_rules(snapshot)]
    if _asks_for_access(snapshot):
        rules += _rules({"authorization.k8s.io": {"subjectaccessreviews"}}, ["create"])
    reading = role("ClusterRole", {"name": NAME}, rules)
    return reading, documents_role(NAME, snapshot.platform.policy_namespace)


def _parameter_rules(snapshot: Snapshot) -> Iterator[Json]:
    """Yield what reading the parameters takes: get by name, list by selector."""
    policies: dict[str, ParamKind | None] = {}
    policies |= {one.name: one.param_kind for one in snapshot.policies}
    policies |= {one.name: one.param_kind for one in snapshot.mutating_policies}
    refs = [(one.policy_name, one.param_ref) for one in snapshot.bindings]
    refs += [(one.policy_name, one.param_ref) for one in snapshot.mutating_bindings]
    reads: dict[str, dict[str, set[str]]] = {"get": {}, "list": {}}
    for policy, ref in refs:
        kind = policies.get(policy)
        if kind is not None and ref is not None:
            group = kind.api_version.rpartition("/")[0]
            verb = "get" if ref.selector is None else "list"
            reads[verb].setdefault(group, set()).add(resource_name(group, kind.kind))
    for verb, resources in reads.items():
        yield from _rules(resources, [verb])


def _asks_for_access(snapshot: Snapshot) -> bool:
    return any("authorizer" in text for text in snapshot.texts.values())


def _rules(resources: Mapping[str, set[str]], verbs: list[str]) -> Iterator[Json]:
    for group, names in sorted(resources.items()):
        shown = [ALL] if ALL in names else sorted(names)
        if shown:
            yield {"apiGroups": [group], "resources": shown, "verbs": verbs}
