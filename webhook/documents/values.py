"""YAML texts as JSON values, with the line and column of everything in them.

PyYAML's C parser gives events; the values are made here, by YAML 1.2's core schema: nothing becomes
a date, a sexagesimal number or, from yes and no, a boolean. What the schema leaves open (a key
twice, 0644, .inf) is a problem, not a guess. The stack is bounded before Python's and C's are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from webhook.objects.paths import Path
from webhook.steps import Steps, finish

MAX_DEPTH = 100
MAX_ALIAS_NODES = 10_000

_STR, _MAP, _SEQ = (f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))
_PLAIN_STYLES = (None, "")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASED = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"[-+]?0[0-9]+")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a value starts, from 1; the children of a map are kept by key, of a list by index.

    A map or list below a key is where the key is. An alias is where its anchor is.
    """

    line: int
    column: int
    children: dict[str | int, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a text: where inside the value, what, and where in the text (0: unknown)."""

    path: Path
    message: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """One YAML document; with problems, the value is only good for telling what it is."""

    value: Any
    position: Position
    problems: tuple[Problem, ...]


class UnreadableError(Exception):
    """A text of which nothing can be used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_yaml(text: str) -> list[Parsed]:
    """Return the documents of a text, empty ones included; raise UnreadableError."""
    return finish(read_yaml_in_steps(text))


def read_yaml_in_steps(text: str) -> Steps[list[Parsed]]:
    """Do as `read_yaml`, and pause after each field of an object, and after each of a List."""
    try:
        return (yield from _Reader(text).documents())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise UnreadableError(Problem((), f"not YAML: {error.problem}", *place)) from error
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="ignore").splitlines() or [""]
        problem = Problem((), f"not YAML: {error.reason}", len(before), len(before[-1]) + 1)
        raise UnreadableError(problem) from error
    except UnicodeEncodeError as error:
        raise UnreadableError(Problem((), "not YAML: half of a surrogate pair")) from error


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    position: Position
    nodes: int


class _Reader:
    """Follows the parser's events through one text."""

    def __init__(self, text: str) -> None:
        self._next: Callable[[], Any] = yaml.CBaseLoader(text).get_event
        self._anchors: dict[str, _Anchored] = {}
        self._problems: list[Problem] = []
        self._nodes = 0
        self._alias_nodes = 0

    def documents(self) -> Steps[list[Parsed]]:
        found: list[Parsed] = []
        while event := self._next():
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._problems = {}, []
                value, position = yield from self._node(self._next(), (), None)
                found.append(Parsed(value, position, tuple(self._problems)))
                yield
        return found

    def _node(self, event: Any, path: Path, key: Any) -> Steps[tuple[Any, Position]]:
        """Return the value that starts with the event; `key` is the event of its key, if any."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if len(path) > MAX_DEPTH:
            raise UnreadableError(_problem((), f"nested deeper than {MAX_DEPTH} levels", event))
        first = self._nodes
        self._nodes += 1
        if isinstance(event, yaml.ScalarEvent):
            value, position = self._scalar(event, path), _position(event)
        else:
            position = _position(key or event)
            is_map = isinstance(event, yaml.MappingStartEvent)
            self._check_tag(event, path, _MAP if is_map else _SEQ)
            read = self._map if is_map else self._list
            value = yield from read(path, position)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, position, self._nodes - first)
        return value, position

    def _alias(self, event: Any, path: Path) -> tuple[Any, Position]:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            self._report(path, f"*{event.anchor} is used before &{event.anchor} is complete", event)
            return None, _position(event)
        self._alias_nodes += anchored.nodes
        if self._alias_nodes > MAX_ALIAS_NODES:
            message = f"aliases stand for more than {MAX_ALIAS_NODES} values"
            raise UnreadableError(_problem((), message, event))
        self._nodes += anchored.nodes
        place = _position(event)
        return anchored.value, Position(place.line, place.column, anchored.position.children)

    def _scalar(self, event: Any, path: Path) -> Any:
        if event.tag is not None or event.style not in _PLAIN_STYLES:
            self._check_tag(event, path, _STR)
            return event.value
        try:
            return plain_value(event.value)
        except ValueError as error:
            self._report(path, str(error), event)
            return None

    def _list(self, path: Path, position: Position) -> Steps[list[Any]]:
        values: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            index = len(values)
            node = yield from self._node(event, (*path, index), None)
            value, position.children[index] = node
            values.append(value)
            if len(path) == 1:
                yield
        return values

    def _map(self, path: Path, position: Position) -> Steps[dict[str, Any]]:
        values: dict[str, Any] = {}
        merged: list[tuple[Any, Position]] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = yield from self._key(event, path)
            value, place = yield from self._node(self._next(), (*path, key), event)
            if key == "<<" and event.style in _PLAIN_STYLES:
                merged += self._merge(value, place, path, event)
            elif key in values:
                self._report((*path, key), "the key is there twice", event)
            else:
                values[key], position.children[key] = value, place
            if len(path) <= 1:
                yield
        for source, place in merged:
            for key in source.keys() - values.keys():
                values[key], position.children[key] = source[key], place.children[key]
        return values

    def _key(self, event: Any, path: Path) -> Steps[str]:
        """Return the text of a key: `1` and `true` are keys like any other, as in JSON."""
        yield from self._node(event, path, None)
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        self._report(path, "a key must be a plain text", event)
        return ""

    def _merge(
        self, value: Any, place: Position, path: Path, event: Any
    ) -> list[tuple[Any, Position]]:
        """Return what `<<` merges, first winner first: a map, or a list of maps."""
        elements = [(value, place)]
        if isinstance(value, list):
            elements = [(element, place.children[i]) for i, element in enumerate(value)]
        if all(isinstance(element, dict) for element, _ in elements):
            return elements
        self._report(path, "<< merges only maps", event)
        return []

    def _check_tag(self, event: Any, path: Path, expected: str) -> None:
        if event.tag not in (None, "!", expected):
            self._report(
                path, f"the tag {event.tag} is not allowed; write plain JSON values", event
            )

    def _report(self, path: Path, message: str, event: Any) -> None:
        self._problems.append(_problem(path, message, event))


def _position(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _problem(path: Path, message: str, event: Any) -> Problem:
    return Problem(path, message, event.start_mark.line + 1, event.start_mark.column + 1)


def plain_value(text: str) -> Any:
    """Return what an unquoted text stands for; raise ValueError where YAML is ambiguous."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        return _integer(text)
    if _OCTAL.fullmatch(text):
        raise ValueError(f"{text} is octal in some YAML and decimal in other; quote it or write 0o")
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _NO_NUMBER.fullmatch(text):
        raise ValueError(f"JSON has no number {text}; quote it if it is a text")
    return text


def _integer(text: str) -> int:
    number = int(text, 0) if len(text) <= 64 else 2**64
    if not -(2**63) <= number < 2**64:
        raise ValueError("the number does not fit 64 bits; quote it if it is a text")
    return number


def _float(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError("the number is too large; quote it if it is a text")
    return number
