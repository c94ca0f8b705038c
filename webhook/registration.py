"""Which webhook entries exist for a Snapshot, and how the two configurations spell them.

Routes and manifests both come from here. Nobody lists kinds by hand: the rules of an entry follow
from the documents in force (design.md 6). No I/O: writing the configurations is `cluster/`'s part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from webhook.exemptions import match_conditions, namespace_selector
from webhook.model import Json, Registration
from webhook.objects.workloads import Registry
from webhook.policy import MutatingPolicy, Policy, PolicyGroup
from webhook.rules.hide.intercepting import hide_rules, system_conditions
from webhook.rules.protect.intercepting import protect_entries
from webhook.rules.spread.intercepting import spread_entries
from webhook.snapshot import Snapshot

CONFIGURATION_NAME = "propylon"
"""The name of both webhook configurations."""

API_VERSION = "admissionregistration.k8s.io/v1"

ORDER = ("hide", "spread", "pods", "templates", "protect-state", "policies")
"""Mutating entries are called in this order of their paths."""

LETTING_THROUGH = ("DeletionGrant", "PolicyException")
"""Documents that are never stored while nobody checks who writes them."""

KNOWN_PATHS = re.compile(
    r"(hide|spread|pods|templates|documents(-grants)?|policies(-ignore)?(-[0-9]{1,4})?"
    r"|protect(-(state|owners|namespaces|crds|deletes|scale|evictions))?)\Z"
)
"""The paths that any Snapshot may have; others are 404."""


@dataclass(frozen=True, slots=True)
class Client:
    """How the API server reaches us: `url` (a prefix) or a Service, the path token, the CA.

    `ca_bundle` is base64 text; `token` may be empty (then the path has no token part).
    """

    ca_bundle: str
    token: str = ""
    url: str = ""
    service_name: str = "propylon"
    service_namespace: str = "propylon-system"
    service_port: int = 443


def registrations(snapshot: Snapshot) -> tuple[Registration, ...]:
    """Return the entries that this Snapshot needs, in the order of the configurations."""
    platform = snapshot.platform
    entries = [
        *_hide_entries(snapshot),
        *_spread_entries(snapshot),
        *_rule_entries(snapshot),
        *_protect_entries(snapshot),
        *(_mutating_policy_entry(group) for group in snapshot.mutating_groups),
        *(_policy_entry(group) for group in snapshot.groups),
        *_document_entries(),
    ]
    return tuple(
        replace(
            entry,
            namespace_selector=namespace_selector(entry.path, platform),
            match_conditions=(
                *entry.match_conditions,
                *match_conditions(entry.path, platform),
            ),
        )
        for entry in entries
    )


def _hide_entries(snapshot: Snapshot) -> Iterable[Registration]:
    """Rule A: what developers write, Fail but for documents that are still being tried out."""
    config = snapshot.configs.get("hide")
    if config is None or config.spec.phase == "off":
        return
    for mutating in (True, False):
        yield Registration(
            name="hide.propylon.dev",
            path="hide",
            mutating=mutating,
            stages=("hide",),
            rules=hide_rules(config),
            failure_policy="Fail" if config.spec.phase == "enforce" else "Ignore",
            timeout_seconds=5,
            reinvocation_policy="IfNeeded",
            match_conditions=system_conditions(config),
        )


def _spread_entries(snapshot: Snapshot) -> Iterable[Registration]:
    """Rule D on workloads, on changes of their scale, and on Pods where a document says so."""
    config = snapshot.configs.get("spread")
    return () if config is None else spread_entries(config)


def _protect_entries(snapshot: Snapshot) -> Iterable[Registration]:
    """Rule E."""
    config = snapshot.configs.get("protect")
    return () if config is None else protect_entries(config)


def _rule_entries(snapshot: Snapshot) -> Iterable[Registration]:
    """Rules B and C on Pods, and on templates where a document asks for it (platform-rules 0.5)."""
    stages = tuple(name for name in ("env", "lxcfs") if name in snapshot.configs)
    if stages:
        yield Registration(
            name="pods.propylon.dev",
            path="pods",
            mutating=True,
            stages=stages,
            rules=_pod_rules(snapshot),
            failure_policy="Ignore",
            timeout_seconds=5,
            reinvocation_policy="IfNeeded",
        )
    for mutating in (True, False):
        stages = tuple(_template_stages(snapshot, mutating=mutating))
        if stages:
            yield _template_entry(stages, snapshot.actors.kinds, mutating=mutating)


def _template_stages(snapshot: Snapshot, *, mutating: bool) -> Iterable[str]:
    """Yield the rules that look at templates: C only to refuse opt-outs."""
    env, lxcfs = (snapshot.configs.get(name) for name in ("env", "lxcfs"))
    if env is not None and env.needs_templates:
        yield "env"
    if lxcfs is not None and lxcfs.judges_templates and not mutating:
        yield "lxcfs"


def _pod_rules(snapshot: Snapshot) -> tuple[Mapping[str, Json], ...]:
    pods = _rule([""], ["v1"], ["CREATE"], ["pods"], "Namespaced")
    env = snapshot.configs.get("env")
    if env is None or not env.needs_ephemeral:
        return (pods,)
    return (pods, _rule([""], ["v1"], ["UPDATE"], ["pods/ephemeralcontainers"], "Namespaced"))


def _template_entry(stages: tuple[str, ...], kinds: Registry, *, mutating: bool) -> Registration:
    return Registration(
        name="templates.propylon.dev",
        path="templates",
        mutating=mutating,
        stages=stages,
        rules=template_rules(kinds),
        failure_policy="Ignore" if mutating else "Fail",
        timeout_seconds=5,
        reinvocation_policy="IfNeeded",
    )


def template_rules(kinds: Registry) -> tuple[Mapping[str, Json], ...]:
    """Return rules for all registered kinds that hold a Pod template, but Pods themselves."""
    by_versions: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for kind in kinds.rows:
        if kind.kind != "Pod" and kind.template_paths:
            by_versions.setdefault((kind.group, kind.versions), []).append(kind.resource)
    return tuple(
        _rule([group], list(versions), ["CREATE", "UPDATE"], sorted(resources), "Namespaced")
        for (group, versions), resources in sorted(by_versions.items())
    )


def _rule(
    groups: list[str], versions: list[str], operations: list[str], resources: list[str], scope: str
) -> Mapping[str, Json]:
    return {
        "apiGroups": groups,
        "apiVersions": versions,
        "operations": operations,
        "resources": resources,
        "scope": scope,
    }


def _mutating_policy_entry(group: PolicyGroup[MutatingPolicy]) -> Registration:
    again = any(one.reinvocation_policy == "IfNeeded" for one in group.policies)
    return replace(
        _policy_entry(group),
        mutating=True,
        reinvocation_policy="IfNeeded" if again else "Never",
    )


def _policy_entry(group: PolicyGroup[Policy] | PolicyGroup[MutatingPolicy]) -> Registration:
    return Registration(
        name=f"{group.path}.propylon.dev",
        path=group.path,
        mutating=False,
        stages=("policies",),
        rules=group.rules,
        failure_policy=group.failure_policy,
        policies=frozenset(policy.name for policy in group.policies),
    )


def _document_entries() -> Iterable[Registration]:
    """Documents, and once more those that let people through: they must not pass unseen.

    A document is one of these only when it spells the word (its parser sees to that), so the
    condition holds.
    """
    documents = Registration(
        name="documents.propylon.dev",
        path="documents",
        mutating=False,
        stages=("documents",),
        rules=_config_map_rules(),
        failure_policy="Ignore",
        timeout_seconds=5,
    )
    yield documents
    words = " || ".join(f"object.data[k].contains('{word}')" for word in LETTING_THROUGH)
    expression = f"has(object.data) && object.data.exists(k, {words})"
    yield replace(
        documents,
        name="documents-grants.propylon.dev",
        path="documents-grants",
        stages=("grants",),
        rules=_config_map_rules(),
        failure_policy="Fail",
        match_conditions=({"name": "lets-people-through", "expression": expression},),
    )


def _config_map_rules() -> tuple[Mapping[str, Json], ...]:
    return (_rule([""], ["v1"], ["CREATE", "UPDATE"], ["configmaps"], "Namespaced"),)


def route(entries: Sequence[Registration], path: str, *, mutating: bool) -> Registration | None:
    """Return the entry that a request path names; None means that no entry can have that path.

    An entry that exists under another Snapshot only (the configurations are widened before and
    narrowed after a switch) has no stages: nothing in force asks for it.
    """
    for entry in entries:
        if entry.path == path and entry.mutating is mutating:
            return entry
    if not KNOWN_PATHS.match(path):
        return None
    return Registration(f"{path}.propylon.dev", path, mutating, stages=())


def widen(
    active: Sequence[Registration], coming: Sequence[Registration]
) -> tuple[Registration, ...]:
    """Return entries that intercept all that either set does: the step before a switch."""
    merged = {(one.mutating, one.path): one for one in active}
    for one in coming:
        before = merged.get((one.mutating, one.path))
        merged[one.mutating, one.path] = one if before is None else _union(before, one)
    return tuple(sorted(merged.values(), key=_position))


def _union(before: Registration, after: Registration) -> Registration:
    rules = [*after.rules, *(rule for rule in before.rules if rule not in after.rules)]
    return replace(after, rules=tuple(rules))


def _position(entry: Registration) -> tuple[int, str]:
    family = entry.path.partition("-")[0]
    known = next((at for at, path in enumerate(ORDER) if path in (entry.path, family)), len(ORDER))
    return known, entry.path


def render(entries: Sequence[Registration], client: Client, *, mutating: bool) -> dict[str, Any]:
    """Return one webhook configuration, without metadata but its name, as the API takes it."""
    kind = "MutatingWebhookConfiguration" if mutating else "ValidatingWebhookConfiguration"
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": CONFIGURATION_NAME},
        "webhooks": [
            _render_entry(entry, client)
            for entry in sorted(entries, key=_position)
            if entry.mutating is mutating
        ],
    }


def _render_entry(entry: Registration, client: Client) -> dict[str, Any]:
    webhook: dict[str, Any] = {
        "name": entry.name,
        "admissionReviewVersions": ["v1"],
        "clientConfig": _client_config(entry, client),
        "failurePolicy": entry.failure_policy,
        "matchPolicy": entry.match_policy,
        "namespaceSelector": dict(entry.namespace_selector),
        "objectSelector": dict(entry.object_selector),
        "rules": [dict(rule) for rule in entry.rules],
        "sideEffects": "None",
        "timeoutSeconds": entry.timeout_seconds,
    }
    if entry.match_conditions:
        webhook["matchConditions"] = [dict(one) for one in entry.match_conditions]
    if entry.mutating:
        webhook["reinvocationPolicy"] = entry.reinvocation_policy
    return webhook


def _client_config(entry: Registration, client: Client) -> dict[str, Any]:
    verb = "mutate" if entry.mutating else "validate"
    parts = [verb, entry.path, *([client.token] if client.token else [])]
    path = "/" + "/".join(parts)
    config: dict[str, Any] = {"caBundle": client.ca_bundle} if client.ca_bundle else {}
    if client.url:
        return {**config, "url": client.url.rstrip("/") + path}
    service = {
        "name": client.service_name,
        "namespace": client.service_namespace,
        "path": path,
        "port": client.service_port,
    }
    return {**config, "service": service}
