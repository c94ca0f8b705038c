"""Node affinity towards nodes on which lxcfs is ready (C.3, C-28 to C-30).

Only adds: a Pod that asks for a node by itself asks for lxcfs as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from webhook.model import Json
from webhook.rules.lxcfs.config import Config
from webhook.rules.lxcfs.switches import read_map

READY = "lxcfs-ready"
WEIGHT = 50
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def affinity_for(spec: Mapping[str, Json], config: Config) -> Json:
    """Return the affinity that the Pod should have; the one that it has when nothing is missing."""
    before = spec.get("affinity")
    node = read_map(spec, ("affinity", "nodeAffinity"))
    expression = {"key": f"{config.prefix}/{READY}", "operator": "In", "values": ["true"]}
    if config.settings.require_node == "none":
        return before
    if config.settings.require_node == "required":
        after = _required(node, expression)
    else:
        after = _preferred(node, expression)
    return before if after is node else {**(before or {}), "nodeAffinity": after}


def _required(node: Mapping[str, Json], expression: Json) -> Mapping[str, Json]:
    """Add the expression to each term: terms are alternatives. An empty one matches no node."""
    terms = read_map(node, (REQUIRED,)).get("nodeSelectorTerms") or [{"matchExpressions": []}]
    changed = [_with_expression(term, expression) for term in terms]
    if all(new is old for new, old in zip(changed, terms, strict=True)):
        return node
    return {**node, REQUIRED: {"nodeSelectorTerms": changed}}


def _with_expression(term: Json, expression: Json) -> Json:
    if not isinstance(term, dict) or not term:
        return term
    expressions = term.get("matchExpressions") or []
    if expression in expressions:
        return term
    return {**term, "matchExpressions": [*expressions, expression]}


def _preferred(node: Mapping[str, Json], expression: Json) -> Mapping[str, Json]:
    wish = {"weight": WEIGHT, "preference": {"matchExpressions": [expression]}}
    wishes = node.get(PREFERRED) or []
    return node if wish in wishes else {**node, PREFERRED: [*wishes, wish]}
