"""MutatingAdmissionPolicy documents → records, with every error at once and its position.

What they share with validating ones is in `parse`; here is what only they have (kubernetes-cel.md
5.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from webhook.documents import Item
from webhook.model import ConfigError
from webhook.policy.checks import check_metadata, check_mutations
from webhook.policy.compiling import compile_mutations
from webhook.policy.match_resources import OPERATIONS
from webhook.policy.model import (
    ANY,
    IF_NEEDED,
    NEVER,
    MatchResources,
    MutatingBinding,
    MutatingPolicy,
)
from webhook.policy.parse import SPEC, read_shared, read_shared_binding
from webhook.policy.report import Report
from webhook.policy.shapes import MUTATING_BINDING, MUTATING_POLICY, read
from webhook.steps import Steps, finish

Value = Mapping[str, Any]

MUTATING_OPERATIONS = OPERATIONS - {"DELETE"}
REINVOCATION_POLICIES = (NEVER, IF_NEEDED)


def parse_mutating_policy(
    item: Item, version: str | None = None
) -> tuple[MutatingPolicy | None, tuple[ConfigError, ...]]:
    """Parse a MutatingAdmissionPolicy; return all its errors as well.

    The same promises as `parse_policy`.
    """
    return finish(parse_mutating_policy_in_steps(item, version))


def parse_mutating_policy_in_steps(
    item: Item, version: str | None = None
) -> Steps[tuple[MutatingPolicy | None, tuple[ConfigError, ...]]]:
    """Do as `parse_mutating_policy`, with pauses before and inside each compilation."""
    report = Report(item)
    value = read(MUTATING_POLICY, item.value, (), report)
    spec: Value = value.get("spec") or {}
    check_metadata(value, report)
    shared = yield from read_shared(spec, report, version, MUTATING_OPERATIONS)
    check_mutations(spec, report)
    mutations = yield from compile_mutations(spec, shared.declarations, report)
    policy = MutatingPolicy(
        name=item.name,
        match_constraints=_without_delete(shared.match_constraints),
        failure_policy=shared.failure_policy,
        param_kind=shared.param_kind,
        match_conditions=shared.match_conditions,
        variables=shared.variables,
        mutations=mutations,
        reinvocation_policy=_read_reinvocation(spec, report),
    )
    return (policy if report.has_shape else None), tuple(report.errors)


def _without_delete(resources: MatchResources) -> MatchResources:
    """Spell out "*": deletions never reach a mutating policy."""
    every = tuple(sorted(MUTATING_OPERATIONS - {ANY}))
    rules = tuple(
        replace(rule, operations=every) if ANY in rule.operations else rule
        for rule in resources.resource_rules
    )
    return replace(resources, resource_rules=rules)


def _read_reinvocation(spec: Value, report: Report) -> str:
    """Read what has no default."""
    path = (*SPEC, "reinvocationPolicy")
    value = spec.get("reinvocationPolicy") or ""
    if not value:
        report.required(path, f"write {' or '.join(REINVOCATION_POLICIES)}")
    elif value not in REINVOCATION_POLICIES:
        report.not_supported(path, value, REINVOCATION_POLICIES)
    return value or NEVER


def parse_mutating_binding(
    item: Item,
) -> tuple[MutatingBinding | None, tuple[ConfigError, ...]]:
    """Parse a MutatingAdmissionPolicyBinding; None when the form is wrong.

    Returns all its errors as well.
    """
    report = Report(item)
    value = read(MUTATING_BINDING, item.value, (), report)
    check_metadata(value, report)
    shared = read_shared_binding(value.get("spec") or {}, item, report, MUTATING_OPERATIONS)
    binding = MutatingBinding(
        item.name, shared.policy_name, shared.param_ref, shared.match_resources
    )
    return (binding if report.has_shape else None), tuple(report.errors)
