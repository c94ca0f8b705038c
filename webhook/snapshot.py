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
from webhook.kinds import (
    ACTORS_KIND,
    BINDING_KIND,
    EXCEPTION_KIND,
    MUTATING_BINDING_KIND,
    MUTATING_KIND,
    POLICY_KIND,
    check_in_steps,
    errors_on_version_in_steps,
)
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
)
from webhook.rules import RULES
from webhook.rules.actors import Actors, build_actors
from webhook.rules.exceptions import Waiver
from webhook.steps import Steps, finish

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
    sources = yield from _read_sources(documents, previous)
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
    return finish(check_documents_in_steps(documents, snapshot, leaving))


def check_documents_in_steps(
    documents: Sequence[Document], snapshot: Snapshot, leaving: Iterable[str] = ()
) -> Steps[tuple[ConfigError, ...]]:
    """Do as `check_documents`, with pauses."""
    origins = {one.origin for one in documents}
    replaced = origins.union(leaving)
    others = [one.document for one in snapshot.sources if one.document.origin not in replaced]
    sources = yield from _read_sources([*others, *documents], snapshot)
    holders = yield from _holders(sources, snapshot)
    accepted, duplicates = yield from _without_duplicates(sources, holders)
    kinds = yield from _by_kind(accepted)
    _, _, rule_errors = yield from _build_rules(kinds, snapshot.platform)
    found = (*(error for one in sources for error in one.errors), *duplicates, *rule_errors)
    errors = [error for error in found if error.origin in origins]
    version = snapshot.platform.kubernetes_version
    if version:
        errors.extend((yield from _errors_of_new_texts(accepted, snapshot, version)))
    return tuple(errors)


def _errors_of_new_texts(
    accepted: Iterable[Accepted], snapshot: Snapshot, version: str
) -> Steps[list[ConfigError]]:
    errors: list[ConfigError] = []
    for one in accepted:
        if snapshot.texts.get(_key(one.item)) != one.item.text:
            errors.extend((yield from errors_on_version_in_steps(one.item, version)))
        yield
    return errors


def parts_of(snapshot: Snapshot) -> list[object]:
    """Return what nearly all of a snapshot's memory is in.

    Who lets go of these one by one, from the end, after everybody else has let go of the snapshot
    frees it in small steps.
    """
    bound = (part for one in snapshot.policy_sets.values() for part in one.bound)
    mutating = (part for one in snapshot.mutating_policy_sets.values() for part in one.bound)
    maps = (snapshot.texts, snapshot.holders)
    return [*bound, *mutating, *snapshot.accepted, *snapshot.sources, *maps]


def _read_sources(documents: Iterable[Document], previous: Snapshot | None) -> Steps[list[Source]]:
    before = {source.document.origin: source for source in previous.sources} if previous else {}
    sources: list[Source] = []
    for document in documents:
        source = yield from _read_source(document, before.get(document.origin))
        sources.append(source)
        yield
    return sources


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
        last_good = good.pop(item.identity, None)
        if last_good is not None and last_good.item.text == item.text:
            accepted.append(Accepted(item, last_good.compiled))
            continue
        compiled, item_errors = yield from check_in_steps(item)
        errors.extend(item_errors)
        if not item_errors:
            accepted.append(Accepted(item, compiled))
        elif last_good is not None:
            accepted.append(last_good)
    if parse_errors:
        accepted.extend(good.values())
    return Source(document, tuple(accepted), tuple(errors))


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
    actors, configs, rule_errors = yield from _build_rules(kinds, platform)
    yield
    policies, bindings = _compiled(kinds, POLICY_KIND), _compiled(kinds, BINDING_KIND)
    yield
    groups, policy_sets = yield from _grouped(policies, bindings, build_policy_set_in_steps)
    mutating_policies = _compiled(kinds, MUTATING_KIND)
    mutating_bindings = _compiled(kinds, MUTATING_BINDING_KIND)
    mutating_groups, mutating_policy_sets = yield from _grouped(
        mutating_policies, mutating_bindings, build_mutating_policy_set_in_steps
    )
    texts, digest = yield from _texts(kinds)
    return Snapshot(
        digest=digest,
        sources=tuple(sources),
        accepted=tuple(accepted),
        errors=(*errors, *rule_errors),
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


def _grouped(
    policies: Sequence[Any], bindings: Sequence[Any], build_set: Callable[..., Steps[Any]]
) -> Steps[tuple[tuple[PolicyGroup[Any], ...], dict[str, Any]]]:
    """Return the groups, and what evaluates each by its path."""
    groups = yield from group_policies_in_steps(policies, bindings)
    sets: dict[str, Any] = {}
    for one in groups:
        sets[one.path] = yield from build_set(one.policies, bindings)
    return groups, sets


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
    kinds: Kinds, platform: Platform
) -> Steps[tuple[Actors, Mapping[str, Any], tuple[ConfigError, ...]]]:
    """Build who counts as what, and the configuration of every rule that has documents."""
    actors, errors = build_actors(_items(kinds, ACTORS_KIND), platform)
    configs: dict[str, Any] = {}
    for rule in RULES:
        yield
        documents = _items(kinds, rule.kind)
        if documents:
            further = (one for kind in rule.further_kinds for one in _items(kinds, kind))
            given = (*documents, *sorted(further, key=lambda item: item.name))
            configs[rule.name], found = rule.build(given, actors, platform)
            errors = (*errors, *found)
    return actors, configs, errors


def _items(kinds: Kinds, kind: str) -> tuple[Item, ...]:
    return tuple(one.item for one in kinds.get(kind, ()))


def _key(item: Item) -> str:
    return f"{item.kind}/{item.name}"


def _texts(kinds: Kinds) -> Steps[tuple[dict[str, str], str]]:
    """Return the texts by kind and name, and their SHA-256, whatever their order and origin."""
    texts: dict[str, str] = {}
    content = hashlib.sha256()
    for kind in sorted(kinds):
        for one in kinds[kind]:
            texts[_key(one.item)] = one.item.text
            content.update(one.item.text.encode())
            content.update(b"\0")
            yield
    return texts, content.hexdigest()


EMPTY = build(())
