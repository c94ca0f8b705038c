"""Admission policies as the API server runs them, validating and mutating: documents in, outcomes out.

Knows requests, facts and CEL; knows nothing of files, clusters, HTTP and of the built-in rules.
"""

from webhook.policy.groups import PolicyGroup, group_policies, group_policies_in_steps
from webhook.policy.model import Binding, MutatingBinding, MutatingPolicy, Policy
from webhook.policy.mutating import (
    MutatingPolicySet,
    build_mutating_policy_set,
    build_mutating_policy_set_in_steps,
    mutate,
)
from webhook.policy.parse import parse_binding, parse_policy, parse_policy_in_steps
from webhook.policy.parse_mutating import (
    parse_mutating_binding,
    parse_mutating_policy,
    parse_mutating_policy_in_steps,
)
from webhook.policy.validating import (
    PolicySet,
    build_policy_set,
    build_policy_set_in_steps,
    validate,
)

__all__ = [
    "Binding",
    "MutatingBinding",
    "MutatingPolicy",
    "MutatingPolicySet",
    "Policy",
    "PolicyGroup",
    "PolicySet",
    "build_mutating_policy_set",
    "build_mutating_policy_set_in_steps",
    "build_policy_set",
    "build_policy_set_in_steps",
    "group_policies",
    "group_policies_in_steps",
    "mutate",
    "parse_binding",
    "parse_mutating_binding",
    "parse_mutating_policy",
    "parse_mutating_policy_in_steps",
    "parse_policy",
    "parse_policy_in_steps",
    "validate",
]
