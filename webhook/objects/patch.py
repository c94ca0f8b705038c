"""JSON Patch (RFC 6902) between two JSON values: `diff` makes one, `apply` follows one.

`diff` is on the path of every request: a subtree that is the same Python object on both sides is
skipped without a look inside, so a mutation should share all that it does not change.
Only `add`, `remove` and `replace` exist here.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from webhook.objects.equality import identical
from webhook.objects.paths import Path, pointer

Operation = dict[str, Any]
Change = Callable[[Any, Any, Any], object]

_ABSENT = object()


class PatchError(ValueError):
    """A patch that does not fit the value: which operation, and why."""


def diff(before: Any, after: Any) -> list[Operation]:
    """Return the operations that turn `before` into `after`; [] when they are identical.

    Deterministic: keys in sorted order; in a list removals from the highest index down, then
    changes, then additions. A list of which more than half is removed or replaced is replaced
    as a whole; a missing parent is added as a whole.
    """
    operations: list[Operation] = []
    _diff(before, after, (), operations)
    return operations


def _diff(before: Any, after: Any, path: Path, operations: list[Operation]) -> None:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        _diff_maps(before, after, path, operations)
    elif isinstance(before, list) and isinstance(after, list):
        _diff_lists(before, after, path, operations)
    elif not identical(before, after):
        operations.append({"op": "replace", "path": pointer(path), "value": after})


def _diff_maps(
    before: dict[str, Any], after: dict[str, Any], path: Path, operations: list[Operation]
) -> None:
    changed = [key for key, value in before.items() if after.get(key, _ABSENT) is not value]
    changed += after.keys() - before.keys()
    for key in sorted(changed):
        place = (*path, key)
        if key not in after:
            operations.append({"op": "remove", "path": pointer(place)})
        elif key not in before:
            operations.append({"op": "add", "path": pointer(place), "value": after[key]})
        else:
            _diff(before[key], after[key], place, operations)


def _diff_lists(
    before: list[Any], after: list[Any], path: Path, operations: list[Operation]
) -> None:
    pairs = _align(before, after)
    replaced = {j for i, j in pairs if _is_replaced(before[i], after[j])}
    if (len(before) - len(pairs) + len(replaced)) * 2 > len(before):
        operations.append({"op": "replace", "path": pointer(path), "value": after})
        return
    old, new = {i for i, _ in pairs}, {j for _, j in pairs}
    operations += [
        {"op": "remove", "path": pointer((*path, i))}
        for i in range(len(before) - 1, -1, -1)
        if i not in old
    ]
    for place, (i, j) in enumerate(pairs):
        if j in replaced:
            operations.append({"op": "replace", "path": pointer((*path, place)), "value": after[j]})
        else:
            _diff(before[i], after[j], (*path, place), operations)
    operations += [
        {"op": "add", "path": pointer((*path, j)), "value": value}
        for j, value in enumerate(after)
        if j not in new
    ]


def _is_replaced(before: Any, after: Any) -> bool:
    """Tell whether two paired elements share nothing, or nothing but their name."""
    if before is after or identical(before, after):
        return False
    if not isinstance(before, dict) or not isinstance(after, dict):
        return type(before) is not type(after) or not isinstance(before, list | dict)
    if before.get("name") != after.get("name"):
        return True
    shared = (before.keys() & after.keys()) - {"name"}
    return not any(identical(before[key], after[key]) for key in shared)


def _align(before: list[Any], after: list[Any]) -> list[tuple[int, int]]:
    """Pair the elements that stay, in order: (index before, index after)."""
    shorter = min(len(before), len(after))
    start = _equal_ahead(zip(before, after, strict=False), shorter)
    end = _equal_ahead(zip(reversed(before), reversed(after), strict=False), shorter - start)
    pairs = [(i, i) for i in range(start)]
    pairs += _align_middle(before, after, start, end)
    pairs += [(len(before) - i, len(after) - i) for i in range(end, 0, -1)]
    return pairs


def _equal_ahead(couples: Iterable[tuple[Any, Any]], limit: int) -> int:
    for count, (old, new) in enumerate(islice(couples, limit)):
        if old is not new and not identical(old, new):
            return count
    return limit


def _align_middle(
    before: list[Any], after: list[Any], start: int, end: int
) -> list[tuple[int, int]]:
    if start + end in (len(before), len(after)):
        return []
    old = _identities(before[start : len(before) - end])
    new = _identities(after[start : len(after) - end])
    place = {identity: i for i, identity in enumerate(old)}
    known = [(place[identity], j) for j, identity in enumerate(new) if identity in place]
    pairs: list[tuple[int, int]] = []
    i = j = 0
    for next_i, next_j in [*_longest_ascending(known), (len(old), len(new))]:
        # what stands between two known elements is paired by position
        pairs += zip(range(i, next_i), range(j, next_j), strict=False)
        pairs.append((next_i, next_j))
        i, j = next_i + 1, next_j + 1
    return [(start + i, start + j) for i, j in pairs[:-1]]


def _identities(elements: list[Any]) -> list[tuple[str, int]]:
    """Name each element: maps by their `name`, others by their value; repetitions are counted."""
    seen: Counter[str] = Counter()
    identities = []
    for element in elements:
        name = element.get("name") if isinstance(element, dict) else None
        text = f"name {name}" if isinstance(name, str) else json.dumps(element, sort_keys=True)
        identities.append((text, seen[text]))
        seen[text] += 1
    return identities


def _longest_ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest part of the pairs in which the first numbers ascend as the second do."""
    tails: list[int] = []
    chains: list[tuple[Any, tuple[int, int]]] = []
    for pair in pairs:
        at = bisect_left(tails, pair[0])
        chain = (chains[at - 1] if at else None, pair)
        tails[at : at + 1] = [pair[0]]
        chains[at : at + 1] = [chain]
    result: list[tuple[int, int]] = []
    link: Any = chains[-1] if chains else None
    while link:
        result.append(link[1])
        link = link[0]
    return result[::-1]


def apply(patch: list[Operation], value: Any) -> Any:
    """Return the patched value; the given one stays as it is and shares what did not change.

    Raises PatchError for another operation than add, remove and replace, and for a path that is
    not there.
    """
    for operation in patch:
        steps = [
            step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]
        ]
        change = _CHANGES.get(operation["op"])
        if change is None:
            raise PatchError(f"{operation['op']}: only add, remove and replace are allowed")
        try:
            value = _changed(value, steps, operation, change)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise PatchError(f"{operation['op']} {operation['path']}: no such place") from error
    return value


def _changed(value: Any, steps: list[str], operation: Operation, change: Change) -> Any:
    if not steps:
        return operation.get("value")
    if not isinstance(value, dict | list):
        raise TypeError(steps[0])
    copy = value.copy()
    step: Any = _index(steps[0], value) if isinstance(value, list) else steps[0]
    if len(steps) == 1:
        change(copy, step, operation.get("value"))
    else:
        copy[step] = _changed(value[step], steps[1:], operation, change)
    return copy


def _index(step: str, elements: list[Any]) -> int:
    if step == "-":
        return len(elements)
    if not step.isdecimal() or int(step) > len(elements):
        raise IndexError(step)
    return int(step)


def _add(container: Any, step: Any, value: Any) -> None:
    if isinstance(container, list):
        container.insert(step, value)
    else:
        container[step] = value


def _remove(container: Any, step: Any, _: Any) -> None:
    del container[step]


def _replace(container: Any, step: Any, value: Any) -> None:
    if isinstance(container, dict) and step not in container:
        raise KeyError(step)
    container[step] = value


_CHANGES: dict[str, Change] = {"add": _add, "remove": _remove, "replace": _replace}
