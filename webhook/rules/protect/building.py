"""All accepted DeletionProtection and DeletionGrant documents → one Config.

The first protection document by name that is not off gives all single values; `protect` entries and
grants add up over all documents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from webhook.documents import Item
from webhook.model import ConfigError, Platform
from webhook.objects.selectors import parse_selector
from webhook.rules.actors import SERVICE_ACCOUNT, Actors, Subjects, subjects
from webhook.rules.protect.config import (
    LEVELS,
    Config,
    Grant,
    MassDelete,
    Names,
    PolicyRule,
)
from webhook.rules.protect.kinds import KINDS, Key, ProtectedKind, added_kinds, named, owned_by
from webhook.rules.protect.parsing import further_kinds, name_errors, parse_duration, parse_time
from webhook.rules.protect.settings import (
    DeletionGrantDocument,
    DeletionProtectionDocument,
    DeletionProtectionSpec,
    MassDeleteSettings,
    People,
)

POD: Key = ("", "Pod")

OWN_FIELDS = frozenset(("phase", "protect", "kinds"))
"""What every document may have; the rest belongs into one."""


def build(
    items: tuple[Item, ...], actors: Actors, platform: Platform
) -> tuple[Config, tuple[ConfigError, ...]]:
    """Return the configuration of rule E; every item has passed its parse function."""
    pairs = [
        (item, DeletionProtectionDocument.model_validate_json(item.text).spec)
        for item in items
        if item.kind == "DeletionProtection"
    ]
    pairs.sort(key=lambda pair: (pair[1].phase == "off", pair[0].name))
    (item, main), *others = pairs
    used = [pair for pair in pairs if pair[1].phase != "off"]
    further = (one for _, spec in used for one in further_kinds(spec))
    kinds = _each_once((*KINDS, *added_kinds(actors.kinds), *further))
    config = Config(
        document=f"DeletionProtection/{item.name}",
        settings=main,
        names=Names(platform.prefix),
        actors=actors,
        cooldown=parse_duration(main.on_remove.cooldown) or 0.0,
        policies=tuple(_policies(used, actors)),
        grants=tuple(_grants(items)),
        kinds=kinds,
        check_dependents=frozenset(_with_dependents(main, kinds)),
        approvers=_subjects(main.approvers),
        may_override=_subjects(main.may_override),
        may_confirm=_subjects(main.may_confirm),
        mass_delete=_mass_delete(main.mass_delete, kinds),
    )
    unknown = (
        item.error(("spec", *path), message)
        for item, spec in used
        for path, message in name_errors(spec, _known_kinds(spec, actors))
    )
    return config, (*_misplaced(item, others), *unknown)


def _each_once(kinds: Iterable[ProtectedKind]) -> tuple[ProtectedKind, ...]:
    """Return one row for each kind: what is built in or added to the registry goes first."""
    found: dict[Key, ProtectedKind] = {}
    for one in kinds:
        found.setdefault(one.key, one)
    return tuple(found.values())


def _known_kinds(spec: DeletionProtectionSpec, actors: Actors) -> tuple[ProtectedKind, ...]:
    return _each_once((*KINDS, *added_kinds(actors.kinds), *further_kinds(spec)))


def _with_dependents(main: DeletionProtectionSpec, kinds: Sequence[ProtectedKind]) -> Iterator[Key]:
    """Yield the kinds whose dependents are looked at: those named, by default also the added ones."""
    yield from (
        one.key for text in main.check_dependents for one in named(text, kinds) if owned_by(one)
    )
    if "check_dependents" not in main.model_fields_set:
        yield from (one.key for one in kinds if one.is_workload and one.owns)


def _mass_delete(
    given: MassDeleteSettings | None, kinds: Sequence[ProtectedKind]
) -> MassDelete | None:
    if given is None:
        return None
    chosen = [one for one in kinds if one.key != POD]
    if given.kinds:
        chosen = [one for text in given.kinds for one in named(text, kinds)]
    return MassDelete(
        most=math.ceil(given.max / given.replicas),
        seconds=parse_duration(given.per) or 0.0,
        span=given.per,
        kinds=frozenset(one.key for one in chosen),
        resources=tuple(sorted({one.path for one in chosen})),
        only_humans=given.actors == "humans",
        replicas=given.replicas,
    )


def _subjects(people: People) -> Subjects:
    accounts = (SERVICE_ACCOUNT + one for one in people.service_accounts)
    return subjects((*people.users, *accounts), people.groups)


def _policies(
    used: Sequence[tuple[Item, DeletionProtectionSpec]], actors: Actors
) -> Iterator[PolicyRule]:
    for item, spec in used:
        kinds = _known_kinds(spec, actors)
        for rule in spec.protect:
            chosen: tuple[ProtectedKind, ...] = tuple(
                dict.fromkeys(one for text in rule.kinds for one in named(text, kinds))
            )
            yield PolicyRule(
                document=f"DeletionProtection/{item.name}",
                phase=spec.phase,
                kinds=chosen,
                level=LEVELS[rule.level],
                namespaces=rule.namespaces,
                exclude_namespaces=rule.exclude_namespaces,
                selector=parse_selector(rule.selector or {}),
            )


def _grants(items: Sequence[Item]) -> Iterator[Grant]:
    for item in items:
        if item.kind != "DeletionGrant":
            continue
        spec = DeletionGrantDocument.model_validate_json(item.text).spec
        if spec.phase == "off":
            continue
        yield Grant(
            name=item.name,
            who=subjects(spec.who.users, spec.who.groups),
            group=spec.target.group,
            kind=spec.target.kind,
            namespace=spec.target.namespace,
            object_name=spec.target.name,
            uid=spec.target.uid,
            reason=spec.reason,
            expires=parse_time(spec.expires) or 0.0,
            created_by=spec.created_by,
        )


def _misplaced(
    main: Item, others: Sequence[tuple[Item, DeletionProtectionSpec]]
) -> Iterator[ConfigError]:
    """Yield what further documents say that only one can."""
    for item, spec in others:
        if spec.phase == "off":
            continue
        for field in sorted(spec.model_fields_set - OWN_FIELDS):
            alias = DeletionProtectionSpec.model_fields[field].alias or field
            message = f"only {main.name} can say this, which holds; move it there"
            yield item.error(("spec", alias), message)
