"""Rule D on a request: what is added, what is warned about, what is refused.

Touches topologySpreadConstraints and podAntiAffinity of templates, the annotation PREFIX/spread of
their workload, marks that their author may not write, and the roll-out strategy where the document
says so (fixStrategy). Refusals come from `validate` only.
"""

from __future__ import annotations

from collections.abc import Iterator

from webhook.model import AdmissionRequest, Facts, Outcome
from webhook.objects.workloads import WorkloadKind, templates
from webhook.rules.actors import ActorClass
from webhook.rules.skips import is_skipped
from webhook.rules.spread import reporting
from webhook.rules.spread.asking import is_spreadable, subject_of
from webhook.rules.spread.cases import Case, Result, outcome_of, plan_pod
from webhook.rules.spread.config import Config
from webhook.rules.spread.injection import mark, mutate_pod, mutate_template
from webhook.rules.spread.planning import Plan, Refusal, Wish, plan
from webhook.rules.spread.scale import judge_scale
from webhook.rules.spread.stability import is_unchanged
from webhook.rules.spread.targets import concern_of
from webhook.rules.spread.wishing import namespace_of

SCALE = "scale"


def mutate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Return the workload with the constraints that it lacks; may raise NeedFacts."""
    if is_skipped(request):
        return Outcome(request.object)
    if request.sub_resource == SCALE:
        judges = config.warns_on_scale
        return judge_scale(request, config, facts) if judges else Outcome(request.object)
    concern = concern_of(request, config)
    if concern is None:
        return Outcome(request.object)
    if concern.actor is ActorClass.BREAKGLASS:
        return Outcome(request.object, warnings=(reporting.SKIPPED,))
    case = Case(request, config, facts, concern, namespace_of(request, facts))
    result = Result(request.object)
    if concern.kind is None:
        mutate_pod(case, result)
    else:
        for template in templates(concern.kind, request.object):
            mutate_template(case, concern.kind, template, result)
        mark(case, result)
    return outcome_of(case, result)


def validate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Refuse what cannot be spread as its tier wants it; may raise NeedFacts."""
    if is_skipped(request):
        return Outcome(request.object)
    if request.sub_resource == SCALE:
        judges = config.denies_on_scale
        return judge_scale(request, config, facts) if judges else Outcome(request.object)
    concern = concern_of(request, config)
    if concern is None or concern.actor is ActorClass.BREAKGLASS:
        return Outcome(request.object)
    case = Case(request, config, facts, concern, namespace_of(request, facts))
    refusals = [one for made, wish in _judged(case) for one in _refusals(made, wish)]
    if not refusals:
        return Outcome(request.object)
    entries = [{"treatment": "refused", "problems": [one.text for one in refusals]}]
    return Outcome(
        request.object,
        violations=(reporting.denial(refusals, case.spreading),),
        audit_annotations=reporting.annotation(entries),
    )


def _refusals(made: Plan, wish: Wish) -> list[Refusal]:
    return reporting.missing_refusals(made) if wish.mode == "deny" else made.refusals


def _judged(case: Case) -> Iterator[tuple[Plan, Wish]]:
    kind = case.concern.kind
    if kind is not None:
        yield from _judged_templates(case, kind)
        return
    found = plan_pod(case)
    if found is not None and found[1].refuses:
        yield found


def _judged_templates(case: Case, kind: WorkloadKind) -> Iterator[tuple[Plan, Wish]]:
    """Yield the plans for new and changed templates: what is stored is never refused."""
    for template in templates(kind, case.request.object):
        wish, _ = case.wish(template, case.request.object)
        if wish is None or not wish.refuses:
            continue
        stored = case.stored(kind, template)
        if stored is not None and is_unchanged(template, stored, {}, None):
            continue
        subject = subject_of(
            case.request, case.request.object, kind, template, case.namespace, wish, case.facts
        )
        if is_spreadable(subject):
            yield plan(subject, wish), wish
