"""The parameter objects for one binding and one request (kubernetes-cel.md 2.4)."""

from __future__ import annotations

from typing import Any

from webhook.model import Facts, Get, Json, List, Scope, Unavailable
from webhook.objects.selectors import selector_text
from webhook.policy.model import DENY, ParamKind, ParamRef
from webhook.policy.scopes import is_namespaced

NO_PARAMS: tuple[Json, ...] = (None,)
"""One evaluation without a parameter."""


class KindError(Exception):
    """The paramKind does not exist: a configuration error of the policy."""


class ParamError(Exception):
    """The parameters cannot be had: a configuration error of the binding."""


def check_kind(kind: ParamKind, facts: Facts) -> None:
    """Raise KindError when nothing serves the paramKind; NeedFacts when that is not known yet."""
    if is_namespaced(kind.api_version, kind.kind) is not None:
        return
    if facts.look_up(Scope(kind.api_version, kind.kind)) is None:
        name = f"{kind.api_version}, Kind={kind.kind}"
        raise KindError(f"failed to find resource referenced by paramKind: '{name}'")


def collect_params(
    kind: ParamKind, ref: ParamRef | None, namespace: str, facts: Facts
) -> tuple[Json, ...]:
    """Return the parameters to evaluate with, one after another, in order of namespace and name.

    None stands for an evaluation with null; an empty result means that the binding is skipped.
    `namespace` is the request's. Raises ParamError and NeedFacts.
    """
    if ref is None:
        return NO_PARAMS
    where = _namespace(kind, ref, namespace, facts)
    found = _find(kind, ref, where, facts)
    if isinstance(found, Unavailable):
        raise ParamError(f"params of kind {kind.kind} cannot be read: {found.reason}")
    if not found and ref.not_found_action == DENY:
        raise ParamError("no params found for policy binding with `Deny` parameterNotFoundAction")
    return tuple(_typed(one, kind) for one in found)


def _namespace(kind: ParamKind, ref: ParamRef, namespace: str, facts: Facts) -> str:
    """Return where to look: "" for a cluster-scoped kind."""
    namespaced = is_namespaced(kind.api_version, kind.kind)
    if namespaced is None:
        namespaced = facts.look_up(Scope(kind.api_version, kind.kind))
    if isinstance(namespaced, Unavailable):
        text = f"paramKind kind `{kind.upstream_text}` not yet synced to use for admission"
        raise ParamError(f"{text}: {namespaced.reason}")
    if not namespaced:
        if ref.namespace:
            text = "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
            raise ParamError(text)
        return ""
    if not ref.namespace and not namespace:
        raise ParamError(
            "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
        )
    return ref.namespace or namespace


def _find(kind: ParamKind, ref: ParamRef, namespace: str, facts: Facts) -> Any:
    if ref.selector is None:
        found = facts.look_up(Get(kind.api_version, kind.kind, namespace, ref.name))
        if isinstance(found, Unavailable):
            return found
        return () if found is None else (found,)
    lookup = List(kind.api_version, kind.kind, namespace, selector_text(ref.selector))
    found = facts.look_up(lookup)
    return found if isinstance(found, Unavailable) else sorted(found, key=_place)


def _place(value: Json) -> tuple[str, str]:
    metadata = value.get("metadata") or {}
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def _typed(value: Json, kind: ParamKind) -> Json:
    """Return the parameter with apiVersion and kind: elements of lists come without."""
    if "kind" in value and "apiVersion" in value:
        return value
    return {"apiVersion": kind.api_version, "kind": kind.kind, **value}
