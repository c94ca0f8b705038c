"""What the API server must send for rule A (platform-rules 0.5): resources, and whose writes.

Only data for `registration.py`; the Namespaces that are left out are its own matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from webhook.model import Json
from webhook.rules.actors import NOBODY, ActorClass
from webhook.rules.hide.catalogue import RESERVED_RESOURCES
from webhook.rules.hide.config import Config

Rule = Mapping[str, Json]
WRITES = ("CREATE", "UPDATE")


def hide_rules(config: Config) -> tuple[Rule, ...]:
    """Return the rules of the entry: all kinds that are treated, and what is reserved."""
    by_versions: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    scaled: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for kind in config.kinds:
        by_versions.setdefault((kind.group, kind.versions), []).append(kind.resource)
        if kind.has_scale:
            scaled.setdefault((kind.group, kind.versions), []).append(f"{kind.resource}/scale")
    return (
        *_rules(by_versions, WRITES),
        _rule("", ("v1",), ("UPDATE",), ["pods/ephemeralcontainers", "pods/resize"]),
        *(_rules(scaled, ("UPDATE",)) if config.may_freeze else ()),
        *(
            _rule(group, versions, WRITES, list(resources), scope)
            for group, versions, resources, scope in RESERVED_RESOURCES
        ),
    )


def _rules(
    by_versions: Mapping[tuple[str, tuple[str, ...]], list[str]], operations: tuple[str, ...]
) -> Iterator[Rule]:
    for (group, versions), resources in sorted(by_versions.items()):
        yield _rule(group, versions, operations, sorted(resources))


def _rule(
    group: str,
    versions: tuple[str, ...],
    operations: tuple[str, ...],
    resources: list[str],
    scope: str = "Namespaced",
) -> Rule:
    return {
        "apiGroups": [group],
        "apiVersions": list(versions),
        "operations": list(operations),
        "resources": resources,
        "scope": scope,
    }


def system_conditions(config: Config) -> tuple[Mapping[str, str], ...]:
    """Return the matchCondition that drops writes of system users before they are sent.

    None when some of them are demoted to developers: then the rule itself must tell.
    """
    members = config.actors.classes.get(ActorClass.SYSTEM, NOBODY)
    if config.actors.demoted != NOBODY or not (members.users or members.groups):
        return ()
    expression = (
        f"!(request.userInfo.username in {_cel_list(members.users)}"
        f" || request.userInfo.groups.exists(g, g in {_cel_list(members.groups)}))"
    )
    return ({"name": "not-a-system-user", "expression": expression},)


def _cel_list(texts: frozenset[str]) -> str:
    return "[" + ", ".join(f"'{_escaped(text)}'" for text in sorted(texts)) + "]"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
