"""What else would go with an object (platform-rules E.5).

The protected contents of a Namespace, objects of a definition, dependents; and the protected owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from webhook.model import AdmissionRequest, Facts, Json, Lookup, NeedFacts, Scope
from webhook.objects.paths import get
from webhook.objects.selectors import selector_text
from webhook.objects.workloads import controller_of
from webhook.rules.protect.asking import ask, listing, read, served
from webhook.rules.protect.config import ALIAS, Config, PolicyRule
from webhook.rules.protect.counting import stored_kind
from webhook.rules.protect.judging import Denial, contact, judge
from webhook.rules.protect.kinds import ProtectedKind, named, owned_by
from webhook.rules.protect.levels import Asker, in_phase, sources
from webhook.rules.protect.subjects import Subject, dicts_at, object_subject

SHOWN = 5
Place = tuple[str, str]
"""apiVersion and kind."""


def protected_contents(
    subject: Subject, config: Config, facts: Facts, asker: Asker, phase: str
) -> Denial | None:
    """Return which protected objects a Namespace contains; asks for every kind that is served."""
    kinds = [one for one in config.kinds if one.namespaced and not _is_left_out(one, config)]
    places = served(facts, kinds)
    asked = [(place, selector) for place in places for selector in _selectors(config)]
    asked += _policy_questions(subject.name, places, config)
    lookups: list[Lookup] = [listing(*place, subject.name, selector) for place, selector in asked]
    found = zip((place for place, _ in asked), ask(facts, lookups), strict=True)
    children = [object_subject(one, *place) for place, objects in found for one in objects]
    return _denied(
        f"{subject.title} contains protected objects", children, config, facts, asker, phase
    )


def protected_instances(
    subject: Subject, config: Config, facts: Facts, asker: Asker, phase: str
) -> Denial | None:
    """Return which protected objects of its kind a CustomResourceDefinition would take along."""
    place = stored_kind(subject.value)
    if ask(facts, [Scope(*place)])[0] is None:
        return None
    answers = ask(facts, [listing(*place, "", selector) for selector in _selectors(config)])
    children = [object_subject(one, *place) for found in answers for one in found]
    start = f"{subject.title} has protected objects"
    return _denied(start, children, config, facts, asker, phase)


def protected_dependents(
    request: AdmissionRequest,
    subject: Subject,
    config: Config,
    facts: Facts,
    asker: Asker,
    phase: str,
) -> Denial | None:
    """Return which protected dependents the garbage collector would be asked to delete."""
    if subject.key not in config.check_dependents or _orphans(request):
        return None
    owner = next(one for one in config.kinds if one.key == subject.key)
    kinds = [one for text in owned_by(owner) for one in named(text, config.kinds)]
    places = served(facts, kinds)
    asked = [(place, one) for place in places for one in _selectors(config)]
    answers = ask(facts, [listing(*place, subject.namespace, one) for place, one in asked])
    children = [
        object_subject(one, *place)
        for (place, _), found in zip(asked, answers, strict=True)
        for one in found
        if any(owner.get("uid") == subject.uid for owner in _owners(one))
    ]
    start = f"{subject.title} has protected dependents"
    denial = _denied(start, children, config, facts, asker, phase)
    return denial and Denial("ProtectedDependent", denial.text, denial.level)


def protected_owner(
    subject: Subject, config: Config, facts: Facts, asker: Asker, phase: str
) -> Denial | None:
    """Return why an object may not go because what controls it is protected (E-58)."""
    owner = controller_of(subject.value)
    if not config.settings.protect_children or owner is None:
        return None
    version, kind, name = (str(owner.get(key, "")) for key in ("apiVersion", "kind", "name"))
    group = version.rpartition("/")[0]
    if all(one.key != (group, kind) or not one.is_workload for one in config.kinds):
        return None
    value = read(facts, version, kind, subject.namespace, name)
    if value is None:
        return None
    above = object_subject(value, version, kind)
    denial = judge(above, in_phase(sources(above, config, asker), phase), config, facts)
    if denial is None:
        return None
    text = f"{subject.title} belongs to a protected object: {denial.text}"
    return Denial("ProtectedDependent", text, denial.level)


def _is_left_out(kind: ProtectedKind, config: Config) -> bool:
    return kind.key == ("", "Secret") and not config.settings.check_secrets


def _selectors(config: Config) -> tuple[str, ...]:
    names = config.names
    return names.level, f"{ALIAS} in (Always,Cascading)", f"{names.state}=cooling"


def _policy_questions(
    namespace: str, places: Iterable[Place], config: Config
) -> list[tuple[Place, str]]:
    """Return what policies without labels may protect in a Namespace."""
    return [
        (place, selector_text(rule.selector))
        for place in places
        for rule in config.policies
        if _concerns(rule, place, namespace)
    ]


def _concerns(rule: PolicyRule, place: Place, namespace: str) -> bool:
    version, kind = place
    return rule.concerns((version.rpartition("/")[0], kind), namespace)


def _orphans(request: AdmissionRequest) -> bool:
    options = request.options
    if get(options, ("propagationPolicy",)) == "Orphan":
        return True
    return get(options, ("orphanDependents",)) is True


def _owners(value: Json) -> Iterator[Json]:
    yield from dicts_at(value, ("metadata", "ownerReferences"))


def _denied(
    start: str,
    children: Iterable[Subject],
    config: Config,
    facts: Facts,
    asker: Asker,
    phase: str,
) -> Denial | None:
    """Return the denial that names the children that would be denied themselves."""
    denials: dict[str, Denial] = {}
    missing: set[Lookup] = set()
    for child in children:
        found = in_phase(sources(child, config, asker), phase)
        try:
            denial = None if child.is_going else judge(child, found, config, facts)
        except NeedFacts as need:
            missing |= need.lookups
            continue
        if denial is not None:
            denials[f"{child.kind}/{child.name}"] = denial
    if missing:
        raise NeedFacts(frozenset(missing))
    if not denials:
        return None
    shown = [f"{name} ({one.level.text})" for name, one in list(denials.items())[:SHOWN]]
    rest = f" and {len(denials) - SHOWN} more" if len(denials) > SHOWN else ""
    text = f"{start}: {', '.join(shown)}{rest}. Delete those first, or ask {contact(config)}."
    return Denial("ProtectedChild", text, max(one.level for one in denials.values()))
