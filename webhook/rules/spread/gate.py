"""Whether a hard rule can be scheduled, and what takes its place where not (platform-rules D.4).

Advisory: the nodes may have changed since they were read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from webhook.model import Json
from webhook.rules.spread.config import EXCLUSIVE, HARD, HOSTNAME, SOFT, SOFT_AFFINITY, Axis
from webhook.rules.spread.existing import keeps_together
from webhook.rules.spread.nodes import is_pinned
from webhook.rules.spread.subjects import Subject


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do at an axis: the axis as it can be had, None for nothing.

    `problem` says why it is not what the tier wants, `advice` what to do about it; `is_refusable`
    is true where the modes enforce and deny refuse the workload for it.
    """

    axis: Axis | None
    problem: str = ""
    advice: str = ""
    is_refusable: bool = False
    fixes_strategy: bool = False


def pass_gate(axis: Axis, subject: Subject, *, may_fix: bool, has_autoscaler: bool) -> Verdict:
    """Judge one axis of a template."""
    contradiction = _contradiction(axis, subject)
    if contradiction:
        text = f"contradiction: {contradiction}"
        return Verdict(None, text, "Remove what holds the Pods together", is_refusable=axis.is_hard)
    if not axis.is_hard or (axis.strength == EXCLUSIVE and not subject.most):
        return Verdict(axis)
    if axis.strength == HARD and subject.replicas <= 1:
        return Verdict(_softened(axis))
    if subject.room.all is None:
        return Verdict(
            _softened(axis), f"{axis.name} spreading only preferred, the nodes are not known"
        )
    if subject.has_tied_volumes:
        text = f"{axis.name} spreading only preferred, volumes may be tied to a node or zone"
        return Verdict(_softened(axis), text)
    if axis.strength == EXCLUSIVE:
        return _exclusive(axis, subject, may_fix=may_fix)
    return _hard(axis, subject, has_autoscaler=has_autoscaler)


def _softened(axis: Axis) -> Axis:
    return replace(axis, strength=SOFT_AFFINITY if axis.strength == EXCLUSIVE else SOFT)


def _contradiction(axis: Axis, subject: Subject) -> str:
    if axis.key == HOSTNAME and is_pinned(subject.spec):
        return "the template names one node, its Pods cannot be spread over several"
    if keeps_together(subject.spec, axis, subject.around):
        return f"podAffinity wants these Pods at one {axis.name}, not spread over several"
    return ""


def _exclusive(axis: Axis, subject: Subject, *, may_fix: bool) -> Verdict:
    wanted, eligible, turnover = subject.most, len(subject.room.eligible), subject.turnover
    if wanted > eligible:
        text = (
            f"exclusive placement needs {wanted} nodes, {eligible} are eligible for this template"
            f"{_node_selector(subject.spec)}"
        )
        return Verdict(_softened(axis), text, "Lower replicas", is_refusable=True)
    if turnover.deletes_first or turnover.unavailable or wanted + turnover.needed <= eligible:
        return Verdict(axis)
    if may_fix and turnover.strategy:
        return Verdict(axis, fixes_strategy=True)
    text = f"exclusive only preferred, a roll-out needs {wanted + turnover.needed} nodes, {eligible} eligible"
    return Verdict(_softened(axis), text)


def _node_selector(spec: Mapping[str, Json]) -> str:
    wanted = spec.get("nodeSelector")
    if not isinstance(wanted, dict) or not wanted:
        return ""
    return f" (nodeSelector {','.join(f'{key}={value}' for key, value in sorted(wanted.items()))})"


def _hard(axis: Axis, subject: Subject, *, has_autoscaler: bool) -> Verdict:
    domains = subject.room.domains(axis.key)
    is_host = axis.key == HOSTNAME
    count = len(subject.room.eligible) if is_host else domains
    if count < 2:
        noun = f"{'node' if is_host else 'domain'}{'' if count == 1 else 's'}"
        text = f"{axis.name} spreading only preferred, {count} eligible {noun}"
        return Verdict(_softened(axis), text)
    if not is_host and subject.room.lacks(axis.key):
        return Verdict(
            _softened(axis), f"{axis.name} spreading only preferred, a node lacks its label"
        )
    if axis.min_domains > count and not has_autoscaler:
        return Verdict(replace(axis, min_domains=0))
    return Verdict(axis)
