"""All accepted DeletionProtection and DeletionGrant documents → one Config.

The first protection document by name that is not off gives all single values; `protect` entries and
grants add up over all documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from webhook.documents import Item
from webhook.model import ConfigError, Platform
from webhook.objects.selectors import parse_selector
from webhook.rules.actors import SERVICE_ACCOUNT, Actors, Subjects, subjects
from webhook.rules.protect.config import LEVELS, Config, Grant, Names, PolicyRule
from webhook.rules.protect.kinds import ProtectedKind, named, owned_by
from webhook.rules.protect.parsing import all_kinds, parse_duration, parse_time
from webhook.rules.protect.settings import (
    DeletionGrantDocument,
    DeletionProtectionDocument,
    DeletionProtectionSpec,
    People,
)

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
    kinds = tuple(dict.fromkeys(one for _, spec in used for one in all_kinds(spec)))
    config = Config(
        document=f"DeletionProtection/{item.name}",
        settings=main,
        names=Names(platform.prefix),
        actors=actors,
        cooldown=parse_duration(main.on_remove.cooldown) or 0.0,
        policies=tuple(_policies(used)),
        grants=tuple(_grants(items)),
        kinds=kinds,
        check_dependents=frozenset(
            one.key for text in main.check_dependents for one in named(text, kinds) if owned_by(one)
        ),
        approvers=_subjects(main.approvers),
        may_override=_subjects(main.may_override),
        may_confirm=_subjects(main.may_confirm),
    )
    return config, tuple(_misplaced(item, others))


def _subjects(people: People) -> Subjects:
    accounts = (SERVICE_ACCOUNT + one for one in people.service_accounts)
    return subjects((*people.users, *accounts), people.groups)


def _policies(used: Sequence[tuple[Item, DeletionProtectionSpec]]) -> Iterator[PolicyRule]:
    for item, spec in used:
        kinds = all_kinds(spec)
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
