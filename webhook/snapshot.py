"""Documents → Snapshot: parse, check, keep what is good, collect what is wrong, name it by a digest.

A document that does not parse or compile never takes anything else down: its last good version
stays in force and the error is visible (design.md 1). No I/O here: texts come in, a value comes out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from webhook.documents import Item, parse_document
from webhook.model import NOTHING, ConfigError, Document, Platform
from webhook.policy import (
    Binding,
    MutatingBinding,
    MutatingPolicy,
    MutatingPolicySet,
    Policy,
    PolicyGroup,
    PolicySet,
    build_mutating_policy_set,
    build_policy_set,
    group_policies,
    parse_binding,
    parse_mutating_binding,
    parse_mutating_policy,
    parse_policy,
)
from webhook.rules import RULES
from webhook.rules.actors import build_actors, parse_actors
from webhook.rules.exceptions import Waiver, parse_exception

T = TypeVar("T")
Steps: TypeAlias = Generator[None, None, T]
"""Work that pauses now and then, and returns its result at the end."""

Check = Callable[[Item], tuple[Any, tuple[ConfigError, ...]]]
"""One document → (what it compiles to, all its errors)."""


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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All configuration, compiled and immutable; replaced whole, read once per request.

    `digest` covers the content in force. `configs` holds the configuration of each rule by its
    name, `policy_sets` and `mutating_policy_sets` what each webhook entry for CEL policies
    evaluates, by the entry's path; `waivers` are the PolicyExceptions by name.
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
    texts: Mapping[str, str] = NOTHING
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
    steps = build_in_steps(documents, previous, platform or Platform())
    while True:
        try:
            next(steps)
        except StopIteration as done:
            built: Snapshot = done.value
            return built


def build_in_steps(
    documents: Sequence[Document], previous: Snapshot | None, platform: Platform
) -> Steps[Snapshot]:
    """Do as `build`, and pause after each document, so that a serving loop can go on meanwhile."""
    before = {source.document.origin: source for source in previous.sources} if previous else {}
    sources: list[Source] = []
    for document in documents:
        source = yield from _read_source(document, before.get(document.origin))
        sources.append(source)
    yield
    accepted, duplicates = _without_duplicates(sources, previous)
    errors = [error for source in sources for error in source.errors]
    yield
    return (yield from _assemble(sources, accepted, [*errors, *duplicates], platform))


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


def errors_on_version(item: Item, version: str) -> tuple[ConfigError, ...]:
    """Return what is wrong with a document when its CEL texts are new on a Kubernetes minor."""
    if item.kind == POLICY_KIND:
        return parse_policy(item, version)[1]
    return parse_mutating_policy(item, version)[1] if item.kind == MUTATING_KIND else ()


def _read_source(document: Document, previous: Source | None) -> Steps[Source]:
    """Parse and check one text; fall back to the last good version of each broken document."""
    if previous is not None and previous.document.text == document.text:
        return previous
    items, parse_errors = parse_document(document)
    good: dict[tuple[str, str], Accepted] = {}
    if previous is not None:
        good = {one.item.identity: one for one in previous.accepted}
    accepted: list[Accepted] = []
    errors = list(parse_errors)
    for item in items:
        yield
        compiled, item_errors = check(item)
        errors.extend(item_errors)
        last_good = good.pop(item.identity, None)
        if not item_errors:
            accepted.append(Accepted(item, compiled))
        elif last_good is not None:
            accepted.append(last_good)
    if parse_errors:
        accepted.extend(good.values())
    return Source(document, tuple(accepted), tuple(errors))


def check(item: Item) -> tuple[Any, tuple[ConfigError, ...]]:
    """Check one document by its kind; an unknown kind is an error that lists the known ones."""
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
    return check_document(item)


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _checked(parse: Callable[[Item], tuple[ConfigError, ...]]) -> Check:
    return lambda item: (None, parse(item))


POLICY_GROUP = "admissionregistration.k8s.io"
POLICY_KIND = "ValidatingAdmissionPolicy"
MUTATING_KIND = "MutatingAdmissionPolicy"
OWN_GROUP = "propylon.dev"
POLICY_VERSIONS = ("v1", "v1beta1", "v1alpha1")

KINDS: Mapping[tuple[str, str], tuple[tuple[str, ...], Check]] = {
    (POLICY_GROUP, POLICY_KIND): (POLICY_VERSIONS, parse_policy),
    (POLICY_GROUP, "ValidatingAdmissionPolicyBinding"): (POLICY_VERSIONS, parse_binding),
    (POLICY_GROUP, MUTATING_KIND): (POLICY_VERSIONS, parse_mutating_policy),
    (POLICY_GROUP, "MutatingAdmissionPolicyBinding"): (POLICY_VERSIONS, parse_mutating_binding),
    (OWN_GROUP, "Actors"): (("v1",), _checked(parse_actors)),
    (OWN_GROUP, "PolicyException"): (("v1",), parse_exception),
    **{(OWN_GROUP, rule.kind): (("v1",), _checked(rule.parse)) for rule in RULES},
    **{
        (OWN_GROUP, kind): (("v1",), _checked(parse))
        for rule in RULES
        for kind, parse in rule.further_kinds.items()
    },
}
"""(group, kind) → (versions, check); the table of design.md 1."""


def _without_duplicates(
    sources: Sequence[Source], previous: Snapshot | None
) -> tuple[list[Accepted], list[ConfigError]]:
    """Keep one document for each (kind, name): the one in force, else the first."""
    candidates = [one for source in sources for one in source.accepted]
    owners = _owners_in_force(candidates, previous)
    kept: list[Accepted] = []
    errors: list[ConfigError] = []
    taken: set[tuple[str, str]] = set()
    for one in candidates:
        identity, origin = one.item.identity, one.item.document.origin
        if owners.setdefault(identity, origin) == origin and identity not in taken:
            taken.add(identity)
            kept.append(one)
        else:
            text = f"{one.item.kind} {one.item.name!r} is already defined in {owners[identity]}"
            errors.append(one.item.error(("metadata", "name"), f"{text}; rename or remove one"))
    return kept, errors


def _owners_in_force(
    candidates: Sequence[Accepted], previous: Snapshot | None
) -> dict[tuple[str, str], str]:
    """Origins of the documents that were in force and are still there."""
    if previous is None:
        return {}
    present = {(one.item.identity, one.item.document.origin) for one in candidates}
    in_force = ((item.identity, item.document.origin) for item in previous.items)
    return dict(pair for pair in in_force if pair in present)


def _assemble(
    sources: Sequence[Source],
    accepted: Sequence[Accepted],
    errors: Sequence[ConfigError],
    platform: Platform,
) -> Steps[Snapshot]:
    """Put the parts together; each takes milliseconds when there are a thousand documents."""
    configs, rule_errors = _build_rules([one.item for one in accepted], platform)
    policies = tuple(_compiled(accepted, Policy))
    bindings = tuple(_compiled(accepted, Binding))
    yield
    groups, policy_sets = yield from _grouped(policies, bindings, build_policy_set)
    mutating_policies = tuple(_compiled(accepted, MutatingPolicy))
    mutating_bindings = tuple(_compiled(accepted, MutatingBinding))
    mutating_groups, mutating_policy_sets = yield from _grouped(
        mutating_policies, mutating_bindings, build_mutating_policy_set
    )
    texts, digest = yield from _texts(accepted)
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
        waivers=tuple(_compiled(accepted, Waiver)),
        texts=texts,
        platform=platform,
        annotations={"snapshot": digest[:8]},
    )


def _grouped(
    policies: Sequence[Any], bindings: Sequence[Any], build_set: Callable[..., Any]
) -> Steps[tuple[tuple[PolicyGroup[Any], ...], dict[str, Any]]]:
    """Return the groups, and what evaluates each by its path."""
    groups = group_policies(policies, bindings)
    yield
    sets = {one.path: build_set(one.policies, bindings) for one in groups}
    yield
    return groups, sets


def _texts(accepted: Sequence[Accepted]) -> Steps[tuple[dict[str, str], str]]:
    """Return the texts by kind and name, and their digest."""
    texts = {f"{one.item.kind}/{one.item.name}": one.item.text for one in accepted}
    yield
    digest = _digest(accepted)
    yield
    return texts, digest


def _compiled(accepted: Iterable[Accepted], kind: type[Any]) -> list[Any]:
    found = [one.compiled for one in accepted if isinstance(one.compiled, kind)]
    return sorted(found, key=lambda one: str(one.name))


def _build_rules(
    items: Sequence[Item], platform: Platform
) -> tuple[Mapping[str, Any], tuple[ConfigError, ...]]:
    """Build the configuration of every rule that has documents."""
    by_kind: dict[str, list[Item]] = {}
    for item in items:
        by_kind.setdefault(item.kind, []).append(item)
    actors, errors = build_actors(tuple(by_kind.get("Actors", ())), platform)
    configs: dict[str, Any] = {}
    for rule in RULES:
        documents = sorted(by_kind.get(rule.kind, ()), key=lambda item: item.name)
        if documents:
            further = (one for kind in rule.further_kinds for one in by_kind.get(kind, ()))
            given = (*documents, *sorted(further, key=lambda item: item.name))
            configs[rule.name], found = rule.build(given, actors, platform)
            errors = (*errors, *found)
    return configs, errors


def _digest(accepted: Iterable[Accepted]) -> str:
    """SHA-256 over the documents in force, whatever their order and origin."""
    content = hashlib.sha256()
    for one in sorted(accepted, key=lambda one: one.item.identity):
        content.update(one.item.text.encode())
        content.update(b"\0")
    return content.hexdigest()


EMPTY = build(())
