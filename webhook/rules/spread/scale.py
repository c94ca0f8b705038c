"""Rule D on `*/scale`: the parent is read live, since a Scale shows nothing of it (D.6, F-23)."""

from __future__ import annotations

from dataclasses import replace

from webhook.model import Action, AdmissionRequest, Facts, Get, Json, Outcome
from webhook.objects.paths import get
from webhook.objects.workloads import WorkloadKind, templates
from webhook.rules.actors import TRUSTED_CONTROLLERS, ActorClass, acting_class
from webhook.rules.spread import reporting
from webhook.rules.spread.asking import NODES, is_spreadable, look_up_all, subject_of
from webhook.rules.spread.config import EXCLUSIVE, HOSTNAME, Axis, Config, Spreading
from webhook.rules.spread.existing import existing, is_satisfied
from webhook.rules.spread.nodes import room_for
from webhook.rules.spread.planning import Refusal, Wish, plan
from webhook.rules.spread.subjects import Subject
from webhook.rules.spread.wishing import namespace_of, wish_of

_ONE_PER_NODE = Axis(HOSTNAME, EXCLUSIVE)


def judge_scale(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Warn about, or refuse, a change of scale that the template is not made for.

    May raise NeedFacts (the parent, its Namespace, nodes). Autoscalers and other controllers are
    never held up; what cannot be read is not refused.
    """
    spreading, nothing = config.templates, Outcome(request.object)
    kind = config.kind_with(request.resource.group, request.resource.resource)
    actor = acting_class(request.user_info, config.actors)
    if spreading is None or kind is None or actor in TRUSTED_CONTROLLERS or not _grows(request):
        return nothing
    if actor is ActorClass.BREAKGLASS:
        return replace(nothing, warnings=(reporting.SKIPPED,))
    version = request.resource.version
    api_version = f"{kind.group}/{version}" if kind.group else version
    lookup = Get(api_version, kind.kind, request.namespace, request.name)
    parent = look_up_all([lookup], facts)[lookup]
    if not isinstance(parent, dict):
        text = f"{kind.kind} {request.name} cannot be read, its spreading is not checked"
        return replace(nothing, warnings=reporting.warned([text]))
    if config.actors.kinds.controller_of(parent):
        return nothing
    return _judged(request, kind, parent, config, spreading, facts)


def _grows(request: AdmissionRequest) -> bool:
    if request.operation != "UPDATE":
        return False
    return _count(request.object) > max(1, _count(request.old_object))


def _count(scale: Json) -> int:
    found = get(scale, ("spec", "replicas"))
    return found if isinstance(found, int) else 0


def _judged(
    request: AdmissionRequest,
    kind: WorkloadKind,
    parent: Json,
    config: Config,
    spreading: Spreading,
    facts: Facts,
) -> Outcome:
    namespace = namespace_of(request, facts)
    actor = acting_class(request.user_info, config.actors)
    before, after = _count(request.old_object), _count(request.object)
    refusals: list[Refusal] = []
    for template in templates(kind, parent):
        wish, _ = wish_of(parent, parent, template.path, namespace, spreading, config, actor)
        if wish is None:
            continue
        subject = subject_of(request, parent, kind, template, namespace, wish, facts)
        if is_spreadable(subject):
            subject = replace(subject, replicas=after, most=after)
            refusals += _problems(subject, wish, before, after, facts)
    return _told(request, refusals, spreading, is_warning=_only_warns(spreading, actor))


def _problems(subject: Subject, wish: Wish, before: int, after: int, facts: Facts) -> list[Refusal]:
    """Return what is wrong with so many replicas of this template, when a threshold is passed."""
    found = existing(subject.spec, subject.around)
    if wish.is_exclusive or is_satisfied(found, _ONE_PER_NODE):
        room = room_for(subject.spec, look_up_all([NODES], facts)[NODES])
        eligible = len(room.eligible)
        if room.all is not None and before <= eligible < after:
            text = f"exclusive placement needs {after} nodes, {eligible} are eligible for this template"
            return [Refusal(text, "Choose fewer replicas")]
    if before > 1:
        return []
    made = plan(subject, wish)
    texts = [text for text in reporting.lacking(made) if text]
    return [Refusal(text, "Add it to the template") for text in texts]


def _only_warns(spreading: Spreading, actor: ActorClass) -> bool:
    is_in_force = spreading.phase == "enforce" and actor is not ActorClass.PLATFORM
    return spreading.on_scale == "warn" or not is_in_force


def _told(
    request: AdmissionRequest, refusals: list[Refusal], spreading: Spreading, *, is_warning: bool
) -> Outcome:
    if not refusals:
        return Outcome(request.object)
    texts = [one.text for one in refusals]
    entries = [{"treatment": "unsatisfied at this scale", "problems": texts}]
    told = Outcome(request.object, audit_annotations=reporting.annotation(entries))
    if not is_warning:
        return replace(told, violations=(reporting.denial(refusals, spreading),))
    action = Action.AUDIT if spreading.phase == "audit" else Action.WARN
    warnings = () if action is Action.AUDIT else reporting.warned(texts)
    return replace(
        told, warnings=warnings, violations=(reporting.observed(texts, action, spreading),)
    )
