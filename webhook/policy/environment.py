"""What expressions of a policy may name, and of which type (kubernetes-cel.md 3.1).

Only declarations: the values that a request binds to them are in `activation`.
"""

from __future__ import annotations

from collections.abc import Mapping

from webhook.cel import Environment
from webhook.cel.functions.authorizer import AUTHORIZER, RESOURCE_CHECK
from webhook.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    MapType,
    ObjectType,
    Type,
)

_KIND = ObjectType(
    "kubernetes.GroupVersionKind", {"group": STRING, "version": STRING, "kind": STRING}
)
_RESOURCE = ObjectType(
    "kubernetes.GroupVersionResource", {"group": STRING, "version": STRING, "resource": STRING}
)
_USER_INFO = ObjectType(
    "kubernetes.UserInfo",
    {
        "username": STRING,
        "uid": STRING,
        "groups": ListType(STRING),
        "extra": MapType(STRING, ListType(STRING)),
    },
)
REQUEST = ObjectType(
    "kubernetes.AdmissionRequest",
    {
        "kind": _KIND,
        "resource": _RESOURCE,
        "subResource": STRING,
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        "requestSubResource": STRING,
        "name": STRING,
        "namespace": STRING,
        "operation": STRING,
        "userInfo": _USER_INFO,
        "dryRun": BOOL,
        "options": DYN,
    },
)
_LABELS = MapType(STRING, STRING)
NAMESPACE_METADATA: Mapping[str, Type] = {
    "name": STRING,
    "generateName": STRING,
    "namespace": STRING,
    "labels": _LABELS,
    "annotations": _LABELS,
    "UID": STRING,  # upstream's slip: the value has `uid`, so this always errors
    "creationTimestamp": TIMESTAMP,  # declared so, but the value is a string
    "deletionGracePeriodSeconds": INT,
    "deletionTimestamp": TIMESTAMP,
    "generation": INT,
    "resourceVersion": STRING,
    "finalizers": ListType(STRING),
}
_CONDITION = ObjectType(
    "kubernetes.NamespaceCondition",
    {
        "status": STRING,
        "type": STRING,
        "lastTransitionTime": TIMESTAMP,
        "message": STRING,
        "reason": STRING,
    },
)
NAMESPACE = ObjectType(
    "kubernetes.Namespace",
    {
        "metadata": ObjectType("kubernetes.NamespaceMetadata", NAMESPACE_METADATA),
        "spec": ObjectType("kubernetes.NamespaceSpec", {"finalizers": ListType(STRING)}),
        "status": ObjectType(
            "kubernetes.NamespaceStatus", {"phase": STRING, "conditions": ListType(_CONDITION)}
        ),
    },
)

_ALWAYS: Mapping[str, Type] = {
    "object": DYN,
    "oldObject": DYN,
    "request": REQUEST,
    "namespaceObject": NAMESPACE,
}
_WITH_AUTHORIZER: Mapping[str, Type] = {
    **_ALWAYS,
    "authorizer": AUTHORIZER,
    "authorizer.requestResource": RESOURCE_CHECK,
}
_PARAMS: Mapping[str, Type] = {"params": DYN}
_KEPT = frozenset((BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, TIMESTAMP, DURATION))


class Declarations:
    """The environments of one policy; variables are declared one after another.

    `version` is the Kubernetes minor that new texts must work on, None for stored ones.
    """

    def __init__(self, *, has_params: bool, has_variables: bool, version: str | None) -> None:
        self._params = _PARAMS if has_params else {}
        self._variables: dict[str, Type] | None = {} if has_variables else None
        self._version = version

    def for_conditions(self) -> Environment:
        """Return the environment of matchConditions: no variables there."""
        return self._environment(_WITH_AUTHORIZER)

    def for_expressions(self) -> Environment:
        """Return the environment of variables, validations and auditAnnotations."""
        return self._environment({**_WITH_AUTHORIZER, **self._declared_variables()})

    def for_messages(self) -> Environment:
        """Return the environment of messageExpressions: no authorizer there."""
        return self._environment({**_ALWAYS, **self._declared_variables()})

    def for_mutations(self) -> Environment:
        """Return the environment of mutations: that of expressions, and types to construct."""
        names = {**_WITH_AUTHORIZER, **self._declared_variables(), **self._params}
        return Environment(names, version=self._version, mutation=True)

    def add_variable(self, name: str, result: Type | None) -> None:
        """Declare a variable for what follows; None is one that does not compile."""
        assert self._variables is not None
        self._variables[name] = DYN if result is None else declared_type(result)

    def _environment(self, names: Mapping[str, Type]) -> Environment:
        return Environment({**names, **self._params}, version=self._version)

    def _declared_variables(self) -> Mapping[str, Type]:
        if self._variables is None:
            return {}
        return {"variables": ObjectType("kubernetes.variables", dict(self._variables), lazy=True)}


def declared_type(result: Type) -> Type:
    """Return the type that others see in a variable: anything but plain types is dyn (2.6)."""
    if isinstance(result, ListType):
        return ListType(declared_type(result.element))
    if isinstance(result, MapType):
        return MapType(declared_type(result.key), declared_type(result.value))
    return result if result in _KEPT else DYN
