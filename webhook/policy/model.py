"""Records of policy documents, validating and mutating: parsed, defaulted, compiled, immutable.

No behaviour here.
"""

from __future__ import annotations

from dataclasses import dataclass

from webhook.cel import Program
from webhook.model import Action
from webhook.objects.selectors import LabelSelector

FAIL = "Fail"
IGNORE = "Ignore"
EXACT = "Exact"
EQUIVALENT = "Equivalent"
ALLOW = "Allow"
DENY = "Deny"
ANY = "*"
APPLY_CONFIGURATION = "ApplyConfiguration"
JSON_PATCH = "JSONPatch"
NEVER = "Never"
IF_NEEDED = "IfNeeded"


@dataclass(frozen=True, slots=True)
class ParamKind:
    """The kind of the objects that a policy takes its parameters from."""

    api_version: str
    kind: str

    @property
    def upstream_text(self) -> str:
        """The form in which the API server prints it inside messages."""
        return f"&ParamKind{{APIVersion:{self.api_version},Kind:{self.kind},}}"


@dataclass(frozen=True, slots=True)
class ParamRef:
    """How a binding chooses parameters: by `name`, or by `selector` (then `name` is empty).

    `not_found_action` is Allow or Deny.
    """

    name: str = ""
    namespace: str = ""
    selector: LabelSelector | None = None
    not_found_action: str = DENY


@dataclass(frozen=True, slots=True)
class ResourceRule:
    """One entry of resourceRules or excludeResourceRules; "*" stands for anything."""

    operations: tuple[str, ...]
    api_groups: tuple[str, ...]
    api_versions: tuple[str, ...]
    resources: tuple[str, ...]
    scope: str = ANY
    resource_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchResources:
    """Which requests a policy or a binding is about.

    A selector that selects everything is None. No `resource_rules` means no constraint.
    """

    resource_rules: tuple[ResourceRule, ...] = ()
    exclude_resource_rules: tuple[ResourceRule, ...] = ()
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    match_policy: str = EQUIVALENT


@dataclass(frozen=True, slots=True)
class Expression:
    """A CEL text and what it compiled to.

    Exactly one of `program` and `error` is set; `error` is upstream's text of the compile error.
    """

    text: str
    program: Program | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A named expression that others read as `variables.<name>`."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class MatchCondition:
    """A named expression that decides whether a request concerns the policy."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Validation:
    """One check with what to say when it is not true; texts are "" when not given."""

    expression: Expression
    message: str = ""
    message_expression: Expression | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AuditAnnotation:
    """One value that is published with the audit event."""

    key: str
    value_expression: Expression


@dataclass(frozen=True, slots=True)
class Policy:
    """A ValidatingAdmissionPolicy with its defaults."""

    name: str
    match_constraints: MatchResources
    failure_policy: str = FAIL
    param_kind: ParamKind | None = None
    match_conditions: tuple[MatchCondition, ...] = ()
    variables: tuple[Variable, ...] = ()
    validations: tuple[Validation, ...] = ()
    audit_annotations: tuple[AuditAnnotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """A ValidatingAdmissionPolicyBinding with its defaults."""

    name: str
    policy_name: str
    validation_actions: tuple[Action, ...]
    param_ref: ParamRef | None = None
    match_resources: MatchResources | None = None


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change; `patch_type` says what the expression's value is: a part of the object, or a patch."""

    patch_type: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class MutatingPolicy:
    """A MutatingAdmissionPolicy with its defaults."""

    name: str
    match_constraints: MatchResources
    failure_policy: str = FAIL
    param_kind: ParamKind | None = None
    match_conditions: tuple[MatchCondition, ...] = ()
    variables: tuple[Variable, ...] = ()
    mutations: tuple[Mutation, ...] = ()
    reinvocation_policy: str = NEVER


@dataclass(frozen=True, slots=True)
class MutatingBinding:
    """A MutatingAdmissionPolicyBinding."""

    name: str
    policy_name: str
    param_ref: ParamRef | None = None
    match_resources: MatchResources | None = None
