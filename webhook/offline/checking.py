"""Everything that is wrong with documents, before anything reads them in earnest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from webhook.documents import Item, parse_document
from webhook.kinds import errors_on_version
from webhook.model import ConfigError, Platform
from webhook.objects.paths import get
from webhook.offline.inputs import Input
from webhook.rules.protect.parsing import parse_time
from webhook.snapshot import build

POLICY_KINDS = ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy")


@dataclass(frozen=True, slots=True)
class Report:
    """How many documents were looked at, what is wrong, and what is only odd."""

    checked: int
    errors: tuple[ConfigError, ...]
    remarks: tuple[ConfigError, ...] = ()


def check_inputs(inputs: Iterable[Input], version: str = "", now: float = 0.0) -> Report:
    """Check documents alone and with each other.

    `version` is the Kubernetes minor that new CEL texts must work on, "" for everything known;
    `now` is in seconds since the epoch, 0 for: nothing has expired.
    """
    inputs = tuple(inputs)
    documents = [one.document for one in inputs]
    items = [item for one in documents for item in parse_document(one)[0]]
    errors = list(build(documents, None, Platform()).errors)
    if version:
        errors += [error for item in items for error in errors_on_version(item, version)]
    places = {one.document.origin: one for one in inputs}
    found = sorted(
        (_placed(one, places) for one in dict.fromkeys(errors)),
        key=lambda one: (one.origin, one.line, one.column),
    )
    remarks = (_placed(one, places) for one in _remarks(items, now))
    return Report(len(items), tuple(found), tuple(remarks))


def _placed(error: ConfigError, inputs: dict[str, Input]) -> ConfigError:
    """Return the error with its place in the file, where the document lies in a ConfigMap."""
    found = inputs.get(error.origin)
    if found is None or found.config_map is None:
        return error
    place = found.config_map.error_in(("data", found.key), "", error.line or 1, error.column or 1)
    return replace(
        error, origin=place.origin, line=place.line, column=place.column, excerpt=place.excerpt
    )


def _remarks(items: list[Item], now: float) -> Iterator[ConfigError]:
    """Yield what is allowed and does nothing."""
    yield from _halves(items)
    yield from _idle_exceptions(items)
    for item in items:
        if item.kind in {"PolicyException", "DeletionGrant"}:
            expires = get(item.value, ("spec", "expires"))
            if (parse_time(str(expires)) or now) < now:
                text = f"{expires} is over: it does nothing; remove it"
                yield item.error(("spec", "expires"), text)


def _idle_exceptions(items: list[Item]) -> Iterator[ConfigError]:
    """Yield what exceptions name and these documents do not hold."""
    known = {(one.kind, name) for one in items for name in ("", one.name)}
    for item in (one for one in items if one.kind == "PolicyException"):
        waives = get(item.value, ("spec", "waives"))
        for index, one in enumerate(waives if isinstance(waives, list) else ()):
            kind, name = get(one, ("kind",)), get(one, ("name",)) or ""
            if isinstance(kind, str) and isinstance(name, str) and (kind, name) not in known:
                subject = f"{kind} {name!r}" if name else kind
                text = f"there is no {subject} here: waiving it does nothing"
                yield item.error(("spec", "waives", index), text)


def _halves(items: list[Item]) -> Iterator[ConfigError]:
    """Yield policies and bindings without the other."""
    for kind in POLICY_KINDS:
        policies = {one.name: one for one in items if one.kind == kind}
        bindings = [one for one in items if one.kind == f"{kind}Binding"]
        names = {name for one in bindings if (name := _policy_name(one))}
        for name, item in policies.items():
            if name not in names:
                yield item.error(
                    ("metadata", "name"), f"no {kind}Binding names it: it does nothing"
                )
        for item in bindings:
            name = _policy_name(item)
            if name and name not in policies:
                text = f"there is no {kind} {name!r} here: it does nothing without it"
                yield item.error(("spec", "policyName"), text)


def _policy_name(binding: Item) -> str:
    spec = binding.value.get("spec")
    name = spec.get("policyName") if isinstance(spec, dict) else None
    return name if isinstance(name, str) else ""
