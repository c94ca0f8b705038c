"""What the API server must send for rule E (platform-rules 0.5).

Any kind can carry the label, so the entries take every resource and the matchConditions choose:
a stopped webhook blocks nothing but writes to what is protected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from webhook.model import Json, Registration
from webhook.rules.protect.config import Config, MassDelete
from webhook.rules.protect.identities import NAMESPACE_CONTROLLERS
from webhook.rules.protect.kinds import DERIVED_RESOURCES

STAGES = ("protect",)
DELETES = "protect-deletes"
"""The path of the rate guard's entry, and its stage."""

_RESOURCE = "request.resource.group + '/' + request.resource.resource"
_DEFINITION = "apiextensions.k8s.io/customresourcedefinitions"

Condition = Mapping[str, str]


def protect_entries(config: Config) -> Iterator[Registration]:
    """Yield the entries of rule E; none while the documents are off."""
    if config.phase == "off":
        return
    policy = (
        "Fail" if "enforce" in {config.phase, *(r.phase for r in config.policies)} else "Ignore"
    )
    yield _entry(
        "protect", (_all("CREATE", "UPDATE", "DELETE"),), policy, _label_conditions(config)
    )
    yield Registration(
        name="protect-state.propylon.dev",
        path="protect-state",
        mutating=True,
        stages=STAGES,
        rules=(_all("CREATE", "UPDATE"),),
        failure_policy=policy,
        timeout_seconds=5,
        match_conditions=(_concerned(config), _not_derived()),
    )
    if config.owners:
        # Ignore: while the webhook does not run, what carries no label can be deleted (E.11).
        yield _entry("protect-owners", (_all("DELETE"),), "Ignore", _owner_conditions(config))
    namespaces = (
        _rule("", "DELETE", "namespaces", "Cluster"),
        _rule("", "UPDATE", "namespaces/finalize", "Cluster"),
    )
    yield _entry("protect-namespaces", namespaces, policy, (_by_people(),))
    definitions = _rule("apiextensions.k8s.io", "DELETE", "customresourcedefinitions", "Cluster")
    yield _entry("protect-crds", (definitions,), policy, _definition_conditions(config))
    if config.mass_delete is not None:
        yield _deletions_entry(config.mass_delete)
    scales = {**_all("UPDATE"), "resources": ["*/scale"]}
    yield _entry("protect-scale", (scales,), config.settings.scale_failure_policy, (), 5)
    evictions = _rule("", "CREATE", "pods/eviction", "Namespaced")
    yield _entry("protect-evictions", (evictions,), config.settings.eviction_failure_policy, (), 5)


def _deletions_entry(limit: MassDelete) -> Registration:
    """Return the entry of the rate guard; what it does not see is not counted."""
    groups: dict[str, list[str]] = {}
    for one in limit.resources:
        group, _, resource = one.partition("/")
        groups.setdefault(group, []).append(resource)
    rules = tuple(
        {**_all("DELETE"), "apiGroups": [group], "resources": names}
        for group, names in groups.items()
    )
    people = "!(has(request.userInfo.username) && request.userInfo.username.startsWith('system:'))"
    conditions = ({"name": "by-people", "expression": people},) if limit.only_humans else ()
    entry = _entry(DELETES, rules, "Ignore", conditions, 5)
    return replace(entry, stages=(DELETES,))


def _entry(
    path: str,
    rules: tuple[Mapping[str, Json], ...],
    failure_policy: str,
    conditions: tuple[Condition, ...],
    timeout_seconds: int = 10,
) -> Registration:
    return Registration(
        name=f"{path}.propylon.dev",
        path=path,
        mutating=False,
        stages=STAGES,
        rules=rules,
        failure_policy=failure_policy,
        timeout_seconds=timeout_seconds,
        match_conditions=conditions,
    )


def _all(*operations: str) -> Mapping[str, Json]:
    return {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": list(operations),
        "resources": ["*"],
        "scope": "*",
    }


def _rule(group: str, operation: str, resource: str, scope: str) -> Mapping[str, Json]:
    return {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": [operation],
        "resources": [resource],
        "scope": scope,
    }


def _label_conditions(config: Config) -> tuple[Condition, ...]:
    """Return when an object concerns the main entry; two kinds have entries of their own."""
    elsewhere = f"({_RESOURCE}) in {_cel_list(['/namespaces', _DEFINITION])}"
    return (
        _concerned(config),
        _not_derived(),
        {
            "name": "not-in-another-entry",
            "expression": f"!(request.operation == 'DELETE' && {elsewhere})",
        },
    )


def _concerned(config: Config) -> Condition:
    alternatives = [_has_label(config)]
    if config.by_policy:
        alternatives.append(f"({_RESOURCE}) in {_cel_list(config.by_policy)}")
    return {"name": "is-protected", "expression": " || ".join(alternatives)}


def _owner_conditions(config: Config) -> tuple[Condition, ...]:
    """Return when an object without a label is looked at for the sake of others."""
    return (
        {
            "name": "may-have-protected-kin",
            "expression": f"({_RESOURCE}) in {_cel_list(config.owners)}",
        },
        {"name": "is-not-protected", "expression": f"!({_has_label(config)})"},
    )


def _has_label(config: Config) -> str:
    """Return the expression that finds any of the three labels, now or before (F-09)."""
    labels = _cel_list(config.names.labels)
    return (
        "[object, oldObject].exists(o, o != null && has(o.metadata) && has(o.metadata.labels)"
        f" && {labels}.exists(l, l in o.metadata.labels))"
    )


def _not_derived() -> Condition:
    """Return what leaves out objects that copy labels of others."""
    resources = _cel_list(DERIVED_RESOURCES)
    return {"name": "not-derived", "expression": f"!(({_RESOURCE}) in {resources})"}


def _by_people() -> Condition:
    """Return what lets the namespace controller finish whatever happens to the webhook (F-11)."""
    users = _cel_list(sorted(NAMESPACE_CONTROLLERS))
    expression = (
        "!(request.operation == 'UPDATE' && has(request.userInfo.username)"
        f" && request.userInfo.username in {users})"
    )
    return {"name": "not-the-namespace-controller", "expression": expression}


def _definition_conditions(config: Config) -> tuple[Condition, ...]:
    if config.settings.all_crds or _DEFINITION in config.by_policy:
        return ()
    return ({"name": "is-protected", "expression": _has_label(config)},)


def _cel_list(texts: Sequence[str]) -> str:
    return "[" + ", ".join(f"'{text}'" for text in texts) + "]"
