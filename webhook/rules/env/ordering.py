"""The order of variables that refer to each other: a referenced one comes first.

Stable: what does not depend on anything keeps its place. Never alphabetical (platform-rules B.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import TypeVar

Entry = TypeVar("Entry")


def dependencies_first(
    entries: Sequence[Entry],
    name_of: Callable[[Entry], str],
    references_of: Callable[[Entry], frozenset[str]],
) -> list[Entry]:
    """Return the entries with each one behind those it refers to; cycles keep the given order.

    Names are unique among the entries; references to other names do not matter.
    """
    places = {name_of(entry): at for at, entry in enumerate(entries)}
    needs = {
        at: {places[name] for name in references_of(entry) if name in places} - {at}
        for at, entry in enumerate(entries)
    }
    if not any(needs.values()):
        return list(entries)
    return [entries[at] for at in _sorted(needs)]


def _sorted(needs: dict[int, set[int]]) -> list[int]:
    """Kahn's algorithm, always the smallest possible place next."""
    waiting = {at: set(others) for at, others in needs.items()}
    ready = [at for at, others in waiting.items() if not others]
    heapify(ready)
    order: list[int] = []
    while waiting:
        at = heappop(ready) if ready else min(waiting)
        del waiting[at]
        order.append(at)
        for other, others in waiting.items():
            if at in others:
                others.discard(at)
                if not others:
                    heappush(ready, other)
    return order


def find_cycle(references: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the names of one cycle, in the order of reference, () when there is none."""
    remaining = dict(references)
    while remaining:
        free = [name for name, others in remaining.items() if others.isdisjoint(remaining)]
        if not free:
            return _follow(remaining)
        for name in free:
            del remaining[name]
    return ()


def _follow(remaining: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Walk along references that never end until a name comes back."""
    path = [min(remaining)]
    while True:
        following = min(name for name in remaining[path[-1]] if name in remaining)
        if following in path:
            return tuple(path[path.index(following) :])
        path.append(following)
