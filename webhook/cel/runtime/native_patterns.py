"""Which regular expressions may run in Python's `re`, which is three times faster than RE2 here.

`re` backtracks, so an expression is let through only if that cannot take long:

* it is anchored at the start, and the next character always decides how to go on (Glushkov's
  construction has no state with two successors on one character); or
* it has a few paths at most, and no unbounded repetition but one of a single character, which
  stands at the very end or in an expression that is anchored at the start.

Both engines prefer the leftmost match and the earlier alternative, so the matches are the same.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from webhook.cel.runtime.pattern_syntax import (
    DOT,
    Chars,
    Choice,
    Node,
    Parsed,
    Ranges,
    Repeat,
    Sequence,
    parse,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_MAX_POSITIONS: Final = 200
_MAX_PATHS: Final = 16


def native_pattern(pattern: str) -> re.Pattern[str] | None:
    """Return the expression that finds the same texts; None where only RE2 may do it."""
    parsed = parse(pattern)
    return None if parsed is None else _if_safe(parsed)


def native_test(pattern: str) -> re.Pattern[str] | None:
    """Return the expression that tells whether there is a match; None as above.

    An unanchored `.*` at the start matches wherever the rest does, so it is left out.
    """
    parsed = parse(pattern)
    if parsed is None:
        return None
    body = parsed.body
    if not parsed.at_start and isinstance(body, Sequence) and body.items[:1] == (_ANYTHING,):
        parsed = replace(parsed, body=Sequence(body.items[1:]))
    return _if_safe(parsed)


_ANYTHING: Final = Repeat(DOT, 0, None)


def _if_safe(parsed: Parsed) -> re.Pattern[str] | None:
    if not (_has_few_paths(parsed) or (parsed.at_start and _is_deterministic(parsed.body))):
        return None
    start, end = "\\A" if parsed.at_start else "", "\\Z" if parsed.at_end else ""
    return re.compile(f"{start}{written(parsed.body)}{end}")


def _has_few_paths(parsed: Parsed) -> bool:
    """Tell whether there is little choice, and at most one loop where it does no harm."""
    body = parsed.body
    if not parsed.at_start and not parsed.at_end and isinstance(body, Sequence) and body.items:
        *before, last = body.items
        if isinstance(last, Repeat) and last.high is None:
            ways = _ways(Sequence((*before, replace(last, high=max(last.low, 1)))))
            return isinstance(last.body, Chars) and ways is not None and not ways.loops
    ways = _ways(body)
    return ways is not None and ways.loops <= (1 if parsed.at_start else 0)


@dataclass(frozen=True, slots=True)
class _Ways:
    """How many paths there are through a part, and how many loops are on one at most."""

    paths: int = 1
    loops: int = 0


def _ways(node: Node) -> _Ways | None:
    """Count the ways through a part, None if there are too many."""
    if isinstance(node, Chars):
        return _Ways()
    if isinstance(node, Repeat):
        return _repeated_ways(node)
    parts = [_ways(part) for part in (node.items if isinstance(node, Sequence) else node.options)]
    known = [ways for ways in parts if ways is not None]
    if isinstance(node, Sequence):
        total = _Ways(math.prod(it.paths for it in known), sum(it.loops for it in known))
    else:
        total = _Ways(sum(it.paths for it in known), max((it.loops for it in known), default=0))
    return total if len(known) == len(parts) and total.paths <= _MAX_PATHS else None


def _repeated_ways(node: Repeat) -> _Ways | None:
    ways = _ways(node.body)
    if node.high is None:
        # One pass for each character that the loop may give back.
        return _Ways(1, 1) if isinstance(node.body, Chars) and node.low <= 1 else None
    if ways is None or (ways.loops and node.high > 1) or (ways.paths > 1 and node.high > 4):
        return None
    if ways.paths == 1:
        return _Ways(node.high - node.low + 1, ways.loops)
    return _Ways(sum(ways.paths**times for times in range(node.low, node.high + 1)), ways.loops)


@dataclass(frozen=True, slots=True)
class _Part:
    """What Glushkov's construction knows of a part: may it be empty, where it starts and ends."""

    empty: bool
    first: frozenset[int]
    last: frozenset[int]


_NOTHING: Final = _Part(True, frozenset(), frozenset())


class _NotDeterministicError(Exception):
    """The construction got too large, or an empty part is repeated."""


@dataclass(slots=True)
class _Automaton:
    """Glushkov's automaton while it is built: each position's characters and successors."""

    characters: list[Ranges] = field(default_factory=list)
    followers: list[set[int]] = field(default_factory=list)

    def build(self, node: Node) -> _Part:
        if isinstance(node, Chars):
            return self._position(node.ranges)
        if isinstance(node, Choice):
            parts = [self.build(option) for option in node.options]
            return _Part(
                any(part.empty for part in parts),
                frozenset().union(*(part.first for part in parts)),
                frozenset().union(*(part.last for part in parts)),
            )
        if isinstance(node, Sequence):
            whole = _NOTHING
            for item in node.items:
                whole = self._join(whole, self.build(item))
            return whole
        return self._repeated(node)

    def _position(self, ranges: Ranges) -> _Part:
        if len(self.characters) >= _MAX_POSITIONS:
            raise _NotDeterministicError
        self.characters.append(ranges)
        self.followers.append(set())
        only = frozenset({len(self.characters) - 1})
        return _Part(False, only, only)

    def _join(self, one: _Part, other: _Part) -> _Part:
        for position in one.last:
            self.followers[position] |= other.first
        return _Part(
            one.empty and other.empty,
            one.first | other.first if one.empty else one.first,
            other.last | one.last if other.empty else other.last,
        )

    def _repeated(self, node: Repeat) -> _Part:
        """Unfold X{2,4} to XX(X(X)?)? and X{2,} to XXX*."""
        whole = _NOTHING
        for _ in range(node.low):
            whole = self._join(whole, self.build(node.body))
        if node.high is None:
            return self._join(whole, self._star(node.body))
        copies = [self.build(node.body) for _ in range(node.high - node.low)]
        tail = _NOTHING
        for copy in reversed(copies):
            tail = replace(self._join(copy, tail), empty=True)
        return self._join(whole, tail)

    def _star(self, body: Node) -> _Part:
        part = self.build(body)
        if part.empty:
            raise _NotDeterministicError
        self._join(part, part)
        return replace(part, empty=True)

    def is_deterministic(self, start: frozenset[int]) -> bool:
        return all(map(self._are_disjoint, (start, *self.followers)))

    def _are_disjoint(self, positions: AbstractSet[int]) -> bool:
        ranges = sorted(it for position in positions for it in self.characters[position])
        return all(one[1] < other[0] for one, other in pairwise(ranges))


def _is_deterministic(body: Node) -> bool:
    automaton = _Automaton()
    try:
        part = automaton.build(body)
    except _NotDeterministicError:
        return False
    return automaton.is_deterministic(part.first)
