"""Accepted Spreading documents → the Config: one document in force for each level."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from webhook.documents import Item
from webhook.model import ConfigError, Platform
from webhook.objects.selectors import LabelSelector, parse_selector
from webhook.objects.workloads import WorkloadKind
from webhook.rules.actors import Actors
from webhook.rules.spread.config import (
    HARD,
    HOSTNAME,
    NONE,
    SOFT,
    SOFT_AFFINITY,
    ZONE,
    Axis,
    Config,
    Spreading,
    Tier,
)
from webhook.rules.spread.kinds import hash_of, spread_kinds
from webhook.rules.spread.settings import (
    AxisSettings,
    SpreadingDocument,
    SpreadingSpec,
    TierSettings,
)

GENERATION_DIGITS = 8
KNATIVE = {"matchExpressions": [{"key": "serving.knative.dev/revision", "operator": "Exists"}]}
"""The Pods that level pod treats when the document names none (D-34)."""

_DEFAULTS: Mapping[str, tuple[str, str]] = {
    "critical": ("enforce", HARD),
    "standard": ("mutate", SOFT),
    "dev": ("off", NONE),
}
"""Tier → mode, strength of hostname and zone (platform-rules D.3)."""

_VERSION = re.compile(r"v?(\d+)\.(\d+)")


def build(
    items: tuple[Item, ...], actors: Actors, platform: Platform
) -> tuple[Config, tuple[ConfigError, ...]]:
    """Return the configuration of rule D; every item has passed `parse`.

    For each level one document is in force: the first by name that is not off. Another one is an
    error.
    """
    version = _version(platform.kubernetes_version)
    found = [(item, SpreadingDocument.model_validate_json(item.text).spec) for item in items]
    used = sorted((p for p in found if p[1].phase != "off"), key=lambda pair: pair[0].name)
    first: dict[str, Spreading] = {}
    errors: list[ConfigError] = []
    for item, spec in used:
        other = first.setdefault(spec.level, _spreading(item, spec, version))
        if other.name != item.name:
            message = (
                f"{other.name} is in force for level {spec.level} already, and only one can be;"
                " set phase: off in one of them"
            )
            errors.append(item.error(("spec",), message))
    kinds = {row.key: row for row in spread_kinds(actors.kinds)}
    errors += [error for item, spec in used for error in _unknown_kinds(item, spec, kinds.values())]
    return (
        Config(first.get("template"), first.get("pod"), actors, platform.prefix, version, kinds),
        tuple(errors),
    )


def _unknown_kinds(
    item: Item, spec: SpreadingSpec, kinds: Iterable[WorkloadKind]
) -> Iterator[ConfigError]:
    """Yield the kinds in matchLabelKeys that are neither built in nor added with a hashLabel."""
    known = sorted({row.kind for row in kinds if hash_of(row).hash_label})
    for kind in sorted(set(spec.match_label_keys).difference(known)):
        message = f"has no label for its revisions; allowed: {', '.join(known)}"
        yield item.error(("spec", "matchLabelKeys", kind), message)


def _version(text: str) -> tuple[int, int] | None:
    found = _VERSION.match(text)
    return (int(found[1]), int(found[2])) if found else None


def _spreading(item: Item, spec: SpreadingSpec, version: tuple[int, int] | None) -> Spreading:
    tiers = {
        name: _tier(
            name, getattr(spec.tiers, name), is_old=version is not None and version < (1, 19)
        )
        for name in _DEFAULTS
    }
    return Spreading(
        name=item.name,
        generation=hashlib.sha256(item.text.encode()).hexdigest()[:GENERATION_DIGITS],
        phase=spec.phase,
        exclude_namespaces=spec.exclude_namespaces,
        default_tier=spec.default_tier,
        max_tier=spec.max_tier,
        tiers=tiers,
        adopt=spec.adopt,
        opt_out_by=spec.opt_out_by,
        on_scale=spec.on_scale,
        zone_always=spec.zone_always,
        fix_strategy=spec.fix_strategy,
        has_autoscaler=spec.cluster_autoscaler,
        match_label_keys=spec.match_label_keys,
        contact=spec.contact,
        pod_selector=_pod_selector(spec),
    )


def _pod_selector(spec: SpreadingSpec) -> LabelSelector | None:
    if spec.level != "pod":
        return None
    return parse_selector(KNATIVE if spec.pod_selector is None else spec.pod_selector)


def _tier(name: str, given: TierSettings, *, is_old: bool) -> Tier:
    mode, strength = _DEFAULTS[name]
    return Tier(
        name,
        given.mode or mode,
        tuple(axis for axis in _axes(given, strength, is_old=is_old) if axis.strength != NONE),
        given.min_replicas or 0,
    )


def _axes(given: TierSettings, strength: str, *, is_old: bool) -> Iterator[Axis]:
    settings = {HOSTNAME: given.hostname, ZONE: given.zone, **given.keys}
    for key, one in settings.items():
        wanted = one.strength or strength
        if is_old and wanted == SOFT:  # topologySpreadConstraints are there since 1.19
            wanted = SOFT_AFFINITY
        yield _axis(key, one, wanted)


def _axis(key: str, given: AxisSettings, strength: str) -> Axis:
    weight = given.weight or (100 if key == HOSTNAME else 50)
    return Axis(key, strength, given.max_skew, weight, given.min_domains or 0)
