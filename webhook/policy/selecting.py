"""From a policy that may match to the (binding, parameter) pairs to evaluate it with (2.2).

For validating and mutating policies alike. What stops a policy or a binding is reported, what is
not known yet is collected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from webhook.model import (
    NEVER,
    AdmissionRequest,
    Facts,
    GroupVersionKind,
    Json,
    Lookup,
    NeedFacts,
    Unavailable,
)
from webhook.policy.activation import Activation
from webhook.policy.index import B, BindingPlan, P, Plan, W
from webhook.policy.matching import CERTAIN, MatchError, matches, not_found
from webhook.policy.params import NO_PARAMS, KindError, ParamError, check_kind, collect_params

Report = Callable[[Any, Any, str], None]
"""Called with policy, binding (None: the policy itself) and what is wrong."""

TOO_LATE = "the deadline of the request passed before it was evaluated"

_NAMESPACE_KIND = GroupVersionKind("", "v1", "Namespace")


class NamespaceMissingError(Exception):
    """The Namespace of the request does not exist; this fails the whole request."""


class Selection:
    """Goes through the policies for one request; binds `namespaceObject` on the way.

    `missing` are the lookups without which it cannot go on.
    """

    __slots__ = (
        "_activation",
        "_deadline",
        "_facts",
        "_has_namespace",
        "_report",
        "_request",
        "missing",
    )

    def __init__(
        self, request: AdmissionRequest, facts: Facts, activation: Activation, report: Report
    ) -> None:
        self._request = request
        self._facts = facts
        self._activation = activation
        self._report = report
        # Sealed facts are the last call, made past the deadline: what can be judged is judged.
        self._deadline = NEVER if facts.is_sealed else request.deadline
        self._has_namespace = False
        self.missing: set[Lookup] = set()

    def pairs(self, plan: Plan[P, B, W]) -> Iterable[tuple[B, Json]]:
        """Return the bindings that match, each with each of its parameters.

        Raises NamespaceMissingError, then or while it is iterated.
        """
        if self._has_namespace and plan.plain and not self._deadline.expired():
            return plan.plain
        return self._pairs(plan)

    def _pairs(self, plan: Plan[P, B, W]) -> Iterator[tuple[B, Json]]:
        if self._concerns(plan):
            for one in plan.bindings:
                for param in self._params(plan, one):
                    yield one.binding, param

    def _concerns(self, plan: Plan[P, B, W]) -> bool:
        policy, request = plan.policy, self._request
        if self._deadline.expired():
            self._report(policy, None, TOO_LATE)
            return False
        try:
            if plan.match is not CERTAIN and not matches(plan.match, request, self._facts):
                return False
            if policy.param_kind is not None:
                check_kind(policy.param_kind, self._facts)
        except NeedFacts as need:
            self.missing |= need.lookups
            return False
        except (MatchError, KindError) as error:
            self._report(policy, None, f"failed to configure policy: {error}")
            return False
        return True

    def _params(self, plan: Plan[P, B, W], one: BindingPlan[B]) -> tuple[Json, ...]:
        """Return the parameters for a binding, none when it does not match."""
        kind, request = plan.policy.param_kind, self._request
        try:
            if one.match is not CERTAIN and not matches(one.match, request, self._facts):
                return ()
            params = NO_PARAMS
            if kind is not None:
                ref = one.binding.param_ref
                params = collect_params(kind, ref, request.namespace, self._facts)
            if not self._has_namespace:
                self._load_namespace()
        except NeedFacts as need:
            self.missing |= need.lookups
        except (MatchError, ParamError) as error:
            self._report(plan.policy, one.binding, f"failed to configure binding: {error}")
        else:
            return params
        return ()

    def _load_namespace(self) -> None:
        """Bind `namespaceObject`; a Namespace itself and cluster-scoped objects have none."""
        namespace = namespace_of(self._request, self._facts)
        if namespace is not None:
            self._activation.bind_namespace(namespace)
        self._has_namespace = True


def namespace_of(request: AdmissionRequest, facts: Facts) -> Json:
    """Return the Namespace of the request; None for a Namespace and for what is in none.

    Raises NamespaceMissingError, ParamError, NeedFacts.
    """
    if not request.namespace or (request.request_kind or request.kind) == _NAMESPACE_KIND:
        return None
    namespace = facts.namespace(request.namespace)
    if namespace is None:
        raise NamespaceMissingError(not_found(request.namespace))
    if isinstance(namespace, Unavailable):
        raise ParamError(f"Internal error occurred: {namespace.reason}")
    return namespace
