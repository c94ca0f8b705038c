"""One EnvInjection document → all its errors: what the model of its shape cannot say.

Names, forbidden names, sources, placeholders, cycles, selectors. Compiles nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from webhook.documents import Item
from webhook.model import ConfigError
from webhook.objects.paths import Path
from webhook.objects.selectors import SelectorError, glob, parse_selector
from webhook.rules.env.literals import LiteralError, parse_literal
from webhook.rules.env.ordering import find_cycle
from webhook.rules.env.settings import EnvEntry, EnvInjectionDocument, EnvInjectionSpec
from webhook.rules.schema import parse_model
from webhook.rules.skips import read_switch

_RULE_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_VARIABLE_NAME = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
    "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_MAP_FIELD = re.compile(r"metadata\.(labels|annotations)\['[^']+'\]")
_RESOURCE = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-[0-9A-Za-z]+)")

Found = Iterator[tuple[Path, str]]
"""(path below `spec`, message) of each error."""


def parse(item: Item) -> tuple[ConfigError, ...]:
    """Return all errors of one document; none means that it can be built."""
    document, errors = parse_model(item, EnvInjectionDocument)
    if document is None:
        return errors
    problems = [
        *_name_errors(item.name),
        *(
            (("spec", *path), message)
            for check in (_selector_errors, _entry_errors, _source_errors, _rule_errors)
            for path, message in check(document.spec)
        ),
    ]
    return tuple(item.error(path, message) for path, message in problems)


def _name_errors(name: str) -> Found:
    if not _RULE_NAME.fullmatch(name):
        message = "must be at most 63 lower-case letters, digits, '-' and '.': opt-outs name it"
        yield ("metadata", "name"), message
    elif read_switch(name) is not None:
        yield ("metadata", "name"), "would be read as true or false in an opt-out; choose another"


def _selector_errors(spec: EnvInjectionSpec) -> Found:
    for field, value in (
        ("namespaceSelector", spec.match.namespace_selector),
        ("podSelector", spec.match.pod_selector),
    ):
        try:
            parse_selector(value)
        except SelectorError as error:
            yield ("match", field, *error.path), error.message


def _entry_errors(spec: EnvInjectionSpec) -> Found:
    seen: set[str] = set()
    for index, entry in enumerate(spec.env):
        path: Path = ("env", index)
        if entry.name in seen:
            yield (*path, "name"), f"{entry.name} is given twice"
        seen.add(entry.name)
        yield from ((path + more, text) for more, text in _name_of_entry(entry, spec))
        yield from ((path + more, text) for more, text in _value_of_entry(entry, spec))
        yield from ((path + more, text) for more, text in _reference_of_entry(entry, spec))


def _name_of_entry(entry: EnvEntry, spec: EnvInjectionSpec) -> Found:
    if not _VARIABLE_NAME.fullmatch(entry.name):
        yield ("name",), "must be letters, digits, '_', '.' and '-', not starting with a digit"
    forbidden = next((one for one in spec.never_inject if glob(one, entry.name)), None)
    if forbidden is not None and not spec.force:
        yield (
            ("name",),
            f"neverInject lists {forbidden}; containers may break (force: true accepts)",
        )


def _value_of_entry(entry: EnvEntry, spec: EnvInjectionSpec) -> Found:
    if entry.value is None:
        if (entry.conflict or spec.conflict) == "append":
            yield ("valueFrom",), "cannot be appended; give a value or another conflict"
        return
    if entry.only_with_limit:
        yield ("onlyWithLimit",), "needs valueFrom.resourceFieldRef"
    try:
        parse_literal(entry.value)
    except LiteralError as error:
        yield ("value",), f"{error.message} (character {error.position + 1})"


def _reference_of_entry(entry: EnvEntry, spec: EnvInjectionSpec) -> Found:
    source = entry.value_from
    if source is None:
        return
    if source.field_ref and not _is_field(source.field_ref.field_path):
        allowed = ", ".join((*_FIELDS, "metadata.labels['x']", "metadata.annotations['x']"))
        yield ("valueFrom", "fieldRef", "fieldPath"), f"must be one of {allowed}"
    resource = source.resource_field_ref
    if resource and not _RESOURCE.fullmatch(resource.resource):
        message = "must be limits. or requests. with cpu, memory, ephemeral-storage or hugepages-"
        yield ("valueFrom", "resourceFieldRef", "resource"), message
    if entry.only_with_limit and not resource:
        yield ("onlyWithLimit",), "needs valueFrom.resourceFieldRef"
    if source.secret_key_ref and not spec.allow_secrets:
        yield ("valueFrom", "secretKeyRef"), "needs allowSecrets: true in this document"


def _is_field(path: str) -> bool:
    return path in _FIELDS or bool(_MAP_FIELD.fullmatch(path))


def _source_errors(spec: EnvInjectionSpec) -> Found:
    for index, source in enumerate(spec.env_from):
        if source.secret_ref and not spec.allow_secrets:
            yield ("envFrom", index, "secretRef"), "needs allowSecrets: true in this document"
        if source.prefix and not _VARIABLE_NAME.fullmatch(source.prefix):
            message = "must be letters, digits, '_', '.' and '-', not starting with a digit"
            yield ("envFrom", index, "prefix"), message


def _rule_errors(spec: EnvInjectionSpec) -> Found:
    references = {entry.name: _references(entry) for entry in spec.env}
    cycle = find_cycle(references)
    if cycle:
        at = next(i for i, entry in enumerate(spec.env) if entry.name == cycle[0])
        yield ("env", at, "value"), f"refers to itself: {' -> '.join((*cycle, cycle[0]))}"
    if len(spec.env) + len(spec.env_from) > spec.limits.entries:
        yield ("env",), f"more entries than limits.entries allows ({spec.limits.entries})"
    if not (spec.env or spec.env_from or spec.reserved_prefixes):
        yield (), "needs env, envFrom or reservedPrefixes: this rule does nothing"


def _references(entry: EnvEntry) -> frozenset[str]:
    try:
        return parse_literal(entry.value or "").references
    except LiteralError:
        return frozenset()
