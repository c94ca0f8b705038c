"""Small policies and objects as YAML, for tests that write files."""

from __future__ import annotations

POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {name}
spec:
  matchConstraints:
    resourceRules:
      - {{apiGroups: [""], apiVersions: [v1], resources: [pods, configmaps], operations: [CREATE]}}
  validations:
    - expression: {expression}
      message: {name} says no
"""

BINDING = """\
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {name}
spec:
  policyName: {name}
  validationActions: [{action}]
"""

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: app, image: "web:1"}]}
"""


def policy(
    name: str = "tall", expression: str = "has(object.spec.tall)", action: str = "Deny"
) -> str:
    """Return a policy with its binding."""
    return POLICY.format(name=name, expression=expression) + BINDING.format(
        name=name, action=action
    )
