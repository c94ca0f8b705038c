"""Which variables a container should get, and with which value, before its own env is looked at.

The first rule by priority and name wins a name; several rules that append share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from webhook.model import Json
from webhook.objects.paths import get
from webhook.rules.env.config import EnvRule, Variable
from webhook.rules.env.literals import missing_places, render
from webhook.rules.env.selection import selects_container
from webhook.rules.env.targets import Container, Target

Context = Mapping[str, Json]
"""What placeholders read: namespace, pod, owner, cluster, container."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One variable of one rule for one container, its value resolved."""

    rule: EnvRule
    variable: Variable
    entry: Mapping[str, Json]

    @property
    def text(self) -> str:
        """The literal value, "" for other sources."""
        return str(self.entry.get("value") or "")


@dataclass(frozen=True, slots=True)
class Missing:
    """A variable that must not be left out (`ifMissing: deny`), and what its value lacks."""

    rule: EnvRule
    variable: Variable
    places: tuple[str, ...]


def context_of(target: Target, cluster_name: str) -> dict[str, Json]:
    """Return what placeholders read, but the container's part; unknown values are None."""
    return {
        "namespace": {
            "labels": target.namespace_labels,
            "annotations": target.namespace_annotations,
        },
        "pod": {"labels": target.labels},
        "owner": {"kind": target.owner_kind or None, "name": target.owner_name or None},
        "cluster": {"name": cluster_name or None},
    }


def plan(
    container: Container, rules: Sequence[EnvRule], context: Context
) -> tuple[list[list[Planned]], list[Missing]]:
    """Return for each name what is planned (several only when all append), in rule order."""
    full = {**context, "container": {key: container.value.get(key) for key in ("name", "image")}}
    chosen: dict[str, list[Planned]] = {}
    missing: list[Missing] = []
    for rule in rules:
        if selects_container(rule.match, container):
            for one in resolved(rule, container, full):
                if isinstance(one, Missing):
                    missing.append(one)
                else:
                    _choose(chosen, one)
    return list(chosen.values()), missing


def _choose(chosen: dict[str, list[Planned]], one: Planned) -> None:
    same_name = chosen.setdefault(one.variable.name, [])
    if not same_name or {one.variable.conflict, same_name[0].variable.conflict} == {"append"}:
        same_name.append(one)


def resolved(rule: EnvRule, container: Container, context: Context) -> Iterator[Planned | Missing]:
    """Yield the variables of a rule that the container can have, with their values."""
    for variable in rule.variables:
        if not _is_possible(variable, container):
            continue
        if variable.literal is None:
            yield Planned(rule, variable, {"name": variable.name, "valueFrom": variable.value_from})
            continue
        places = missing_places(variable.literal, context)
        if not places or variable.if_missing == "empty":
            value = render(variable.literal, context)
            yield Planned(rule, variable, {"name": variable.name, "value": value})
        elif variable.if_missing == "deny":
            yield Missing(rule, variable, places)


def _is_possible(variable: Variable, container: Container) -> bool:
    """Tell whether the source exists for the container (B-16, B-17)."""
    if not variable.resource:
        return True
    if container.kind == "ephemeral":
        return False
    if not variable.only_with_limit:
        return True
    kind, resource = variable.resource
    kinds = ("limits",) if kind == "limits" else ("requests", "limits")
    return any(get(container.value, ("resources", one, resource)) is not None for one in kinds)
