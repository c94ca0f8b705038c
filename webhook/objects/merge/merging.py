"""The merge itself: what the patch says wins, what it leaves out stays, nothing is removed.

What does not change is shared with the given object.
"""

from __future__ import annotations

from typing import Any

from webhook.objects.equality import identical
from webhook.objects.merge.elements import ElementError, Identity, identity
from webhook.objects.merge.typed import applicable, atomic_paths, field_type, problems
from webhook.objects.schemas import ATOMIC, ListSchema, MapSchema, Reference, Schema

_ABSENT: Any = object()


class MergeError(ValueError):
    """A patch that cannot be merged; `str()` is upstream's text."""


def merge(schema: Schema, value: Any, patch: Any) -> Any:
    """Return the object with the patch merged into it; both stay as they are.

    Raises MergeError when the patch does not fit the schema or touches something atomic. Fields
    of the object that the schema does not know are kept.
    """
    found = list(problems(schema, patch))
    if found:
        texts = [f"{path}: {text}" if path else text for path, text in found]
        listed = texts[0] if len(texts) == 1 else "\n  ".join(["errors:", *texts])
        raise MergeError(f"failed to convert patch object to typed object: {listed}")
    atomics = list(atomic_paths(schema, patch))
    if atomics:
        raise MergeError(
            "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
            + ", ".join(atomics)
        )
    return _merged(schema, value, patch)


def _merged(schema: Schema, before: Any, patch: Any) -> Any:
    """Merge two values of one type, `before` perhaps absent; return `before` if nothing changes."""
    kind = applicable(schema, patch)
    if isinstance(patch, dict) and isinstance(kind, MapSchema) and not kind.is_atomic:
        return _merged_maps(kind, before if isinstance(before, dict) else {}, patch, before)
    if isinstance(patch, list) and isinstance(kind, ListSchema) and kind.relationship != ATOMIC:
        return _merged_lists(kind, before if isinstance(before, list) else [], patch, before)
    if patch is None and isinstance(before, dict | list):
        return before
    return before if identical(before, patch) else patch


def _merged_maps(schema: MapSchema, old: dict[str, Any], patch: dict[str, Any], before: Any) -> Any:
    changed = {}
    for key, one in patch.items():
        current = old.get(key, _ABSENT)
        result = _merged_field(field_type(schema, key), current, one)
        if result is not current:
            changed[key] = result
    return {**old, **changed} if changed or old is not before else before


def _merged_field(reference: Reference | None, current: Any, patch: Any) -> Any:
    assert reference is not None  # the patch fits the schema
    return _merged(reference.resolve(), current, patch)


def _merged_lists(schema: ListSchema, old: list[Any], patch: list[Any], before: Any) -> Any:
    element_type = schema.element.resolve()
    olds = _Elements(schema, old)
    news = _Elements(schema, patch)
    result = [
        old[left] if right is None else _merged(element_type, olds.only(key), patch[right])
        for key, left, right in _order(olds, news)
    ]
    is_same = len(result) == len(old) and all(a is b for a, b in zip(result, old, strict=True))
    return before if is_same and old is before else result


class _Elements:
    """The elements of one list: their identities in order, and where each stands."""

    def __init__(self, schema: ListSchema, elements: list[Any]) -> None:
        self._elements = elements
        self.keys: list[Identity] = []
        self._places: dict[Identity, list[int]] = {}
        for index, element in enumerate(elements):
            key = _identity(schema, index, element)
            self.keys.append(key)
            self._places.setdefault(key, []).append(index)

    def __contains__(self, key: Identity) -> bool:
        return key in self._places

    def only(self, key: Identity) -> Any:
        """Return the one element with this identity; one that is there twice counts as absent."""
        places = self._places.get(key, ())
        return self._elements[places[0]] if len(places) == 1 else _ABSENT


def _identity(schema: ListSchema, index: int, element: Any) -> Identity:
    """Return an identity; an element of the object that has none stands for itself."""
    try:
        return identity(schema, index, element)
    except ElementError:
        return ("element", index)


def _order(olds: _Elements, news: _Elements) -> list[tuple[Identity, int, int | None]]:
    """Return the order of a merged list: identity, place in the object, place in the patch.

    The patch's elements come in the patch's order; one that only the object has comes before
    the next one of the patch when it comes before it in the object (kubernetes-cel.md 5.3).
    """
    result: list[tuple[Identity, int, int | None]] = []
    shared = [key for key in news.keys if key in olds]
    left = right = 0
    while left < len(olds.keys) or right < len(news.keys):
        head = olds.keys[left] if left < len(olds.keys) else None
        if head is not None and head not in news:
            result.append((head, left, None))
            left += 1
        elif right == len(news.keys) or _is_behind(head, news.keys[right], shared):
            left += 1
        else:
            key = news.keys[right]
            result.append((key, left, right))
            left += head is not None and (head == key or not shared)
            right += 1
            shared = shared[1:] if shared[:1] == [key] else shared
    return result


def _is_behind(head: Identity | None, key: Identity, shared: list[Identity]) -> bool:
    """Tell whether the object's head comes, or came, with another element of the patch."""
    return head is not None and head != key and bool(shared) and shared[0] != head
