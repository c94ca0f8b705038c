"""What the API server must send for rule D (platform-rules 0.5): resources, and whose writes.

Scale is in the mutating entry, which never blocks, unless it may be refused: then it is in the
validating one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from webhook.model import Json, Registration
from webhook.rules.actors import NOBODY, ActorClass
from webhook.rules.spread.config import Config

Rule = Mapping[str, Json]


def spread_entries(config: Config) -> Iterator[Registration]:
    """Yield the entries of rule D: the validating one only where something may be refused."""
    if config.levels:
        rules = _rules(config, config.levels, has_scale=config.warns_on_scale)
        yield _entry(config, rules, "Ignore", mutating=True)
    if config.refusing_levels or config.denies_on_scale:
        rules = _rules(config, config.refusing_levels, has_scale=config.denies_on_scale)
        policy = "Fail" if config.may_refuse else "Ignore"
        yield _entry(config, rules, policy, mutating=False)


def _entry(config: Config, rules: tuple[Rule, ...], policy: str, *, mutating: bool) -> Registration:
    return Registration(
        name="spread.propylon.dev",
        path="spread",
        mutating=mutating,
        stages=("spread",),
        rules=rules,
        failure_policy=policy,
        timeout_seconds=5,
        reinvocation_policy="IfNeeded",
        match_conditions=_conditions(config),
    )


def _rules(config: Config, levels: Sequence[str], *, has_scale: bool) -> tuple[Rule, ...]:
    by_versions: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for kind in config.kinds.values():
        by_versions.setdefault((kind.group, kind.versions), []).append(kind.resource)
    found: list[Rule] = []
    for (group, versions), resources in sorted(by_versions.items()):
        if "template" in levels:
            found.append(_rule(group, versions, ("CREATE", "UPDATE"), resources))
        if has_scale:
            scales = [f"{resource}/scale" for resource in resources]
            found.append(_rule(group, versions, ("UPDATE",), scales))
    if "pod" in levels:
        found.append(_rule("", ("v1",), ("CREATE",), ["pods"]))
    return tuple(found)


def _rule(
    group: str, versions: Sequence[str], operations: Sequence[str], resources: Sequence[str]
) -> Rule:
    return {
        "apiGroups": [group],
        "apiVersions": list(versions),
        "operations": list(operations),
        "resources": sorted(resources),
        "scope": "Namespaced",
    }


def _conditions(config: Config) -> tuple[Mapping[str, str], ...]:
    """Return the matchCondition that drops what system users write, but for Pods.

    Without it, roll-outs would stop while Propylon is away: controllers write ReplicaSets. There
    is none when some system users are demoted: then the rule itself must tell.
    """
    members = config.actors.classes.get(ActorClass.SYSTEM, NOBODY)
    if config.actors.demoted != NOBODY or not (members.users or members.groups):
        return ()
    expression = (
        "request.resource.resource == 'pods'"
        f" || !(request.userInfo.username in {_cel_list(members.users)}"
        f" || request.userInfo.groups.exists(g, g in {_cel_list(members.groups)}))"
    )
    return ({"name": "not-a-system-user", "expression": expression},)


def _cel_list(texts: frozenset[str]) -> str:
    return "[" + ", ".join(f"'{_escaped(text)}'" for text in sorted(texts)) + "]"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
