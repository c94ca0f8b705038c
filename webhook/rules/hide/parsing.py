"""One HiddenFields document → all its errors: what the model of its shape cannot say.

Paths, values that treatments need, what is immutable, entries that contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator

from webhook.documents import Item
from webhook.model import ConfigError
from webhook.objects.paths import Key, Path, PathError, Pattern, parse_guard, parse_path
from webhook.objects.workloads import BUILT_IN
from webhook.rules.hide.building import own_entry
from webhook.rules.hide.entries import EAGER, Entry, Treatment
from webhook.rules.hide.fields import CONTAINER_FIELDS, POD_FIELDS, SPEC_FIELDS
from webhook.rules.hide.settings import CatalogueEntry, HiddenFieldsDocument, HiddenFieldsSpec
from webhook.rules.schema import parse_model

Found = Iterator[tuple[Path, str]]
"""(path below `spec`, message) of each error."""

IMMUTABLE = {one.kind for one in BUILT_IN if one.is_template_immutable}
IMMUTABLE_SPEC = {
    "StatefulSet": {"serviceName", "podManagementPolicy", "selector", "volumeClaimTemplates"},
    "PersistentVolumeClaim": {"storageClassName", "volumeName", "selector", "accessModes"},
    "Job": {"selector", "completions", "completionMode", "manualSelector"},
    "Deployment": {"selector"},
    "DaemonSet": {"selector"},
    "ReplicaSet": {"selector"},
}
CHANGING = EAGER | {Treatment.RESTORE}
NEEDS_VALUE = frozenset((Treatment.RESET, Treatment.DEFAULT))


def parse(item: Item) -> tuple[ConfigError, ...]:
    """Return all errors of one document; none means that it can be built."""
    document, errors = parse_model(item, HiddenFieldsDocument)
    if document is None:
        return errors
    return tuple(
        item.error(("spec", *path), message)
        for check in (_entry_errors, _duplicate_errors, _host_errors, _role_errors)
        for path, message in check(document.spec)
    )


def _entry_errors(spec: HiddenFieldsSpec) -> Found:
    for at, given in enumerate(spec.catalogue):
        for path, message in _errors_of(given):
            yield ("catalogue", at, *path), message


def _errors_of(given: CatalogueEntry) -> Found:
    try:
        pattern = parse_path(given.path)
    except PathError as error:
        yield ("path",), f"{error.message} (character {error.position + 1})"
        return
    wrong = list(_guard_errors(given))
    if wrong:
        yield from wrong
        return
    one = own_entry(given)
    yield from _unknown_fields(pattern, given)
    yield from _value_errors(one, given)
    yield from _immutable_errors(pattern, one)


def _guard_errors(given: CatalogueEntry) -> Found:
    for at, text in enumerate(given.when):
        try:
            parse_guard(text)
        except PathError as error:
            yield ("when", at), f"{error.message} (character {error.position + 1})"


def _unknown_fields(pattern: Pattern, given: CatalogueEntry) -> Found:
    """Yield a field that no built-in kind has; custom resources may have any."""
    for kind in given.kinds:
        names = _names(pattern)
        known = _known(pattern, kind.rpartition("/")[2])
        if known and names and "*" not in names[0] and names[0] not in known:
            text = f"{kind} has no field {names[0]}; allowed: {', '.join(sorted(known))}"
            yield ("path",), text


def _names(pattern: Pattern) -> list[str]:
    names = [step.name for step in pattern.steps if isinstance(step, Key)]
    return names[1:] if not pattern.root and names[:1] == ["spec"] else names


def _known(pattern: Pattern, kind: str) -> frozenset[str]:
    if pattern.root == "$pod":
        return POD_FIELDS
    if pattern.root == "$containers":
        return CONTAINER_FIELDS
    first = pattern.steps[:1]
    return SPEC_FIELDS.get(kind, frozenset()) if first == (Key("spec"),) else frozenset()


def _value_errors(one: Entry, given: CatalogueEntry) -> Found:
    if one.value is None and given.preset != "seed" and not NEEDS_VALUE.isdisjoint(one.treatments):
        yield (), "needs a value: what the platform sets"
    is_list = Treatment.RESTORE in one.treatments
    if is_list and one.value is not None and not isinstance(one.value, list):
        yield ("value",), "must be a list of elements for restore"
    if is_list and not given.path.endswith("]"):
        yield ("path",), "restore selects elements: end it with [name=...] or [?field]"


def _immutable_errors(pattern: Pattern, one: Entry) -> Found:
    """Yield treatments that would change on UPDATE what the API lets nobody change (A.3)."""
    if one.update not in CHANGING:
        return
    for kind in (word.rpartition("/")[2] for word in one.kinds):
        names = _names(pattern)
        is_template = pattern.root in ("$pod", "$containers") and kind in IMMUTABLE
        if is_template or (names and names[0] in IMMUTABLE_SPEC.get(kind, ())):
            allowed = "carry, denyOnChange, warn, allow"
            text = f"{kind} cannot be changed there; for update only {allowed} are possible"
            yield ("path",), text


def _duplicate_errors(spec: HiddenFieldsSpec) -> Found:
    seen: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], int] = {}
    for at, given in enumerate(spec.catalogue):
        for kind in given.kinds:
            first = seen.setdefault((kind, given.path, given.namespaces, given.when), at)
            if first != at:
                text = f"is given for {kind} in entry {first} already, which holds; remove one"
                yield ("catalogue", at, "path"), text


def _host_errors(spec: HiddenFieldsSpec) -> Found:
    for at, given in enumerate(spec.ingress_hosts):
        for index, suffix in enumerate(given.suffixes):
            if not suffix.strip(".") or "*" in suffix:
                text = "must be a domain, such as shop.example.com"
                yield ("ingressHosts", at, "suffixes", index), text


def _role_errors(spec: HiddenFieldsSpec) -> Found:
    if "I" in spec.roles.developer:
        yield ("roles", "developer"), "must not hold I: the rule would do nothing"
