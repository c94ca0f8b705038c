"""All accepted EnvInjection documents → one Config, and the errors between documents.

Two rules that contradict each other both stay in force, in the order of their names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from webhook.documents import Item
from webhook.model import ConfigError, Json, Platform
from webhook.objects.selectors import glob, parse_selector
from webhook.rules.actors import Actors
from webhook.rules.env.config import Config, EnvRule, Match, Source, Variable
from webhook.rules.env.literals import parse_literal
from webhook.rules.env.ordering import dependencies_first, find_cycle
from webhook.rules.env.settings import (
    EnvEntry,
    EnvFromEntry,
    EnvInjectionDocument,
    EnvInjectionSpec,
    MatchSettings,
)

GENERATION_DIGITS = 8


def build(
    items: tuple[Item, ...], actors: Actors, platform: Platform
) -> tuple[Config, tuple[ConfigError, ...]]:
    """Return the configuration of rule B; every item has passed `parse`."""
    pairs = [(_rule(item), item) for item in items]
    pairs = [(rule, item) for rule, item in pairs if rule.phase != "off"]
    pairs.sort(key=lambda pair: (pair[0].priority, pair[0].name))
    rules = tuple(rule for rule, _ in pairs)
    config = Config(
        rules=rules,
        names=frozenset(item.name for item in items),
        actors=actors,
        prefix=platform.prefix,
        cluster_name=platform.cluster_name,
        needs_templates=any(rule.concerns_templates for rule in rules),
        needs_ephemeral=any(
            rule.level == "pod" and "ephemeral" in rule.match.kinds for rule in rules
        ),
    )
    return config, (*_contradictions(pairs), *_cycles(pairs))


def _rule(item: Item) -> EnvRule:
    spec = EnvInjectionDocument.model_validate_json(item.text).spec
    variables = [_variable(entry, spec) for entry in spec.env]
    return EnvRule(
        name=item.name,
        generation=hashlib.sha256(item.text.encode()).hexdigest()[:GENERATION_DIGITS],
        phase=spec.phase,
        priority=spec.priority,
        level=spec.level,
        adopt=spec.adopt,
        match=_match(spec.match),
        variables=tuple(
            dependencies_first(variables, lambda one: one.name, lambda one: one.references)
        ),
        sources=tuple(_source(entry, spec) for entry in spec.env_from),
        position=spec.position,
        mandatory=spec.mandatory,
        atomic=spec.atomic,
        respect_env_from=spec.respect_env_from,
        warn_on_keep=spec.warn_on_keep,
        opt_out_by=spec.opt_out_by,
        reserved=tuple((one.prefix, one.treatment) for one in spec.reserved_prefixes),
        max_entries=spec.limits.entries,
        max_bytes=spec.limits.bytes,
        marker=spec.marker,
    )


def _match(given: MatchSettings) -> Match:
    pods, namespaces = given.pod_selector, given.namespace_selector
    return Match(
        namespaces=given.namespaces,
        exclude_namespaces=given.exclude_namespaces,
        namespace_selector=None if namespaces is None else parse_selector(namespaces),
        pod_selector=None if pods is None else parse_selector(pods),
        annotations=tuple(sorted(given.annotations.items())),
        owner_kinds=given.owner_kinds,
        images=given.images,
        os=given.os or "",
        include=given.containers.include,
        exclude=given.containers.exclude,
        kinds=frozenset(given.containers.kinds),
    )


def _variable(entry: EnvEntry, spec: EnvInjectionSpec) -> Variable:
    resource = entry.value_from and entry.value_from.resource_field_ref
    return Variable(
        name=entry.name,
        conflict=entry.conflict or spec.conflict,
        separator=entry.separator or spec.separator,
        if_missing=entry.if_missing or spec.if_missing,
        literal=None if entry.value is None else parse_literal(entry.value),
        value_from=_value_from(entry, spec),
        resource=tuple(resource.resource.split(".", 1)) if resource else (),
        only_with_limit=entry.only_with_limit,
    )


def _value_from(entry: EnvEntry, spec: EnvInjectionSpec) -> dict[str, Json] | None:
    """Return the API's form, keys sorted; references to keys are optional unless mandatory."""
    if entry.value_from is None:
        return None
    written = entry.value_from.model_dump(by_alias=True, exclude_none=True)
    for key, reference in written.items():
        if key in ("configMapKeyRef", "secretKeyRef"):
            reference.setdefault("optional", not spec.mandatory)
        if reference.get("optional") is False:
            del reference["optional"]
    return {key: dict(sorted(reference.items())) for key, reference in written.items()}


def _source(entry: EnvFromEntry, spec: EnvInjectionSpec) -> Source:
    written = entry.model_dump(by_alias=True, exclude_none=True, exclude={"conflict"})
    if not entry.prefix:
        del written["prefix"]
    for reference in (written.get("configMapRef"), written.get("secretRef")):
        if reference is not None:
            reference.setdefault("optional", not spec.mandatory)
            if not reference["optional"]:
                del reference["optional"]
    wins = (entry.conflict or spec.conflict) == "override"
    return Source(dict(sorted(written.items())), wins)


def _contradictions(pairs: Sequence[tuple[EnvRule, Item]]) -> Iterator[ConfigError]:
    """Yield rules of equal priority that give one name different values (B-24)."""
    earlier: dict[tuple[int, str], list[tuple[EnvRule, Variable]]] = {}
    for rule, item in pairs:
        for variable in rule.variables:
            others = earlier.setdefault((rule.priority, variable.name), [])
            other = next((o.name for o, v in others if _contradict(o, v, rule, variable)), None)
            if other is not None:
                message = (
                    f"{variable.name} has another value in {other!r} with the same priority "
                    f"{rule.priority}; {min(other, rule.name)!r} holds, give them different priorities"
                )
                yield item.error(("spec", "env", _index(item, variable.name), "name"), message)
            others.append((rule, variable))


def _contradict(one: EnvRule, first: Variable, other: EnvRule, second: Variable) -> bool:
    if first.conflict == second.conflict == "append":
        return False
    values = ((first.literal, first.value_from), (second.literal, second.value_from))
    return values[0] != values[1] and one.level == other.level and _may_meet(one, other)


def _may_meet(one: EnvRule, other: EnvRule) -> bool:
    """Tell whether both can concern one Namespace, as far as their lists of names tell."""
    mine, theirs = one.match.namespaces or ("*",), other.match.namespaces or ("*",)
    return any(glob(a, b) or glob(b, a) or ("*" in a and "*" in b) for a in mine for b in theirs)


def _index(item: Item, name: str) -> int:
    names = [entry["name"] for entry in item.value["spec"]["env"]]
    return names.index(name)


def _cycles(pairs: Sequence[tuple[EnvRule, Item]]) -> Iterator[ConfigError]:
    """Yield a cycle that only several rules together have."""
    references: dict[str, frozenset[str]] = {}
    for rule, item in pairs:
        for variable in rule.variables:
            references.setdefault(variable.name, variable.references)
        cycle = find_cycle(references)
        if cycle:
            message = f"refers to itself through other rules: {' -> '.join((*cycle, cycle[0]))}"
            own = [variable.name for variable in rule.variables if variable.name in cycle]
            yield item.error(("spec", "env", _index(item, own[0]), "name"), message)
            return
