"""The part of RE2's syntax that Python's `re` is trusted with, parsed to a small tree.

Characters, classes, groups, alternatives, greedy repetitions, `^` at the very start and `$` at
the very end. Anything else, also what is wrong, is not read here: RE2 decides on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

Ranges = tuple[tuple[int, int], ...]

_LAST: Final = 0x10FFFF
_DIGITS: Final[Ranges] = ((48, 57),)
_WORD: Final[Ranges] = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Final[Ranges] = ((9, 10), (12, 13), (32, 32))  # not the vertical tab, unlike Python's
_NAMED: Final = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROL: Final = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}
_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")
_REPEAT: Final = re.compile(r"\{([0-9]{1,3})(,?)([0-9]{0,3})\}")
_MAX_REPEAT: Final = 200
_MAX_DEPTH: Final = 20


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set of code points, given as sorted ranges."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after another."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The first of several alternatives that leads on."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part `low` to `high` times, as often as possible; high None is without end."""

    body: Node
    low: int
    high: int | None


Node = Chars | Sequence | Choice | Repeat


@dataclass(frozen=True, slots=True)
class Parsed:
    """A pattern: what it matches between its anchors."""

    body: Node
    at_start: bool
    at_end: bool


class _NotReadError(Exception):
    """The pattern has something that is left to RE2."""


def complement(ranges: Ranges) -> Ranges:
    """Return all other code points."""
    result, start = [], 0
    for low, high in ranges:
        if low > start:
            result.append((start, low - 1))
        start = high + 1
    if start <= _LAST:
        result.append((start, _LAST))
    return tuple(result)


def _merged(ranges: list[tuple[int, int]]) -> Ranges:
    """Return ranges sorted, those that touch as one."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


DOT: Final = Chars(complement(((10, 10),)))


def parse(pattern: str) -> Parsed | None:
    """Parse a pattern, None if it has anything that is left to RE2."""
    try:
        return _Parser(pattern).parse()
    except _NotReadError:
        return None


class _Parser:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.position = 0
        self.depth = 0

    def parse(self) -> Parsed:
        at_start = self._take("^")
        at_end = self.text.endswith("$") and not self.text.endswith("\\$")
        if at_end:
            self.text = self.text[:-1]
        body = self._choice()
        if self.position < len(self.text):
            raise _NotReadError
        # An anchor would belong to one of the alternatives only.
        if isinstance(body, Choice) and (at_start or at_end):
            raise _NotReadError
        return Parsed(body, at_start, at_end)

    def _take(self, expected: str) -> bool:
        if not self.text.startswith(expected, self.position):
            return False
        self.position += len(expected)
        return True

    def _next(self) -> str:
        if self.position >= len(self.text):
            raise _NotReadError
        self.position += 1
        return self.text[self.position - 1]

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _choice(self) -> Node:
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        items: list[Node] = []
        while self._peek() not in {"", "|", ")"}:
            items.append(self._repeated(self._atom()))
        return Sequence(tuple(items))

    def _atom(self) -> Node:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return Chars(self._class())
        if character == ".":
            return DOT
        if character == "\\":
            return Chars(self._escape())
        if character in _SPECIAL:
            raise _NotReadError
        return Chars(((ord(character), ord(character)),))

    def _group(self) -> Node:
        if self._peek() == "?" and not self._take("?:"):
            raise _NotReadError
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _NotReadError
        body = self._choice()
        if not self._take(")"):
            raise _NotReadError
        self.depth -= 1
        return body

    def _repeated(self, body: Node) -> Node:
        found = _REPEAT.match(self.text, self.position)
        repeat: Node
        if self._take("*"):
            repeat = Repeat(body, 0, None)
        elif self._take("+"):
            repeat = Repeat(body, 1, None)
        elif self._take("?"):
            repeat = Repeat(body, 0, 1)
        elif found:
            self.position = found.end()
            repeat = _counted(body, found)
        else:
            return body
        if self._peek() in {"*", "+", "?", "{"}:
            raise _NotReadError
        return repeat

    def _escape(self) -> Ranges:
        character = self._next()
        if character in _NAMED:
            return _NAMED[character]
        if character.lower() in _NAMED:
            return complement(_NAMED[character.lower()])
        code = self._escaped_character(character)
        return ((code, code),)

    def _escaped_character(self, character: str) -> int:
        if character in _CONTROL:
            return _CONTROL[character]
        if not character.isascii() or character.isalnum() or character == "_":
            raise _NotReadError
        return ord(character)

    def _class(self) -> Ranges:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            ranges += self._class_item(first=not ranges)
        merged = _merged(ranges)
        return complement(merged) if negated else merged

    def _class_item(self, *, first: bool) -> Ranges:
        if self._peek() == "]" or self.text.startswith("[:", self.position):
            raise _NotReadError
        if self.text[self.position : self.position + 2].lower() in {"\\d", "\\w", "\\s"}:
            self.position += 1
            return self._escape()
        is_dash = self._peek() == "-"
        low = self._class_character()
        follows_range = self._peek() == "-" and self.text[self.position + 1 : self.position + 2]
        if is_dash and not first and self._peek() != "]":
            raise _NotReadError
        if not follows_range or follows_range == "]":
            return ((low, low),)
        self.position += 1
        high = self._class_character()
        if high < low:
            raise _NotReadError
        return ((low, high),)

    def _class_character(self) -> int:
        character = self._next()
        return self._escaped_character(self._next()) if character == "\\" else ord(character)


def _counted(body: Node, found: re.Match[str]) -> Node:
    """Return the repetition that `{n}`, `{n,}` or `{n,m}` stands for."""
    low = int(found[1])
    if found[3] and not found[2]:
        raise _NotReadError
    high = int(found[3]) if found[3] else None if found[2] else low
    if max(low, high or 0) > _MAX_REPEAT or (high is not None and high < low):
        raise _NotReadError
    return Repeat(body, low, high)


def written(node: Node) -> str:
    """Write a tree as an expression for Python's `re`."""
    if isinstance(node, Chars):
        return _written_characters(node.ranges)
    if isinstance(node, Sequence):
        return "".join(
            f"(?:{written(item)})" if isinstance(item, Choice) else written(item)
            for item in node.items
        )
    if isinstance(node, Choice):
        return "|".join(map(written, node.options))
    high = "" if node.high is None else node.high
    times = {(0, ""): "*", (1, ""): "+", (0, 1): "?"}.get((node.low, high))
    return f"(?:{written(node.body)}){times or f'{{{node.low},{high}}}'}"


def _written_characters(ranges: Ranges) -> str:
    if ranges == DOT.ranges:
        return "."
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return re.escape(chr(ranges[0][0]))
    if not ranges:
        return "(?!)"
    inner = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
    return f"[{inner}]"
