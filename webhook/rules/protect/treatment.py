"""Rule E on a request: deletion, eviction, scaling, finalizing, or any other write.

Every part ends in `_first`: the strictest phase in which something is to be refused answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from webhook.model import AdmissionRequest, Facts, Outcome
from webhook.rules.actors import TRUSTED_CONTROLLERS, classify
from webhook.rules.messages import limited
from webhook.rules.protect.asking import UnverifiedError, objects, read
from webhook.rules.protect.budgets import budget_warnings
from webhook.rules.protect.children import (
    protected_contents,
    protected_dependents,
    protected_instances,
    protected_owner,
)
from webhook.rules.protect.config import Config
from webhook.rules.protect.identities import may_always_delete
from webhook.rules.protect.judging import Denial, contact, judge, unverified
from webhook.rules.protect.kinds import DERIVED
from webhook.rules.protect.levels import (
    PHASES,
    Asker,
    Source,
    in_phase,
    is_marked,
    label_level,
    sources,
)
from webhook.rules.protect.overriding import deletion_override, standing_override
from webhook.rules.protect.references import is_terminated
from webhook.rules.protect.reporting import overridden, refused
from webhook.rules.protect.scaling import REPLICAS, scale_denial, scaled_kind
from webhook.rules.protect.subjects import Subject, number_at, subject_of
from webhook.rules.protect.writing import (
    label_denials,
    loss_denials,
    template_labels,
    write_warnings,
)

NAMESPACE, DEFINITION = ("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition")

Find = Callable[[str], Sequence[Denial]]
"""A phase → what is refused when only what is in force in that phase counts."""


def validate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Refuse what would lose something protected; may raise NeedFacts."""
    if config.phase == "off" or (request.kind.group, request.kind.kind) in DERIVED:
        return Outcome(request.object)
    part = PARTS.get((request.sub_resource, request.operation))
    return Outcome(request.object) if part is None else part(request, config, facts)


def _delete(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    subject = subject_of(request, request.old_object)
    if request.old_object is None:
        return refused(request, subject, [_unseen(subject, config)], config.phase, config)
    found = sources(subject, config, _asker(request))
    if subject.is_going or not _matters(subject, found, config):
        return Outcome(request.object)
    return _removal(request, subject, found, config, facts)


def _evict(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Judge an eviction, which deletes the Pod without a DELETE (F-12)."""
    pod = Subject("", "v1", "Pod", request.namespace, request.name, None)
    try:
        value = read(facts, "v1", "Pod", request.namespace, request.name)
    except UnverifiedError as error:
        denial = unverified(pod, error.reason, config)
        return refused(request, pod, [denial], config.phase, config)
    if value is None:
        return Outcome(request.object)
    pod = Subject("", "v1", "Pod", request.namespace, request.name, value)
    found = sources(pod, config, _asker(request))
    if pod.is_going or not found:
        return Outcome(request.object)
    return _removal(request, pod, found, config, facts)


def _removal(
    request: AdmissionRequest,
    subject: Subject,
    found: tuple[Source, ...],
    config: Config,
    facts: Facts,
) -> Outcome:
    """Answer whether an object may go; what lets people through is looked at before counting."""

    def find(phase: str) -> Sequence[Denial]:
        try:
            if may_always_delete(request, subject, config, facts):
                return ()
            denial = _first_denial(request, subject, in_phase(found, phase), config, facts, phase)
        except UnverifiedError as error:
            denial = unverified(subject, error.reason, config)
        return (denial,) if denial else ()

    override = deletion_override(request, subject, config)
    if override is None:
        return _first(request, subject, config, find)
    is_protected = found or subject.key in {NAMESPACE, DEFINITION}
    return (
        overridden(request, subject, override, config) if is_protected else Outcome(request.object)
    )


def _first_denial(
    request: AdmissionRequest,
    subject: Subject,
    found: tuple[Source, ...],
    config: Config,
    facts: Facts,
    phase: str,
) -> Denial | None:
    """Return the first reason in the order of platform-rules E.5."""
    asker = _asker(request)
    denial = judge(subject, found, config, facts)
    if denial is None and subject.key == NAMESPACE:
        return protected_contents(subject, config, facts, asker, phase)
    if denial is None and subject.key == DEFINITION and (config.settings.all_crds or found):
        return protected_instances(subject, config, facts, asker, phase)
    if denial is None:
        denial = protected_dependents(request, subject, config, facts, asker, phase)
    return denial or protected_owner(subject, config, facts, asker, phase)


def _finalize(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Refuse that people finalize a Namespace by hand while protected things run in it."""
    subject = subject_of(request, request.old_object)
    if classify(request.user_info, config.actors) in TRUSTED_CONTROLLERS:
        return Outcome(request.object)
    asker = _asker(request)
    everything = sources(subject, config, asker)

    def find(phase: str) -> Sequence[Denial]:
        try:
            pods = objects(facts, "v1", "Pod", subject.name)
            if all(is_terminated(one) for one in pods):
                return ()
            found = in_phase(everything, phase)
            if found:
                text = (
                    f"{subject.title} is protected ({found[0].level.text}) and Pods still run there"
                )
                advice = f"Delete them first, or ask {contact(config)}."
                return (Denial("CascadingPods", f"{text}. {advice}", found[0].level),)
            denial = protected_contents(subject, config, facts, asker, phase)
        except UnverifiedError as error:
            denial = unverified(subject, error.reason, config)
        return (denial,) if denial else ()

    override = deletion_override(request, subject, config)
    if override is not None:
        return overridden(request, subject, override, config)
    return _first(request, subject, config, find)


def _scale(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Judge a write of a scale; the workload itself is read, for its labels are not there (F-23)."""
    row = scaled_kind(request, config)
    replicas = number_at(request.old_object, REPLICAS), number_at(request.object, REPLICAS)
    if row is None or replicas[1] >= replicas[0]:
        return Outcome(request.object)
    group, version = request.resource.group, request.resource.version
    named = Subject(group, version, row.kind, request.namespace, request.name, None)
    api_version = f"{group}/{version}" if group else version
    try:
        value = read(facts, api_version, row.kind, request.namespace, request.name)
    except UnverifiedError as error:
        denial = unverified(named, error.reason, config)
        return refused(request, named, [denial], config.phase, config)
    if value is None:
        return Outcome(request.object)
    subject = Subject(group, version, row.kind, request.namespace, request.name, value)
    found = sources(subject, config, _asker(request))

    def find(phase: str) -> Sequence[Denial]:
        denial = scale_denial(request, subject, in_phase(found, phase), replicas, config)
        return (denial,) if denial else ()

    return _with_override(request, subject, config, find)


def _write(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    if not _may_be_protected(request, config):
        return Outcome(request.object)
    new = subject_of(request, request.object)
    if new.is_going:
        return Outcome(request.object)
    old = subject_of(request, request.old_object)
    found = sources(old, config, _asker(request))
    warnings = (
        *write_warnings(new, old, found, config),
        *budget_warnings(new, old, config, facts),
    )

    def find(phase: str) -> Sequence[Denial]:
        denials = loss_denials(request, new, old, in_phase(found, phase), config)
        labels = label_denials(request, new, old, config) if phase == config.phase else ()
        return (*labels, *denials)

    return _with_override(request, new, config, find, warnings)


def _may_be_protected(request: AdmissionRequest, config: Config) -> bool:
    """Tell whether anything says a word about the object, now or as it is stored."""
    if is_marked(request, config):
        return True
    key = request.kind.group, request.kind.kind
    if any(key in rule.keys for rule in config.policies):
        return True
    return bool(template_labels(key, request.object, config))


def _with_override(
    request: AdmissionRequest,
    subject: Subject,
    config: Config,
    find: Find,
    warnings: tuple[str, ...] = (),
) -> Outcome:
    """Answer, and let through who is not bound; a removal of the label by them is recorded."""
    override = standing_override(request, config)
    if override is None:
        return _first(request, subject, config, find, warnings)
    lifted = request.operation == "UPDATE" and _is_lifted(request, config)
    if lifted or any(find(phase) for phase in PHASES):
        return overridden(request, subject, override, config)
    return Outcome(request.object, warnings=limited("protect", warnings))


def _is_lifted(request: AdmissionRequest, config: Config) -> bool:
    old, new = (subject_of(request, one) for one in (request.old_object, request.object))
    return label_level(new.labels, config) < label_level(old.labels, config)


def _first(
    request: AdmissionRequest,
    subject: Subject,
    config: Config,
    find: Find,
    warnings: tuple[str, ...] = (),
) -> Outcome:
    """Return the refusal of the strictest phase that has one, else an outcome without any."""
    for phase in _phases(config):
        denials = find(phase)
        if denials:
            return refused(request, subject, denials, phase, config, warnings)
    return Outcome(request.object, warnings=limited("protect", warnings))


def _phases(config: Config) -> list[str]:
    return [phase for phase in PHASES if phase in config.phases]


def _matters(subject: Subject, found: tuple[Source, ...], config: Config) -> bool:
    """Tell whether anything can keep this object: most have no label and nothing below them."""
    return (
        bool(found)
        or subject.key in {NAMESPACE, DEFINITION}
        or subject.key in config.check_dependents
        or config.settings.protect_children
    )


def _unseen(subject: Subject, config: Config) -> Denial:
    return unverified(subject, "the request does not show the object", config)


def _asker(request: AdmissionRequest) -> Asker:
    return Asker(request.user_info.username, request.received_at)


PARTS: dict[tuple[str, str], Callable[[AdmissionRequest, Config, Facts], Outcome]] = {
    ("", "DELETE"): _delete,
    ("", "CREATE"): _write,
    ("", "UPDATE"): _write,
    ("eviction", "CREATE"): _evict,
    ("scale", "UPDATE"): _scale,
    ("finalize", "UPDATE"): _finalize,
}
"""(sub-resource, operation) → what judges it; everything else is let through."""
