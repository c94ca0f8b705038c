"""What GitOps tools should not compare (platform-rules A.6.3), made from the catalogue.

Only fields that the rule silently changes: what it refuses must be corrected in Git.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain

from webhook.objects.paths import Elements, Key
from webhook.rules.actors import ActorClass
from webhook.rules.hide.config import Config
from webhook.rules.hide.entries import KEEPING, Entry, Treatment
from webhook.rules.hide.tree import CONTAINER_LISTS, Conditions, Steps, concerns, expand

REFUSED = frozenset((Treatment.DENY, Treatment.DENY_ON_CHANGE))
LEFT = KEEPING | REFUSED | {Treatment.CARRY_UNOWNED}


def changed_paths(config: Config) -> Mapping[tuple[str, str], tuple[Steps, ...]]:
    """Return for each (group, kind) the places where a delegate's value may be changed."""
    role = ActorClass(config.actors.delegate_as)
    writable = config.writable(role)
    found: dict[tuple[str, str], tuple[Steps, ...]] = {}
    for kind in config.kinds:
        entries = [one for one in config.entries if concerns(one, kind)]
        places = chain.from_iterable(
            expand(one.path, kind, CONTAINER_LISTS) for one in entries if _changes(one, writable)
        )
        found[kind.group, kind.kind] = tuple(dict.fromkeys(places))
    return found


def _changes(entry: Entry, writable: frozenset[str]) -> bool:
    return entry.owner not in writable and not LEFT.issuperset(entry.treatments)


def jq_path(steps: Steps) -> str:
    """Return a jq path expression, as Argo CD's `jqPathExpressions` take it."""
    text = ""
    for step in steps:
        if isinstance(step, Elements):
            text = f"{text or '.'}[]?{_select(step.conditions)}"
        elif "*" in step.name:
            pattern = json.dumps(_regular(step.name))
            above = text or "."
            text = f"{above}[({above} // {{}} | keys[] | select(test({pattern})))]"
        elif step.name.isidentifier():
            text += f".{step.name}"
        else:
            text = f"{text or '.'}[{json.dumps(step.name)}]"
    return text


def _select(conditions: Conditions) -> str:
    tests = [
        f"has({json.dumps(name)})"
        if value is None
        else f"(.{name} | tostring | test({json.dumps(_regular(value))}))"
        for name, value in conditions
    ]
    return f" | select({' and '.join(tests)})" if tests else ""


def _regular(glob: str) -> str:
    escaped = "".join(one if one.isalnum() or one in "-_/" else f"\\{one}" for one in glob)
    return "^" + escaped.replace("\\*", ".*") + "$"


def json_pointer(steps: Steps) -> str | None:
    """Return a JSON pointer, as Flux takes it; None for a place that no pointer can name."""
    if not all(isinstance(step, Key) and "*" not in step.name for step in steps):
        return None
    names = (step.name for step in steps if isinstance(step, Key))
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def argo_cd(config: Config) -> dict[str, str]:
    """Return entries for the ConfigMap `argocd-cm`: key → YAML text."""
    return {
        f"resource.customizations.ignoreDifferences.{_argo_kind(group, kind)}": _argo_text(paths)
        for (group, kind), paths in sorted(changed_paths(config).items())
        if paths
    }


def _argo_kind(group: str, kind: str) -> str:
    return f"{group}_{kind}" if group else kind


def _argo_text(paths: tuple[Steps, ...]) -> str:
    lines = [f"- {json.dumps(jq_path(steps))}" for steps in paths]
    return "\n".join(("jqPathExpressions:", *lines, ""))


def flux(config: Config) -> list[dict[str, object]]:
    """Return rules for `spec.driftDetection.ignore` of a HelmRelease.

    The Kustomizations of Flux need none: they compare with the webhook's own answer.
    """
    return [
        {"paths": pointers, "target": {"group": group, "kind": kind} if group else {"kind": kind}}
        for (group, kind), paths in sorted(changed_paths(config).items())
        if (pointers := [one for one in map(json_pointer, paths) if one is not None])
    ]
