"""ValidatingAdmissionPolicies as the API server runs them: documents in, outcomes out.

Knows requests, facts and CEL; knows nothing of files, clusters, HTTP and of the built-in rules.
"""

from webhook.policy.groups import PolicyGroup, group_policies
from webhook.policy.model import Binding, Policy
from webhook.policy.parse import parse_binding, parse_policy
from webhook.policy.validating import PolicySet, build_policy_set, validate

__all__ = [
    "Binding",
    "Policy",
    "PolicyGroup",
    "PolicySet",
    "build_policy_set",
    "group_policies",
    "parse_binding",
    "parse_policy",
    "validate",
]
