"""One Spreading document → all its errors: what the model of its shape cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from webhook.documents import Item
from webhook.model import ConfigError
from webhook.objects.paths import Path
from webhook.objects.selectors import SelectorError, parse_selector
from webhook.rules.schema import parse_model
from webhook.rules.spread.config import HOSTNAME, RANKS, ZONE
from webhook.rules.spread.kinds import HASHED_KINDS, KNOWN_NAMES
from webhook.rules.spread.settings import AxisSettings, SpreadingDocument, SpreadingSpec

_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?")

Found = Iterator[tuple[Path, str]]
"""(path below `spec`, message) of each error."""


def parse(item: Item) -> tuple[ConfigError, ...]:
    """Return all errors of one document; none means that it can be built."""
    document, errors = parse_model(item, SpreadingDocument)
    if document is None:
        return errors
    checks = (_selector_errors, _kind_errors, _tier_errors)
    return tuple(
        item.error(("spec", *path), message)
        for check in checks
        for path, message in check(document.spec)
    )


def _selector_errors(spec: SpreadingSpec) -> Found:
    if spec.pod_selector is None:
        return
    if spec.level != "pod":
        yield ("podSelector",), "is for level pod; templates are treated by their kind"
    try:
        parse_selector(spec.pod_selector)
    except SelectorError as error:
        yield ("podSelector", *error.path), error.message


def _kind_errors(spec: SpreadingSpec) -> Found:
    for kind in sorted(KNOWN_NAMES.intersection(spec.match_label_keys)):
        if kind not in HASHED_KINDS:
            message = f"has no label for its revisions; allowed: {', '.join(HASHED_KINDS)}"
            yield ("matchLabelKeys", kind), message


def _tier_errors(spec: SpreadingSpec) -> Found:
    if RANKS[spec.default_tier] > RANKS[spec.max_tier]:
        yield ("maxTier",), f"is below defaultTier ({spec.default_tier})"
    for name in RANKS:
        tier = getattr(spec.tiers, name)
        path = ("tiers", name)
        for field, axis in (("hostname", tier.hostname), ("zone", tier.zone)):
            yield from _axis_errors((*path, field), axis)
        for key, axis in tier.keys.items():
            yield from _key_errors((*path, "keys", key), key)
            yield from _axis_errors((*path, "keys", key), axis)


def _key_errors(path: Path, key: str) -> Found:
    if key in (HOSTNAME, ZONE):
        yield path, "has a field of its own: write hostname or zone"
    elif not _LABEL_KEY.fullmatch(key):
        yield path, "is no label key; write name or dns.prefix/name"


def _axis_errors(path: Path, axis: AxisSettings) -> Found:
    if axis.min_domains and axis.strength not in (None, "hard"):
        yield (*path, "minDomains"), "needs strength: hard"
