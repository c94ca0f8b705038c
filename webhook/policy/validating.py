"""Evaluation of ValidatingAdmissionPolicies for one request, in upstream's order (2.2).

Nothing stops anything else: all policies, bindings, parameters and validations are evaluated.
"""

from __future__ import annotations

from webhook.model import (
    AdmissionRequest,
    Facts,
    GroupVersionKind,
    Lookup,
    NeedFacts,
    Outcome,
    Unavailable,
)
from webhook.policy.activation import Activation
from webhook.policy.judging import ADMITTED, judge
from webhook.policy.matching import CERTAIN, MatchError, matches, not_found
from webhook.policy.model import Binding
from webhook.policy.params import NO_PARAMS, KindError, ParamError, check_kind, collect_params
from webhook.policy.policy_set import BindingPlan, Plan, PolicySet
from webhook.policy.verdict import Verdict

TOO_LATE = "the deadline of the request passed before it was evaluated"

_NAMESPACE_KIND = GroupVersionKind("", "v1", "Namespace")


class NamespaceMissingError(Exception):
    """The Namespace of the request does not exist; this fails the whole request."""


def validate(request: AdmissionRequest, policy_set: PolicySet, facts: Facts) -> Outcome:
    """Judge a request by all policies of the set.

    Raises NeedFacts with the lookups of all policies that miss something.
    """
    plans = policy_set.plans(request)
    if not plans:
        return Outcome(request.object)
    evaluation = _Evaluation(request, facts)
    try:
        for plan in plans:
            evaluation.judge(plan)
    except NamespaceMissingError as error:
        evaluation.verdict.refuse_request(str(error), request.namespace)
    if evaluation.missing:
        raise NeedFacts(frozenset(evaluation.missing))
    return evaluation.verdict.outcome()


class _Evaluation:
    """The state of one call of `validate`."""

    __slots__ = ("_activation", "_facts", "_has_namespace", "_request", "missing", "verdict")

    def __init__(self, request: AdmissionRequest, facts: Facts) -> None:
        self._request = request
        self._facts = facts
        self._activation = Activation(request, facts)
        self._has_namespace = False
        self.missing: set[Lookup] = set()
        self.verdict = Verdict(request)

    def judge(self, plan: Plan) -> None:
        """Apply one policy with all its bindings; what it misses is remembered."""
        try:
            if self._concerns(plan):
                for one in plan.bindings:
                    self._bind(plan, one)
        except NeedFacts as need:
            self.missing |= need.lookups

    def _concerns(self, plan: Plan) -> bool:
        policy, request = plan.policy, self._request
        if request.deadline.expired():
            self.verdict.add_error(policy, None, TOO_LATE)
            return False
        try:
            if plan.match is not CERTAIN and not matches(plan.match, request, self._facts):
                return False
            if policy.param_kind is not None:
                check_kind(policy.param_kind, self._facts)
        except (MatchError, KindError) as error:
            self.verdict.add_configuration_error(policy, None, str(error))
            return False
        return True

    def _bind(self, plan: Plan, one: BindingPlan) -> None:
        try:
            if one.match is CERTAIN or matches(one.match, self._request, self._facts):
                self._apply(plan, one.binding)
        except NeedFacts as need:
            self.missing |= need.lookups
        except (MatchError, ParamError) as error:
            self.verdict.add_configuration_error(plan.policy, one.binding, str(error))

    def _apply(self, plan: Plan, binding: Binding) -> None:
        policy, params = plan.policy, NO_PARAMS
        if policy.param_kind is not None:
            params = collect_params(
                policy.param_kind, binding.param_ref, self._request.namespace, self._facts
            )
        if not self._has_namespace:
            self._load_namespace()
            self._has_namespace = True
        for param in params:
            judgement = judge(plan, param, self._activation, self._request.deadline)
            if judgement is not ADMITTED:
                self.verdict.add(policy, binding, judgement)

    def _load_namespace(self) -> None:
        """Bind `namespaceObject`; a Namespace itself and cluster-scoped objects have none."""
        request = self._request
        if not request.namespace or (request.request_kind or request.kind) == _NAMESPACE_KIND:
            return
        namespace = self._facts.namespace(request.namespace)
        if namespace is None:
            raise NamespaceMissingError(not_found(request.namespace))
        if isinstance(namespace, Unavailable):
            raise ParamError(f"Internal error occurred: {namespace.reason}")
        self._activation.bind_namespace(namespace)
