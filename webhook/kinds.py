"""The kinds of documents that there are, and who checks and compiles each.

What documents of all kinds are together is the business of `snapshot`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from webhook.documents import Item
from webhook.model import ConfigError
from webhook.policy import (
    parse_binding,
    parse_mutating_binding,
    parse_mutating_policy_in_steps,
    parse_policy_in_steps,
)
from webhook.rules import RULES
from webhook.rules.actors import parse_actors
from webhook.rules.exceptions import parse_exception
from webhook.steps import Steps, finish

Checked = tuple[Any, tuple[ConfigError, ...]]
Check = Callable[[Item], Steps[Checked]]
"""One document → (what it compiles to, all its errors)."""


def check_in_steps(item: Item) -> Steps[Checked]:
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


def errors_on_version(item: Item, version: str) -> tuple[ConfigError, ...]:
    """Return what is wrong with a document when its CEL texts are new on a Kubernetes minor."""
    return finish(errors_on_version_in_steps(item, version))


def errors_on_version_in_steps(item: Item, version: str) -> Steps[tuple[ConfigError, ...]]:
    """Do as `errors_on_version`, with pauses."""
    if item.kind == POLICY_KIND:
        _, errors = yield from parse_policy_in_steps(item, version)
        return errors
    if item.kind == MUTATING_KIND:
        _, errors = yield from parse_mutating_policy_in_steps(item, version)
        return errors
    return ()
