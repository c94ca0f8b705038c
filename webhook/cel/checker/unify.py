"""Assignability and unification of static types, as upstream's `checker/types.go`.

A substitution maps the symbols of type parameters to types. The functions that may extend one
write into the mapping they are given; callers copy it when an attempt may fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook.cel.types import (
    DURATION,
    DYN,
    ERROR,
    NULL,
    TIMESTAMP,
    ListType,
    MapType,
    ObjectType,
    OpaqueType,
    OptionalType,
    SimpleType,
    Type,
    TypeParam,
    TypeType,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Substitution = dict[str, Type]


def is_dyn_or_error(kind: Type) -> bool:
    """Tell whether a type says nothing about its values."""
    return kind is DYN or kind is ERROR


def unwrap_optional(kind: Type) -> tuple[Type, bool]:
    """Return the type inside an optional, and whether it was one."""
    if isinstance(kind, OptionalType):
        return kind.element, True
    return kind, False


def substitute(subs: Substitution, kind: Type) -> Type:
    """Replace bound type parameters."""
    if isinstance(kind, SimpleType | ObjectType | OpaqueType):
        return kind
    if isinstance(kind, TypeParam):
        bound = subs.get(kind.symbol)
        return kind if bound is None else substitute(subs, bound)
    return _rebuilt(kind, tuple(substitute(subs, part) for part in kind.parameters))


def to_dyn(subs: Substitution, kind: Type) -> Type:
    """Replace bound type parameters, and unbound ones by dyn."""
    if isinstance(kind, SimpleType | ObjectType | OpaqueType):
        return kind
    if isinstance(kind, TypeParam):
        bound = subs.get(kind.symbol)
        return DYN if bound is None else to_dyn(subs, bound)
    return _rebuilt(kind, tuple(to_dyn(subs, part) for part in kind.parameters))


def _rebuilt(kind: Type, parts: tuple[Type, ...]) -> Type:
    if not parts:
        return kind
    if isinstance(kind, MapType):
        return MapType(*parts)
    assert isinstance(kind, ListType | OptionalType | TypeType)
    return type(kind)(parts[0])


def assignable(subs: Substitution, kind: Type, target: Type) -> Substitution | None:
    """Return the substitution under which a type fits a target, None when there is none."""
    return assignable_all(subs, (kind,), (target,))


def assignable_all(
    subs: Substitution, kinds: Sequence[Type], targets: Sequence[Type]
) -> Substitution | None:
    """Return the substitution under which types fit their targets, None when there is none."""
    attempt = dict(subs)
    return attempt if _fits_all(attempt, kinds, targets) else None


def _fits_all(subs: Substitution, kinds: Sequence[Type], targets: Sequence[Type]) -> bool:
    return len(kinds) == len(targets) and all(
        _fits(subs, kind, target) for kind, target in zip(kinds, targets, strict=True)
    )


def _fits(subs: Substitution, kind: Type, target: Type) -> bool:
    if isinstance(target, TypeParam):
        valid, bound = _bind(subs, kind, target)
        if valid or bound:
            return valid
    if isinstance(kind, TypeParam):
        return _bind(subs, target, kind)[0]
    if is_dyn_or_error(kind) or is_dyn_or_error(target):
        return True
    if kind is NULL or target is NULL:
        return _nullable(target if kind is NULL else kind)
    return _same_shape(subs, kind, target)


def _same_shape(subs: Substitution, kind: Type, target: Type) -> bool:
    if isinstance(kind, TypeType):
        return isinstance(target, TypeType)
    if isinstance(kind, ListType | MapType | OptionalType):
        return type(kind) is type(target) and _fits_all(subs, kind.parameters, target.parameters)
    return kind == target


def _nullable(kind: Type) -> bool:
    """Tell whether null fits a type, which the old checker of upstream allows for some."""
    return (
        isinstance(kind, OpaqueType | OptionalType | ObjectType)
        or kind is NULL
        or kind in (DURATION, TIMESTAMP)
    )


def _bind(subs: Substitution, kind: Type, parameter: TypeParam) -> tuple[bool, bool]:
    """Try to make `kind` the substitution of a parameter: (fits, had one before)."""
    if kind == parameter:
        return True, True
    bound = subs.get(parameter.symbol)
    if bound is not None:
        if kind == bound:
            return True, True
        if not _fits(subs, kind, bound):
            return False, True
        general = most_general(kind, bound)
        if _not_in(subs, parameter, general):
            subs[parameter.symbol] = general
        return True, True
    if _not_in(subs, parameter, kind):
        subs[parameter.symbol] = kind
        return True, False
    return False, False


def most_general(one: Type, other: Type) -> Type:
    """Return the less specific of two types that fit each other."""
    return one if _not_more_specific(one, other) else other


def _not_more_specific(one: Type, other: Type) -> bool:
    if one is DYN or isinstance(one, TypeParam):
        return True
    if other is DYN or isinstance(other, TypeParam):
        return False
    if isinstance(one, TypeType):
        return isinstance(other, TypeType)
    if isinstance(one, ListType | MapType | OptionalType):
        return type(one) is type(other) and all(
            _not_more_specific(a, b) for a, b in zip(one.parameters, other.parameters, strict=True)
        )
    return one == other


def _not_in(subs: Substitution, parameter: TypeParam, within: Type) -> bool:
    """Tell whether a parameter does not occur in a type (the occurs check of unification)."""
    if parameter == within:
        return False
    if isinstance(within, TypeParam):
        bound = subs.get(within.symbol)
        return bound is None or _not_in(subs, parameter, bound)
    return all(_not_in(subs, parameter, part) for part in within.parameters)
