"""Constraints into templates and Pods: what a write may change, and what it must leave (0.7)."""

from __future__ import annotations

from webhook.model import Action, Json
from webhook.objects.paths import get
from webhook.objects.workloads import Template, WorkloadKind
from webhook.rules.spread import reporting
from webhook.rules.spread.asking import is_spreadable, subject_of
from webhook.rules.spread.cases import CHANGING, Case, Result, observe, plan_pod
from webhook.rules.spread.likeness import alike
from webhook.rules.spread.planning import Plan, Wish, plan
from webhook.rules.spread.stability import is_unchanged, marker_path, ours
from webhook.rules.spread.subjects import Subject
from webhook.rules.spread.writing import Elements, planned, with_value, without

_STRATEGY = {"maxSurge": 0, "maxUnavailable": 1}


def mutate_template(case: Case, kind: WorkloadKind, template: Template, result: Result) -> None:
    """Treat one template of a workload; may raise NeedFacts."""
    wish, marks = case.wish(template, result.value)
    result.warnings += marks.warnings
    if case.may_change:
        result.value = marks.value
    if wish is None:
        return
    value = result.value
    if value is not case.request.object:
        now = get(value, template.path)
        template = Template(template.path, now.get("metadata") or {}, now["spec"])
    subject = subject_of(case.request, value, kind, template, case.namespace, wish, case.facts)
    if not is_spreadable(subject):
        return
    result.is_changing |= wish.mode in CHANGING
    stored = case.stored(kind, template)
    old, prefix = case.request.old_object, case.config.prefix
    added: Elements = ours(stored, old, subject.selector, prefix) if stored else {}
    if stored is None or not is_unchanged(template, stored, added, old):
        _treat_changed(case, subject, wish, added, result, is_new=stored is None)
        return
    if wish.mode in CHANGING and not alike(template.spec, stored.spec):
        result.value = with_value(result.value, template.path, get(old, template.path))
    _treat_unchanged(case, subject.with_spec(stored.spec), wish, added, result)


def _treat_changed(
    case: Case, subject: Subject, wish: Wish, added: Elements, result: Result, *, is_new: bool
) -> None:
    if wish.mode not in CHANGING:
        observe(case, plan(subject, wish), wish.mode, result)
    elif is_new or wish.spreading.adopt != "never":
        _inject(subject, wish, added, result)
    else:
        _report_drift(case, plan(subject, wish), result)


def _treat_unchanged(
    case: Case, subject: Subject, wish: Wish, added: Elements, result: Result
) -> None:
    if wish.mode not in CHANGING or wish.spreading.adopt != "always":
        _report_drift(case, plan(subject, wish), result)
        return
    before = result.value
    _inject(subject, wish, added, result)
    if result.value is not before:
        text = "changed although the write did not (adopt: always); this rolls out"
        result.warnings.append(f"{subject.place()} {text}")


def _report_drift(case: Case, made: Plan, result: Result) -> None:
    """Count what is missing in a template that this write must not change (D-19)."""
    texts = reporting.lacking(made)
    if texts:
        result.entries.append(reporting.entry(made, "drift"))
        result.violations.append(reporting.observed(texts, Action.AUDIT, case.spreading))


def _inject(subject: Subject, wish: Wish, added: Elements, result: Result) -> None:
    """Add what is missing, in place of what an older policy had added."""
    is_blind = wish.needs_room and subject.room.all is None
    base = subject.spec if is_blind else without(subject.spec, added)
    made = plan(subject if base is subject.spec else subject.with_spec(base), wish)
    spec = planned(base, subject.spec, made)
    if spec is not subject.spec:
        result.value = with_value(result.value, (*subject.path, "spec"), spec)
        result.is_injected = True
        result.entries.append(reporting.entry(made, "added"))
    if made.fixes_strategy:
        result.value = _with_strategy(result.value, subject)
    result.warnings += made.warnings


def _with_strategy(value: Json, subject: Subject) -> Json:
    path = subject.turnover.strategy
    return with_value(value, path, {**(get(value, path) or {}), **_STRATEGY})


def mark(case: Case, result: Result) -> None:
    """Write or carry the annotation that says by which policy the workload was changed.

    Nobody else writes it.
    """
    path = marker_path(case.config.prefix)
    generation = case.spreading.generation
    before, now = get(case.request.old_object, path), get(result.value, path)
    is_foreign = now not in (before, generation)
    wanted = generation if result.is_injected else before
    if result.is_changing and (result.is_injected or is_foreign) and wanted != now:
        result.value = with_value(result.value, path, wanted)


def mutate_pod(case: Case, result: Result) -> None:
    """Treat a new Pod (level pod); may raise NeedFacts."""
    found = plan_pod(case)
    if found is None:
        return
    made, wish = found
    if wish.mode in CHANGING:
        _inject(made.subject, wish, {}, result)
    else:
        observe(case, made, wish.mode, result)
