"""Collects what the policies say about one request, and turns it into an Outcome (2.8, 2.9).

The order in which things are added is upstream's order of denials: the first one is answered.
"""

from __future__ import annotations

from webhook.model import Action, AdmissionRequest, Outcome, Violation
from webhook.policy.judging import Failure, Judgement
from webhook.policy.messages import (
    CODES,
    DEFAULT_CODE,
    DEFAULT_REASON,
    denial,
    details_of,
    go_json,
    joined,
    warning,
)
from webhook.policy.model import FAIL, Binding, Policy

ORIGIN = "ValidatingAdmissionPolicy"
FAILURE_KEY = "validation_failure"
MAX_FAILURES = 50


class Verdict:
    """What has been found so far about one request."""

    __slots__ = ("_annotations", "_failures", "_request", "_violations", "_warnings")

    def __init__(self, request: AdmissionRequest) -> None:
        self._request = request
        self._violations: list[Violation] = []
        self._warnings: list[str] = []
        self._failures: list[dict[str, object]] = []
        self._annotations: dict[str, list[str]] = {}

    def add(self, policy: Policy, binding: Binding, judgement: Judgement) -> None:
        """Apply the binding's actions to the failed decisions of one evaluation.

        Errors of audit annotations deny whatever the actions are.
        """
        for failure in judgement.failures:
            for action in binding.validation_actions:
                self._apply(action, policy, binding, failure)
        for key, value in judgement.annotations:
            self._annotations.setdefault(f"{policy.name}.{key}", []).append(value)
        for error in judgement.annotation_errors:
            self.add_error(policy, binding, error)

    def _apply(self, action: Action, policy: Policy, binding: Binding, failure: Failure) -> None:
        message = failure.message
        if action is Action.DENY:
            message = denial(policy.name, binding.name, message)
        elif action is Action.WARN:
            self._warnings.append(warning(policy.name, binding.name, message))
        else:
            self._failures.append(
                {
                    "message": message,
                    "policy": policy.name,
                    "binding": binding.name,
                    "expressionIndex": failure.index,
                    "validationActions": [str(one) for one in binding.validation_actions],
                }
            )
        self._add(action, policy.name, binding.name, message, failure.reason)

    def add_error(self, policy: Policy, binding: Binding | None, text: str) -> None:
        """Deny whatever the binding's actions are, unless failures are ignored."""
        if policy.failure_policy == FAIL:
            name = binding.name if binding else ""
            message = denial(policy.name, name, text)
            self._add(Action.DENY, policy.name, name, message, DEFAULT_REASON)

    def refuse_request(self, message: str, namespace: str) -> None:
        """Refuse the whole request, because its Namespace does not exist.

        Upstream stops there: of what came before, only warnings have gone out already.
        """
        self._failures = []
        self._violations = [one for one in self._violations if one.action is Action.WARN]
        self._violations.append(
            Violation(
                ORIGIN,
                message,
                reason="NotFound",
                code=CODES["NotFound"],
                details={"name": namespace, "kind": "namespaces"},
            )
        )

    def _add(self, action: Action, policy: str, binding: str, message: str, reason: str) -> None:
        denied = action is Action.DENY
        self._violations.append(
            Violation(
                origin=ORIGIN,
                message=message,
                action=action,
                reason=reason,
                code=CODES.get(reason, DEFAULT_CODE),
                policy=policy,
                binding=binding,
                details=details_of(self._request, message) if denied else None,
            )
        )

    def outcome(self) -> Outcome:
        """Return all of it; the object is the one received."""
        annotations = {key: joined(values) for key, values in self._annotations.items()}
        if self._failures:
            annotations[FAILURE_KEY] = go_json(self._failures[:MAX_FAILURES])
        return Outcome(
            self._request.object,
            tuple(self._violations),
            tuple(self._warnings),
            annotations,
        )
