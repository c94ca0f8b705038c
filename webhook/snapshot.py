"""Documents → Snapshot: parse, check, keep what is good, collect what is wrong, name it by a digest.

A document that does not parse or compile never takes anything else down: its last good version
stays in force and the error is visible (design.md 1). No I/O here: texts come in, a value comes out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webhook.documents import Item, parse_document_in_steps
from webhook.model import NOTHING, ConfigError, Document, Platform
from webhook.policy import (
    Binding,
    MutatingBinding,
    MutatingPolicy,
    MutatingPolicySet,
    Policy,
    PolicyGroup,
    PolicySet,
    build_mutating_policy_set_in_steps,
    build_policy_set_in_steps,
    group_policies_in_steps,
    parse_binding,
    parse_mutating_binding,
    parse_mutating_policy,
    parse_mutating_policy_in_steps,
    parse_policy,
    parse_policy_in_steps,
)
from webhook.rules import RULES
from webhook.rules.actors import Actors, build_actors, parse_actors
from webhook.rules.exceptions import Waiver, parse_exception
from webhook.steps import Steps, finish

Checked = tuple[Any, tuple[ConfigError, ...]]
Check = Callable[[Item], Steps[Checked]]
"""One document → (what it compiles to, all its errors)."""

Holders = Mapping[tuple[str, str], tuple[str, ...]]
"""Kind and name → the origins that hold a good version; the first one's is in force."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One document that is in force, and what it compiled to."""

    item: Item
    compiled: Any


@dataclass(frozen=True, slots=True)
class Source:
    """What one text brought: the documents in force from it, and its errors."""

    document: Document
    accepted: tuple[Accepted, ...]
    errors: tuple[ConfigError, ...]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Snapshot:
    """All configuration, compiled and immutable; replaced whole, read once per request.

    `digest` covers the content in force. `configs` holds the configuration of each rule by its
    name, `policy_sets` and `mutating_policy_sets` what each webhook entry for CEL policies
    evaluates, by the entry's path; `waivers` are the PolicyExceptions by name; `actors` says who
    belongs to which class.
    """

    digest: str
    sources: tuple[Source, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    errors: tuple[ConfigError, ...] = ()
    policies: tuple[Policy, ...] = ()
    bindings: tuple[Binding, ...] = ()
    groups: tuple[PolicyGroup[Policy], ...] = ()
    policy_sets: Mapping[str, PolicySet] = NOTHING
    mutating_policies: tuple[MutatingPolicy, ...] = ()
    mutating_bindings: tuple[MutatingBinding, ...] = ()
    mutating_groups: tuple[PolicyGroup[MutatingPolicy], ...] = ()
    mutating_policy_sets: Mapping[str, MutatingPolicySet] = NOTHING
    configs: Mapping[str, Any] = NOTHING
    waivers: tuple[Waiver, ...] = ()
    actors: Actors = field(default_factory=Actors)
    texts: Mapping[str, str] = NOTHING
    holders: Holders = field(default_factory=dict)
    platform: Platform = field(default_factory=Platform)
    annotations: Mapping[str, str] = NOTHING

    @property
    def items(self) -> tuple[Item, ...]:
        """All documents in force."""
        return tuple(one.item for one in self.accepted)


def build(
    documents: Sequence[Document],
    previous: Snapshot | None = None,
    platform: Platform | None = None,
) -> Snapshot:
    """Build the Snapshot of these documents.

    `previous` supplies the last good versions and compiled documents that did not change. Nothing
    is raised for a bad document: its errors are in the Snapshot.
    """
    return finish(build_in_steps(documents, previous, platform or Platform()))


def build_in_steps(
    documents: Sequence[Document], previous: Snapshot | None, platform: Platform
) -> Steps[Snapshot]:
    """Do as `build`, with pauses, so that a serving loop can go on meanwhile."""
    before = {source.document.origin: source for source in previous.sources} if previous else {}
    sources: list[Source] = []
    for document in documents:
        source = yield from _read_source(document, before.get(document.origin))
        sources.append(source)
        yield
    holders = yield from _holders(sources, previous)
    accepted, duplicates = yield from _without_duplicates(sources, holders)
    errors = [error for source in sources for error in source.errors]
    return (yield from _assemble(sources, accepted, holders, [*errors, *duplicates], platform))


def check_documents(
    documents: Sequence[Document], snapshot: Snapshot, leaving: Iterable[str] = ()
) -> tuple[ConfigError, ...]:
    """Return the errors that these documents would bring into the snapshot; change nothing.

    `leaving` are origins that go at the same moment: what they hold may move. CEL texts that are
    not in force yet must also work on the platform's Kubernetes version, as the API server asks
    of new texts (kubernetes-cel.md 3.7).
    """
    origins = {one.origin for one in documents}
    replaced = origins.union(leaving)
    others = [one.document for one in snapshot.sources if one.document.origin not in replaced]
    candidate = build([*others, *documents], snapshot, snapshot.platform)
    errors = [error for error in candidate.errors if error.origin in origins]
    version = snapshot.platform.kubernetes_version
    if version:
        in_force = {(item.identity, item.text) for item in snapshot.items}
        for item in candidate.items:
            if (item.identity, item.text) not in in_force:
                errors.extend(errors_on_version(item, version))
    return tuple(errors)


def parts_of(snapshot: Snapshot) -> list[object]:
    """Return what nearly all of a snapshot's memory is in.

    Who lets go of these one by one, from the end, after everybody else has let go of the snapshot
    frees it in small steps.
    """
    bound = (part for one in snapshot.policy_sets.values() for part in one.bound)
    mutating = (part for one in snapshot.mutating_policy_sets.values() for part in one.bound)
    maps = (snapshot.texts, snapshot.holders)
    return [*bound, *mutating, *snapshot.accepted, *snapshot.sources, *maps]


def errors_on_version(item: Item, version: str) -> tuple[ConfigError, ...]:
    """Return what is wrong with a document when its CEL texts are new on a Kubernetes minor."""
    if item.kind == POLICY_KIND:
        return parse_policy(item, version)[1]
    return parse_mutating_policy(item, version)[1] if item.kind == MUTATING_KIND else ()


def _read_source(document: Document, previous: Source | None) -> Steps[Source]:
    """Parse and check one text; fall back to the last good version of each broken document."""
    if previous is not None and previous.document.text == document.text:
        return previous
    items, parse_errors = yield from parse_document_in_steps(document)
    good: dict[tuple[str, str], Accepted] = {}
    if previous is not None:
        good = {one.item.identity: one for one in previous.accepted}
    accepted: list[Accepted] = []
    errors = list(parse_errors)
    for item in items:
        compiled, item_errors = yield from _check(item)
        errors.extend(item_errors)
        last_good = good.pop(item.identity, None)
        if not item_errors:
            accepted.append(Accepted(item, compiled))
        elif last_good is not None:
            accepted.append(last_good)
    if parse_errors:
        accepted.extend(good.values())
    return Source(document, tuple(accepted), tuple(errors))


def _check(item: Item) -> Steps[Checked]:
    """Check one document by its kind; an unknown kind is an error that lists the known ones."""
    yield
    known = KINDS.get((_group(item.api_version), item.kind))
    if known is None:
        kinds = ", ".join(sorted(kind for _, kind in KINDS))
        return None, (
            item.error(("kind",), f"{item.api_version} {item.kind} is unknown; allowed: {kinds}"),
        )
    versions, check_document = known
    version = item.api_version.rpartition("/")[2]
    if version not in versions:
        allowed = ", ".join(versions)
        return None, (
            item.error(("apiVersion",), f"version {version!r} is unknown; allowed: {allowed}"),
        )
    return (yield from check_document(item))


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _at_once(parse: Callable[[Item], Checked]) -> Check:
    def check(item: Item) -> Steps[Checked]:
        yield
        return parse(item)

    return check


def _checked(parse: Callable[[Item], tuple[ConfigError, ...]]) -> Check:
    return _at_once(lambda item: (None, parse(item)))


POLICY_GROUP = "admissionregistration.k8s.io"
POLICY_KIND = "ValidatingAdmissionPolicy"
BINDING_KIND = "ValidatingAdmissionPolicyBinding"
MUTATING_KIND = "MutatingAdmissionPolicy"
MUTATING_BINDING_KIND = "MutatingAdmissionPolicyBinding"
EXCEPTION_KIND = "PolicyException"
ACTORS_KIND = "Actors"
OWN_GROUP = "propylon.dev"
POLICY_VERSIONS = ("v1", "v1beta1", "v1alpha1")

KINDS: Mapping[tuple[str, str], tuple[tuple[str, ...], Check]] = {
    (POLICY_GROUP, POLICY_KIND): (POLICY_VERSIONS, parse_policy_in_steps),
    (POLICY_GROUP, BINDING_KIND): (POLICY_VERSIONS, _at_once(parse_binding)),
    (POLICY_GROUP, MUTATING_KIND): (POLICY_VERSIONS, parse_mutating_policy_in_steps),
    (POLICY_GROUP, MUTATING_BINDING_KIND): (POLICY_VERSIONS, _at_once(parse_mutating_binding)),
    (OWN_GROUP, ACTORS_KIND): (("v1",), _checked(parse_actors)),
    (OWN_GROUP, EXCEPTION_KIND): (("v1",), _at_once(parse_exception)),
    **{(OWN_GROUP, rule.kind): (("v1",), _checked(rule.parse)) for rule in RULES},
    **{
        (OWN_GROUP, kind): (("v1",), _checked(parse))
        for rule in RULES
        for kind, parse in rule.further_kinds.items()
    },
}
"""(group, kind) → (versions, check); the table of design.md 1."""


def _holders(sources: Sequence[Source], previous: Snapshot | None) -> Steps[Holders]:
    """Say who holds what; what was in force before comes first, then what comes first."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    before: Holders = previous.holders if previous else {}
    for source in sources:
        origin = source.document.origin
        for one in source.accepted:
            identity = one.item.identity
            others = found.get(identity, ())
            is_owner = others and before.get(identity, ("",))[0] == origin
            found[identity] = (origin, *others) if is_owner else (*others, origin)
        yield
    return found


def _without_duplicates(
    sources: Sequence[Source], holders: Holders
) -> Steps[tuple[list[Accepted], list[ConfigError]]]:
    """Keep one document for each (kind, name)."""
    kept: list[Accepted] = []
    errors: list[ConfigError] = []
    taken: set[tuple[str, str]] = set()
    for source in sources:
        for one in source.accepted:
            identity = one.item.identity
            owner = holders[identity][0]
            if owner == source.document.origin and identity not in taken:
                taken.add(identity)
                kept.append(one)
            else:
                text = f"{one.item.kind} {one.item.name!r} is already defined in {owner}"
                errors.append(one.item.error(("metadata", "name"), f"{text}; rename or remove one"))
        yield
    return kept, errors


def _assemble(
    sources: Sequence[Source],
    accepted: Sequence[Accepted],
    holders: Holders,
    errors: Sequence[ConfigError],
    platform: Platform,
) -> Steps[Snapshot]:
    kinds = yield from _by_kind(accepted)
    actors, rule_errors = build_actors(_items(kinds, ACTORS_KIND), platform)
    configs, further_errors = yield from _build_rules(kinds, actors, platform)
    policies, bindings = _compiled(kinds, POLICY_KIND), _compiled(kinds, BINDING_KIND)
    groups = yield from group_policies_in_steps(policies, bindings)
    policy_sets = {}
    for group in groups:
        policy_sets[group.path] = yield from build_policy_set_in_steps(group.policies, bindings)
    mutating_policies = _compiled(kinds, MUTATING_KIND)
    mutating_bindings = _compiled(kinds, MUTATING_BINDING_KIND)
    mutating_groups = yield from group_policies_in_steps(mutating_policies, mutating_bindings)
    mutating_policy_sets = {}
    for one in mutating_groups:
        mutating_policy_sets[one.path] = yield from build_mutating_policy_set_in_steps(
            one.policies, mutating_bindings
        )
    texts, digest = yield from _texts(kinds)
    return Snapshot(
        digest=digest,
        sources=tuple(sources),
        accepted=tuple(accepted),
        errors=(*errors, *rule_errors, *further_errors),
        policies=policies,
        bindings=bindings,
        groups=groups,
        policy_sets=policy_sets,
        mutating_policies=mutating_policies,
        mutating_bindings=mutating_bindings,
        mutating_groups=mutating_groups,
        mutating_policy_sets=mutating_policy_sets,
        configs=configs,
        waivers=_compiled(kinds, EXCEPTION_KIND),
        actors=actors,
        texts=texts,
        holders=holders,
        platform=platform,
        annotations={"snapshot": digest[:8]},
    )


Kinds = Mapping[str, list[Accepted]]


def _by_kind(accepted: Iterable[Accepted]) -> Steps[Kinds]:
    """Sort the documents in force by kind, and by name in each."""
    kinds: dict[str, list[Accepted]] = {}
    for one in accepted:
        kinds.setdefault(one.item.kind, []).append(one)
        yield
    for some in kinds.values():
        some.sort(key=lambda one: one.item.name)
        yield
    return kinds


def _compiled(kinds: Kinds, kind: str) -> tuple[Any, ...]:
    return tuple(one.compiled for one in kinds.get(kind, ()))


def _build_rules(
    kinds: Kinds, actors: Actors, platform: Platform
) -> Steps[tuple[Mapping[str, Any], list[ConfigError]]]:
    """Build the configuration of every rule that has documents."""
    configs: dict[str, Any] = {}
    errors: list[ConfigError] = []
    for rule in RULES:
        yield
        documents = _items(kinds, rule.kind)
        if documents:
            further = (one for kind in rule.further_kinds for one in _items(kinds, kind))
            given = (*documents, *sorted(further, key=lambda item: item.name))
            configs[rule.name], found = rule.build(given, actors, platform)
            errors.extend(found)
    return configs, errors


def _items(kinds: Kinds, kind: str) -> tuple[Item, ...]:
    return tuple(one.item for one in kinds.get(kind, ()))


def _texts(kinds: Kinds) -> Steps[tuple[dict[str, str], str]]:
    """Return the texts by kind and name, and their SHA-256, whatever their order and origin."""
    texts: dict[str, str] = {}
    content = hashlib.sha256()
    for kind in sorted(kinds):
        for one in kinds[kind]:
            texts[f"{kind}/{one.item.name}"] = one.item.text
            content.update(one.item.text.encode())
            content.update(b"\0")
            yield
    return texts, content.hexdigest()


EMPTY = build(())
