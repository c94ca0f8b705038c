"""Assignability and unification of static types, as upstream's `checker/types.go`.

A substitution maps the symbols of type parameters to types. An attempt that fails leaves it as it
was: what the attempt wrote is noted in a trail and taken back.
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


def assignable(subs: Substitution, kind: Type, target: Type) -> bool:
    """Tell whether a type fits a target, and bind the parameters that this asks for."""
    return assignable_all(subs, (kind,), (target,))


def assignable_all(subs: Substitution, kinds: Sequence[Type], targets: Sequence[Type]) -> bool:
    """Tell whether types fit their targets, and bind the parameters that this asks for."""
    attempt = _Attempt(subs)
    if attempt.fits_all(kinds, targets):
        return True
    attempt.take_back()
    return False


class _Attempt:
    """One try to make types fit, with the trail of what it bound."""

    __slots__ = ("subs", "trail")

    def __init__(self, subs: Substitution) -> None:
        self.subs = subs
        self.trail: list[tuple[str, Type | None]] = []

    def take_back(self) -> None:
        """Restore the substitution."""
        for symbol, before in reversed(self.trail):
            if before is None:
                del self.subs[symbol]
            else:
                self.subs[symbol] = before

    def fits_all(self, kinds: Sequence[Type], targets: Sequence[Type]) -> bool:
        """Tell whether types fit their targets, one by one."""
        return len(kinds) == len(targets) and all(map(self._fits, kinds, targets))

    def _fits(self, kind: Type, target: Type) -> bool:
        if isinstance(target, TypeParam):
            valid, bound = self._bind(kind, target)
            if valid or bound:
                return valid
        if isinstance(kind, TypeParam):
            return self._bind(target, kind)[0]
        if is_dyn_or_error(kind) or is_dyn_or_error(target):
            return True
        if kind is NULL or target is NULL:
            return _nullable(target if kind is NULL else kind)
        return self._same_shape(kind, target)

    def _same_shape(self, kind: Type, target: Type) -> bool:
        if isinstance(kind, TypeType):
            return isinstance(target, TypeType)
        if isinstance(kind, ListType | MapType | OptionalType):
            return type(kind) is type(target) and self.fits_all(kind.parameters, target.parameters)
        return kind == target

    def _bind(self, kind: Type, parameter: TypeParam) -> tuple[bool, bool]:
        """Try to make `kind` the substitution of a parameter: (fits, had one before)."""
        if kind == parameter:
            return True, True
        bound = self.subs.get(parameter.symbol)
        if bound is None:
            return self._set(parameter, kind), False
        if kind == bound:
            return True, True
        if not self._fits(kind, bound):
            return False, True
        self._set(parameter, most_general(kind, bound))
        return True, True

    def _set(self, parameter: TypeParam, kind: Type) -> bool:
        """Bind a parameter unless it occurs in the type."""
        if not _not_in(self.subs, parameter, kind):
            return False
        self.trail.append((parameter.symbol, self.subs.get(parameter.symbol)))
        self.subs[parameter.symbol] = kind
        return True


def _nullable(kind: Type) -> bool:
    """Tell whether null fits a type, which the old checker of upstream allows for some."""
    return (
        isinstance(kind, OpaqueType | OptionalType | ObjectType)
        or kind is NULL
        or kind in (DURATION, TIMESTAMP)
    )


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
