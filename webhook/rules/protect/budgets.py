"""A workload that becomes protected should have a disruption budget (platform-rules E.8)."""

from __future__ import annotations

from webhook.model import Facts
from webhook.objects.paths import get
from webhook.objects.selectors import SelectorError, matches, parse_selector
from webhook.objects.workloads import templates
from webhook.rules.protect.asking import UnverifiedError, objects, served
from webhook.rules.protect.config import Config
from webhook.rules.protect.kinds import KINDS
from webhook.rules.protect.levels import label_level
from webhook.rules.protect.subjects import Subject

BUDGETS = tuple(one for one in KINDS if one.kind in {"PodDisruptionBudget", "PodUnavailableBudget"})


def budget_warnings(new: Subject, old: Subject, config: Config, facts: Facts) -> tuple[str, ...]:
    """Return a warning when no budget selects the workload's Pods; may raise NeedFacts."""
    row = config.actors.kinds.find(new.group, new.kind)
    if not config.settings.warn_without_budget or row is None or not row.has_scale:
        return ()
    if label_level(old.labels, config) or not label_level(new.labels, config):
        return ()
    labels = [get(one.metadata, ("labels",)) for one in templates(row, new.value)]
    try:
        budgets = [
            one
            for version, kind in served(facts, BUDGETS)
            for one in objects(facts, version, kind, new.namespace)
        ]
    except UnverifiedError:
        return ()
    if any(
        _selects(get(one, ("spec", "selector")), one_labels)
        for one in budgets
        for one_labels in labels
    ):
        return ()
    return (f"protect: no PodDisruptionBudget covers the Pods of {new.title}",)


def _selects(selector: object, labels: object) -> bool:
    try:
        return isinstance(labels, dict) and matches(parse_selector(selector), labels)
    except SelectorError:
        return False
