"""ValidatingAdmissionPolicy documents → records, with every error at once and its position.

Checks and defaults what the API server checks and defaults, because our documents never pass it
(kubernetes-cel.md 2.1). `read_shared` and `read_shared_binding` are for mutating policies as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webhook.documents import Item
from webhook.model import Action, ConfigError
from webhook.objects.paths import Path
from webhook.policy.checks import (
    check_conditions,
    check_metadata,
    check_validations,
    check_value_annotations,
    check_variables,
)
from webhook.policy.compiling import (
    compile_annotations,
    compile_conditions,
    compile_validations,
    compile_variables,
)
from webhook.policy.environment import Declarations
from webhook.policy.formats import dns_1123_subdomain
from webhook.policy.match_resources import OPERATIONS, read_match_resources
from webhook.policy.model import (
    FAIL,
    IGNORE,
    Binding,
    MatchCondition,
    MatchResources,
    ParamKind,
    ParamRef,
    Policy,
    Variable,
)
from webhook.policy.parameters import read_param_kind, read_param_ref
from webhook.policy.report import Report
from webhook.policy.shapes import VALIDATING_BINDING, VALIDATING_POLICY, read
from webhook.steps import Steps, finish

Value = Mapping[str, Any]

SPEC: Path = ("spec",)
ACTIONS = frozenset(Action)


@dataclass(frozen=True, slots=True)
class SharedSpec:
    """What validating and mutating policies have in common, and where their own texts compile."""

    match_constraints: MatchResources
    failure_policy: str
    param_kind: ParamKind | None
    match_conditions: tuple[MatchCondition, ...]
    variables: tuple[Variable, ...]
    declarations: Declarations


@dataclass(frozen=True, slots=True)
class SharedBinding:
    """What both kinds of bindings have in common."""

    policy_name: str
    param_ref: ParamRef | None
    match_resources: MatchResources | None


def parse_policy(
    item: Item, version: str | None = None
) -> tuple[Policy | None, tuple[ConfigError, ...]]:
    """Parse a ValidatingAdmissionPolicy; return all its errors as well.

    The Policy is None when a field is unknown or has the wrong type. Otherwise it is what upstream
    would evaluate had the document been stored: expressions that do not compile are kept in it
    with their error. Whether it is put in force is the caller's decision. `version` is the
    Kubernetes minor that new texts must work on; None compiles with everything known.
    """
    return finish(parse_policy_in_steps(item, version))


def parse_policy_in_steps(
    item: Item, version: str | None = None
) -> Steps[tuple[Policy | None, tuple[ConfigError, ...]]]:
    """Do as `parse_policy`, with pauses before and inside each compilation."""
    report = Report(item)
    value = read(VALIDATING_POLICY, item.value, (), report)
    spec: Value = value.get("spec") or {}
    check_metadata(value, report)
    shared = yield from read_shared(spec, report, version)
    _check_work(spec, item.name, report)
    validations = yield from compile_validations(spec, shared.declarations, report)
    audit_annotations = yield from compile_annotations(spec, shared.declarations, report)
    policy = Policy(
        name=item.name,
        match_constraints=shared.match_constraints,
        failure_policy=shared.failure_policy,
        param_kind=shared.param_kind,
        match_conditions=shared.match_conditions,
        variables=shared.variables,
        validations=validations,
        audit_annotations=audit_annotations,
    )
    return (policy if report.has_shape else None), tuple(report.errors)


def read_shared(
    spec: Value,
    report: Report,
    version: str | None,
    operations: frozenset[str] = OPERATIONS,
) -> Steps[SharedSpec]:
    """Check, default and compile the part that mutating policies share."""
    param_kind = read_param_kind(spec.get("paramKind"), (*SPEC, "paramKind"), report)
    failure_policy = spec.get("failurePolicy") or FAIL
    if failure_policy not in {FAIL, IGNORE}:
        report.not_supported((*SPEC, "failurePolicy"), failure_policy, (FAIL, IGNORE))
    match_constraints = _read_match_constraints(spec, report, operations)
    check_conditions(spec, report)
    check_variables(spec, report)
    declarations = Declarations(
        has_params=param_kind is not None,
        has_variables=bool(spec.get("variables")),
        version=version,
    )
    return SharedSpec(
        match_constraints,
        failure_policy,
        param_kind,
        (yield from compile_conditions(spec, declarations, report)),
        (yield from compile_variables(spec, declarations, report)),
        declarations,
    )


def _read_match_constraints(
    spec: Value, report: Report, operations: frozenset[str]
) -> MatchResources:
    path = (*SPEC, "matchConstraints")
    value = spec.get("matchConstraints")
    if value is None:
        report.required(path, "say which resources the policy is about, in resourceRules")
        return MatchResources()
    if not value.get("resourceRules"):
        report.required((*path, "resourceRules"), "at least one rule is needed")
    return read_match_resources(value, path, report, operations)


def _check_work(spec: Value, name: str, report: Report) -> None:
    """Check what only a validating policy has."""
    if report.has_shape and not spec.get("validations") and not spec.get("auditAnnotations"):
        for key in ("validations", "auditAnnotations"):
            hint = "validations or auditAnnotations must contain at least one item"
            report.required((*SPEC, key), hint)
    check_validations(spec, report)
    check_value_annotations(spec, name, report)


def parse_binding(item: Item) -> tuple[Binding | None, tuple[ConfigError, ...]]:
    """Parse a ValidatingAdmissionPolicyBinding; None when the form is wrong.

    Returns all its errors as well.
    """
    report = Report(item)
    value = read(VALIDATING_BINDING, item.value, (), report)
    spec: Value = value.get("spec") or {}
    check_metadata(value, report)
    shared = read_shared_binding(spec, item, report)
    actions = _read_actions(spec.get("validationActions") or (), report)
    binding = Binding(
        name=item.name,
        policy_name=shared.policy_name,
        validation_actions=actions,
        param_ref=shared.param_ref,
        match_resources=shared.match_resources,
    )
    return (binding if report.has_shape else None), tuple(report.errors)


def read_shared_binding(
    spec: Value, item: Item, report: Report, operations: frozenset[str] = OPERATIONS
) -> SharedBinding:
    """Check and default the part that bindings of mutating policies share."""
    path = (*SPEC, "policyName")
    policy_name = spec.get("policyName") or ""
    if not policy_name:
        report.required(path, "name the policy that this binding puts in force")
    for problem in dns_1123_subdomain(policy_name) if policy_name else ():
        report.invalid(path, policy_name, problem)
    # v1alpha1 alone has a default here (kubernetes pkg/apis/admissionregistration/v1alpha1).
    default = "Deny" if item.api_version.endswith("/v1alpha1") else ""
    param_ref = read_param_ref(spec.get("paramRef"), default, (*SPEC, "paramRef"), report)
    resources = spec.get("matchResources")
    if resources is not None:
        path = (*SPEC, "matchResources")
        resources = read_match_resources(resources, path, report, operations)
    return SharedBinding(policy_name, param_ref, resources)


def _read_actions(values: tuple[str, ...] | list[str], report: Report) -> tuple[Action, ...]:
    path = (*SPEC, "validationActions")
    for index, value in enumerate(values):
        if value not in ACTIONS:
            report.not_supported((*path, index), value, ACTIONS)
        if value in values[:index]:
            report.duplicate((*path, index), value)
    if Action.DENY in values and Action.WARN in values:
        why = (
            "must not contain both Deny and Warn (repeating the same validation failure "
            "information in the API response and headers serves no purpose)"
        )
        report.invalid(path, list(values), why)
    if not values:
        report.required(path, "at least one validation action is required")
    return tuple(Action(value) for value in values if value in ACTIONS)
