"""Texts of documents for tests of the sources."""

from __future__ import annotations

import json
from typing import Any

from webhook.model import Document


def policy(name: str, expression: str = "object.spec.replicas <= 3", resource: str = "pods") -> str:
    """Return a policy and its binding; a wrong expression makes the policy a broken document."""
    constraints = {
        "resourceRules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": [resource],
            }
        ]
    }
    spec = {"matchConstraints": constraints, "validations": [{"expression": expression}]}
    binding = {"policyName": name, "validationActions": ["Deny"]}
    kinds = {"ValidatingAdmissionPolicy": spec, "ValidatingAdmissionPolicyBinding": binding}
    return "\n---\n".join(_document(kind, name, spec) for kind, spec in kinds.items())


def _document(kind: str, name: str, spec: Any) -> str:
    value = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
    return json.dumps(value, indent=1)


BROKEN = "object.spec.replicas >"


def documents(**texts: str) -> tuple[Document, ...]:
    """Return one Document for each keyword; its origin is the keyword."""
    return tuple(Document(origin, text) for origin, text in texts.items())
