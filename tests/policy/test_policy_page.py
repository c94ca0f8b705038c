"""The example of docs/documents/validating-admission-policy.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.builders import deployment, namespace, request
from tests.policy.policies import judge
from webhook.documents import parse_document
from webhook.model import Document, Get
from webhook.policy import parse_binding, parse_policy
from webhook.policy.checks import REASONS
from webhook.policy.messages import CODES, DEFAULT_CODE

PAGE = Path(__file__).parents[2] / "docs" / "documents" / "validating-admission-policy.md"


def test_example() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (policy_item, binding_item), errors = parse_document(Document("page", blocks[0]))
    policy, policy_errors = parse_policy(policy_item)
    binding, binding_errors = parse_binding(binding_item)
    assert (*errors, *policy_errors, *binding_errors) == ()
    assert policy is not None
    assert binding is not None
    limit = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "replica-limit", "namespace": "shop"},
        "data": {"maxReplicas": "3"},
    }
    outcome = judge(
        request(deployment(replicas=5)),
        policy,
        binding,
        (limit,),
        {Get("v1", "Namespace", "", "shop"): namespace(labels={"team": "shop"})},
    )
    assert [(one.action, one.code) for one in outcome.violations] == [("Deny", 403), ("Audit", 403)]
    assert outcome.violations[1].message == "at most 3 replicas are allowed here"
    assert outcome.audit_annotations["replica-limit.replicas"] == "5"


def test_codes() -> None:
    text = PAGE.read_text()
    written = {
        row[0]: int(row[1]) for row in re.findall(r"^\| (\w+) \| (\d{3}) \|$", text, re.MULTILINE)
    }
    assert written == {reason: CODES.get(reason, DEFAULT_CODE) for reason in REASONS}
