"""The example of docs/documents/mutating-admission-policy.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.builders import container, namespace, pod, request
from tests.policy.mutating_policies import run
from webhook.documents import parse_document
from webhook.model import Document, Get
from webhook.policy import parse_mutating_binding, parse_mutating_policy

PAGE = Path(__file__).parents[2] / "docs" / "documents" / "mutating-admission-policy.md"


def test_example() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (policy_item, binding_item), errors = parse_document(Document("page", blocks[0]))
    policy, policy_errors = parse_mutating_policy(policy_item)
    binding, binding_errors = parse_mutating_binding(binding_item)
    assert (*errors, *policy_errors, *binding_errors) == ()
    assert policy is not None
    assert binding is not None
    image: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "log-shipper", "namespace": "shop"},
        "data": {"image": "logs:1"},
    }
    answers = {Get("v1", "Namespace", "", "shop"): namespace(labels={"team": "shop"})}
    once = run(request(pod()), policy, bindings=(binding,), objects=(image,), answers=answers)
    assert once.object["metadata"]["annotations"] == {"logs.example/image": "logs:1"}
    shipper = {"name": "log-shipper", "image": "logs:1"}
    assert once.object["spec"]["containers"] == [container(), shipper]
    assert once.object["spec"]["nodeSelector"] == {"logs.example/node": "yes"}
    received = request(once.object)
    again = run(received, policy, bindings=(binding,), objects=(image,), answers=answers)
    assert again.object is received.object
