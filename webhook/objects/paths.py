"""Places inside JSON values: concrete paths, and the path language of the configuration.

A concrete `Path` names one place and may hold list indexes. A `Pattern` is what configuration
writes (`spec.containers[name=app].env`): it names any number of places and never an index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from webhook.objects.selectors import glob

Path = tuple[str | int, ...]

NO_ROOTS: Mapping[str, tuple[Path, ...]] = MappingProxyType({})

_KEY = r"[A-Za-z_*][A-Za-z0-9_*-]*"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BARE_KEY = re.compile(_KEY)
_QUOTED_KEY = re.compile(rf"\[({_QUOTED})\]")
_ROOT = re.compile(r"\$(pod|meta|containers)(?=[.\[]|$)")
_INDEX = re.compile(r"\.?\[?-?\d+")
_CONDITION = re.compile(rf"\?(?P<has>{_KEY})|(?P<field>{_KEY})=(?P<value>{_QUOTED}|[^,\]\"]*)")
_ESCAPE = re.compile(r"\\(.)")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_GUARD = re.compile(r"@(exists|missing)\((.*)\)", re.DOTALL)


class PathError(ValueError):
    """A text that is no path: what is wrong, and at which character (from 0)."""

    def __init__(self, message: str, text: str, position: int) -> None:
        super().__init__(f"{message} (character {position + 1} of {text!r})")
        self.message = message
        self.text = text
        self.position = position


@dataclass(frozen=True, slots=True)
class Key:
    """A step to the map keys that a glob matches; without `*` to one key."""

    name: str


@dataclass(frozen=True, slots=True)
class Elements:
    """A step to the list elements that meet all conditions: (field, text), or (field, None)."""

    conditions: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed path; `root` is "" or one of `$pod`, `$meta`, `$containers`.

    `keys` is the same as a concrete path when it can only ever name one place, else None.
    """

    text: str
    root: str
    steps: tuple[Key | Elements, ...]
    keys: tuple[str, ...] | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Find out once whether the path is a plain one: most are."""
        keys = tuple(one.name for one in self.steps if isinstance(one, Key) and "*" not in one.name)
        is_plain = not self.root and len(keys) == len(self.steps)
        object.__setattr__(self, "keys", keys if is_plain else None)


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition on an object: something is, or nothing is, at a path."""

    pattern: Pattern
    expects_presence: bool


def pointer(path: Path) -> str:
    """Return the JSON pointer of a path, `/` and `~` in keys escaped (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def dotted(path: Path) -> str:
    """Return the form that people read: `spec.containers[0].env`, `labels["a.b/c"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif (step.isascii() and step.isidentifier()) or _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def get(value: Any, path: Path, default: Any = None) -> Any:
    """Return what is at the path, or the default where a step is missing or of another type."""
    for step in path:
        if isinstance(value, dict):
            is_there = step in value
        else:
            is_there = isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)
        if not is_there:
            return default
        value = value[step]
    return value


def parse_path(text: str) -> Pattern:
    """Parse a path of the configuration (platform-rules 0.8); raise PathError."""
    root = _ROOT.match(text)
    position = root.end() if root else 0
    steps: list[Key | Elements] = []
    while position < len(text):
        step, position = _parse_step(text, position)
        steps.append(step)
    if not text:
        raise PathError("the path is empty; write keys joined by dots", text, 0)
    return Pattern(text, root.group(0) if root else "", tuple(steps))


def _parse_step(text: str, position: int) -> tuple[Key | Elements, int]:
    if _INDEX.match(text, position):
        raise PathError("an index is not accepted; choose by a field: [name=app]", text, position)
    if text[position] == "[":
        return _parse_bracket(text, position)
    if position:
        if text[position] != ".":
            raise PathError("expected '.' or '['", text, position)
        position += 1
    key = _BARE_KEY.match(text, position)
    if key is None:
        raise PathError('expected a key; write other keys as ["a.b/c"]', text, position)
    return Key(key.group()), key.end()


def _parse_bracket(text: str, position: int) -> tuple[Key | Elements, int]:
    quoted = _QUOTED_KEY.match(text, position)
    if quoted:
        return Key(_unquote(quoted.group(1))), quoted.end()
    if text.startswith("[*]", position):
        return Elements(), position + 3
    conditions: list[tuple[str, str | None]] = []
    while not conditions or text.startswith(",", position):
        condition = _CONDITION.match(text, position + 1)
        if condition is None:
            raise PathError('expected *, "key", field=value or ?field', text, position + 1)
        conditions.append(_condition_of(condition))
        position = condition.end()
    if not text.startswith("]", position):
        raise PathError("expected ',' or ']'", text, position)
    return Elements(tuple(conditions)), position + 1


def _condition_of(match: re.Match[str]) -> tuple[str, str | None]:
    if match["has"]:
        return match["has"], None
    value = match["value"]
    return match["field"], _unquote(value) if value.startswith('"') else value


def _unquote(text: str) -> str:
    return _ESCAPE.sub(r"\1", text[1:-1])


def parse_guard(text: str) -> Guard:
    """Parse `@exists(path)` or `@missing(path)`; raise PathError."""
    guard = _GUARD.fullmatch(text)
    if guard is None:
        raise PathError("a guard is @exists(path) or @missing(path)", text, 0)
    return Guard(parse_path(guard[2]), guard[1] == "exists")


def holds(guard: Guard, value: Any, roots: Mapping[str, tuple[Path, ...]] = NO_ROOTS) -> bool:
    """Tell whether the guard is met by the value."""
    found = next(select(guard.pattern, value, roots), None) is not None
    return found is guard.expects_presence


def select(
    pattern: Pattern, value: Any, roots: Mapping[str, tuple[Path, ...]] = NO_ROOTS
) -> Iterator[tuple[Path, Any]]:
    """Return every place that the pattern names, with what is there, in document order.

    `roots` says where `$pod`, `$meta` and `$containers` are in this value
    (`workloads.roots`). Missing parents, values of another type and null give nothing.
    """
    if pattern.keys is None:
        return _select(pattern, value, roots)
    found = get(value, pattern.keys)
    return iter(() if found is None else ((pattern.keys, found),))


def _select(
    pattern: Pattern, value: Any, roots: Mapping[str, tuple[Path, ...]]
) -> Iterator[tuple[Path, Any]]:
    starts = roots.get(pattern.root, ()) if pattern.root else ((),)
    for start in starts:
        yield from _walk(pattern.steps, start, get(value, start))


def _walk(steps: tuple[Key | Elements, ...], path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if value is None:
        return
    if not steps:
        yield path, value
        return
    for step, child in _children(steps[0], value):
        yield from _walk(steps[1:], (*path, step), child)


def _children(step: Key | Elements, value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(step, Elements):
        if isinstance(value, list):
            yield from ((i, e) for i, e in enumerate(value) if _meets(e, step.conditions))
    elif isinstance(value, dict):
        if "*" in step.name:
            yield from ((key, child) for key, child in value.items() if glob(step.name, key))
        elif step.name in value:
            yield step.name, value[step.name]


def _meets(element: Any, conditions: tuple[tuple[str, str | None], ...]) -> bool:
    if not conditions:
        return True
    return isinstance(element, dict) and all(
        element.get(field) is not None and text in (None, _text(element[field]))
        for field, text in conditions
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
