"""Rule A on a request: whose write it is, what is left alone, and what comes of it.

Touches hidden fields of the kinds in `config.py`, only where a developer (or who acts as one)
writes them. Pods have been judged by `mutate` when `validate` sees what other webhooks made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from webhook.model import Action, AdmissionRequest, Facts, Json, Outcome
from webhook.objects.workloads import WorkloadKind
from webhook.rules.actors import ActorClass, classify
from webhook.rules.hide import reporting
from webhook.rules.hide.catalogue import RESERVED_KINDS
from webhook.rules.hide.config import Config
from webhook.rules.hide.entries import ABSENT, PRESETS, Entry
from webhook.rules.hide.last_applied import is_resent, scrubbed
from webhook.rules.hide.notes import Note, Verb, Walk, as_map
from webhook.rules.hide.origins import (
    accepted_copy,
    data_differs,
    has_unknown_owner,
    is_echo,
    owner_of,
    template_differs,
)
from webhook.rules.hide.ownership import with_owners
from webhook.rules.hide.references import check_references
from webhook.rules.hide.scaling import frozen_replicas, judge_scale, with_replicas
from webhook.rules.hide.templates import treated_pod
from webhook.rules.hide.untouched import is_untouched
from webhook.rules.hide.walking import CREATED, NOWHERE, STORED, treat, treat_map
from webhook.rules.hide.words import LANGUAGES
from webhook.rules.skips import is_skipped

POD = ("", "Pod")
REVISION = ("apps", "ControllerRevision")
SUB_RESOURCES = frozenset(("", "scale", "ephemeralcontainers", "resize"))
KIND = Entry("kind", "I", *PRESETS["lock"], reason="reserved for the platform")
CHANGING = frozenset((Verb.REMOVED, Verb.KEPT, Verb.SET, Verb.BROUGHT_BACK, Verb.CARRIED))


@dataclass(slots=True)
class Judged:
    """What the rule makes of an object, before the phase is looked at."""

    object: Json
    notes: Sequence[Note]
    phase: str


def mutate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Return the object with its hidden fields as they should be; may raise NeedFacts.

    Everything that must be refused is refused in one denial, and then nothing is changed.
    """
    judged = judge(request, config, facts)
    if judged is None:
        return Outcome(request.object)
    return _outcome(request, judged, config)


def validate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Refuse what must be refused in the object that all webhooks together made."""
    if _kind(request) == POD and not request.sub_resource:
        return Outcome(request.object)
    judged = judge(request, config, facts)
    if judged is None or judged.phase != "enforce" or not judged.notes:
        return Outcome(request.object)
    denials = reporting.denials(judged.notes, config, request.object)
    return Outcome(request.object, violations=denials)


def _kind(request: AdmissionRequest) -> tuple[str, str]:
    return request.kind.group, request.kind.kind


def judge(request: AdmissionRequest, config: Config, facts: Facts) -> Judged | None:
    """Return what the rule would do, None when it is not concerned; may raise NeedFacts."""
    if config.spec.phase == "off" or not _is_looked_at(request, config):
        return None
    actor = classify(request.user_info, config.actors)
    role = config.actors.delegate_as if actor is ActorClass.DELEGATE else actor
    phase = config.spec.phase
    writable = config.writable(role)
    if "I" in writable:
        setting = config.spec.unknown_owner_kind or config.actors.unknown_owner_kind
        if (
            setting == "ignore"
            or actor is ActorClass.BREAKGLASS
            or not has_unknown_owner(request, config.actors.kinds)
        ):
            return None
        phase = "audit" if setting == "audit" else phase
        writable = config.writable(ActorClass.DEVELOPER)
        return _of_unknown_owner(request, _walk(request, config, writable, "strip"), config, phase)
    is_delegate = actor is ActorClass.DELEGATE
    delegate = config.spec.delegate_treatment if is_delegate else "strip"
    return _judged(request, _walk(request, config, writable, delegate), config, facts)


def _is_looked_at(request: AdmissionRequest, config: Config) -> bool:
    if request.operation not in ("CREATE", "UPDATE") or is_skipped(request):
        return False
    return request.sub_resource in SUB_RESOURCES and config.concerns(request.namespace)


def _walk(
    request: AdmissionRequest, config: Config, writable: frozenset[str], delegate: str
) -> Walk:
    incoming, stored = (
        as_map(as_map(one).get("metadata")) for one in (request.object, request.old_object)
    )
    return Walk(
        spec=config.spec,
        prefix=config.prefix,
        namespace=request.namespace,
        writable=writable,
        incoming=request.object,
        delegate=delegate,
        had_live=incoming.get("uid") == stored.get("uid"),
        stored=request.old_object,
        skipped=config.spec.injected_by_others if _kind(request) == POD else (),
    )


def _judged(request: AdmissionRequest, walk: Walk, config: Config, facts: Facts) -> Judged | None:
    phase = config.spec.phase
    if request.sub_resource == "scale":
        judge_scale(request, walk, config, facts)
        return Judged(request.object, walk.notes, phase)
    if is_echo(request, config.prefix):
        return None
    key = _kind(request)
    if request.operation in RESERVED_KINDS.get(key, ()):
        text = LANGUAGES[config.spec.language].reserved_kind.format(kind=request.kind.kind)
        return Judged(request.object, [Note(Verb.DENIED, ("kind",), KIND, detail=text)], phase)
    if key not in config.trees or accepted_copy(request, facts):
        return None
    kind = config.actors.kinds.find(*key)
    owner = owner_of(request, config.actors.kinds)
    if owner and (key == REVISION or (kind is not None and kind.kind != "Pod")):
        return _of_owned(request, kind, owner, config)
    return Judged(_treated(request, walk, config, facts), walk.notes, phase)


def _of_owned(
    request: AdmissionRequest, kind: WorkloadKind | None, owner: str, config: Config
) -> Judged | None:
    """Refuse another template for an object that a controller of a known kind keeps (A.8).

    A ControllerRevision, which has no row in the registry, holds one in its `data`.
    """
    if not (template_differs(request, kind) if kind else data_differs(request)):
        return None
    text = LANGUAGES[config.spec.language].owned.format(
        kind=request.kind.kind, name=request.name, owner=owner
    )
    place = ("spec", "template") if kind else ("data",)
    note = Note(Verb.DENIED, place, KIND, detail=text)
    return Judged(request.object, [note], config.spec.phase)


def _of_unknown_owner(
    request: AdmissionRequest, walk: Walk, config: Config, phase: str
) -> Judged | None:
    """Judge the specification of a Pod whose template may be a developer's (0.4)."""
    tree = config.trees[POD]
    value = treated_pod(treat_map, tree, (request.object, ABSENT), (), CREATED, walk)
    notes = [note for note in walk.notes if note.place[0] != "metadata"]
    if not notes:
        return None
    kept = {**value, "metadata": request.object.get("metadata")}
    return Judged(kept, notes, phase)


def _treated(request: AdmissionRequest, walk: Walk, config: Config, facts: Facts) -> Json:
    frozen = frozen_replicas(request, walk, config, facts)
    column = STORED if request.operation == "UPDATE" else CREATED
    old = ABSENT if request.old_object is None else request.old_object
    key = _kind(request)
    tree = config.trees[key]
    if request.sub_resource:
        tree = {"ephemeralcontainers": config.ephemeral, "resize": config.resize}[
            request.sub_resource
        ]
    if key == POD:
        value = treated_pod(treat_map, tree, (request.object, old), (), column, walk)
    elif _is_short(column, config) and is_untouched(tree, request.object, old, walk):
        value = request.object
    else:
        value = treat(tree, request.object, old, NOWHERE, (), column, walk)
    if frozen is not None:
        value = with_replicas(value, *frozen)
    check_references(request, walk)
    value = scrubbed(value, request, walk, config)
    return with_owners(request, value, walk.notes, config.spec.managed_fields, config.prefix)


def _is_short(column: int, config: Config) -> bool:
    """Tell whether the short cut may be tried: it knows no guards, which look at other places."""
    return column == STORED and not config.has_guards


def _outcome(request: AdmissionRequest, judged: Judged, config: Config) -> Outcome:
    phase, notes = judged.phase, judged.notes
    if not notes and judged.object is request.object:
        return Outcome(request.object)
    denials = reporting.denials(notes, config, request.object)
    is_denied = phase == "enforce" and bool(denials)
    changed = judged.object if phase == "enforce" and not denials else request.object
    is_changed = changed is not request.object
    told = notes if phase in ("enforce", "warn") else ()
    is_noiseless = config.spec.noiseless and is_resent(request)
    violations = denials if phase == "enforce" else (*denials, *reporting.observed(notes, config))
    if phase != config.spec.phase:
        violations = tuple(replace(one, action=Action.AUDIT) for one in violations)
    return Outcome(
        changed,
        violations=violations,
        warnings=reporting.warnings(
            () if is_noiseless or is_denied else told, phase, config.spec.language
        ),
        audit_annotations=reporting.annotation(notes, phase),
        mutated_by=(config.document,) if is_changed else (),
    )
