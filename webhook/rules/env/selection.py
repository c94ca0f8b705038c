"""Which rules concern a Pod, and which of its containers (platform-rules B.2, Selection).

All conditions given must hold. Opt-outs are not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from webhook.model import Json
from webhook.objects.selectors import glob, matches
from webhook.rules.env.config import EnvRule, Match
from webhook.rules.env.targets import Container, Target


def names_namespace(match: Match, namespace: str) -> bool:
    """Tell whether the lists of names let the Namespace in; needs no facts."""
    if match.namespaces and not _any_glob(match.namespaces, namespace):
        return False
    return not _any_glob(match.exclude_namespaces, namespace)


def matches_target(match: Match, target: Target) -> bool:
    """Tell whether all conditions on the Pod and its Namespace hold, but those of names.

    An unknown Namespace is not selected by `namespaceSelector`.
    """
    selector = match.namespace_selector
    if selector is not None and not target.namespace_is_known:
        return False
    if selector is not None and not matches(selector, target.namespace_labels):
        return False
    return matches_pod(match, target)


def matches_pod(match: Match, target: Target) -> bool:
    """Tell whether all conditions on the Pod and its annotations hold."""
    if match.pod_selector is not None and not matches(match.pod_selector, target.labels):
        return False
    if match.owner_kinds and target.owner_kind not in match.owner_kinds:
        return False
    if match.os and match.os != target.os:
        return False
    return all(_has_annotation(target, *pair) for pair in match.annotations)


def cannot_be_matched(rule: EnvRule, target: Target) -> bool:
    """Tell whether a mandatory rule may concern the Pod but its Namespace is unknown."""
    if not rule.mandatory or target.namespace_is_known or rule.match.namespace_selector is None:
        return False
    return matches_pod(rule.match, target)


def selects_container(match: Match, container: Container) -> bool:
    """Tell whether the rule concerns the container."""
    if container.kind not in match.kinds:
        return False
    if not _any_glob(match.include, container.name) or _any_glob(match.exclude, container.name):
        return False
    return not match.images or _any_glob(match.images, str(container.value.get("image", "")))


def _any_glob(patterns: Iterable[str], text: str) -> bool:
    return any(pattern == "*" or glob(pattern, text) for pattern in patterns)


def _has_annotation(target: Target, key: str, value: str) -> bool:
    return _has(target.annotations, key, value) or _has(target.namespace_annotations, key, value)


def _has(annotations: Mapping[str, Json], key: str, value: str) -> bool:
    return any(glob(key, k) and glob(value, str(v)) for k, v in annotations.items())
