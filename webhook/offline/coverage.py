"""Which parts of the policies' expressions were reached, and which branches never taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from webhook.cel import Program
from webhook.cel.explain import Part
from webhook.offline.observing import Place

Range = tuple[int, int]

_CONSTANTS = re.compile(
    r"""[rRbB]*('[^']*'|"[^"]*")|\b(true|false|null)\b|\b0x[0-9a-fA-F]+|\d[\deEu.+-]*"""
)
NEVER = "never evaluated"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that no case reached: a part of the text, or a value that a condition never had."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many parts there are, how many were reached, and the gaps."""

    parts: int
    reached: int
    gaps: tuple[Gap, ...]

    @property
    def percent(self) -> float:
        """Reached parts of 100."""
        return 100.0 * self.reached / self.parts if self.parts else 100.0


@dataclass(slots=True)
class _Seen:
    texts: dict[Range, str] = field(default_factory=dict)
    reached: set[Range] = field(default_factory=set)
    values: set[bool] = field(default_factory=set)


class Recorder:
    """An observer that remembers what was reached."""

    def __init__(self) -> None:
        self._seen: dict[Place, _Seen] = {}

    def __call__(
        self, place: Place, program: Program, bindings: Mapping[str, Any], outcome: Any
    ) -> None:
        """Note one evaluation."""
        seen = self._seen.setdefault(place, _Seen())
        if isinstance(outcome, bool):
            seen.values.add(outcome)
        for part in program.explain(bindings).parts:
            where = (part.start, part.stop)
            if is_operand(place.text, part) or _is_constant(part.text):
                continue
            seen.texts[where] = part.text
            if part.values:
                seen.reached.add(where)

    def coverage(self, places: Iterable[Place]) -> Coverage:
        """Compare with everything that there is; an expression never evaluated counts as one part."""
        parts = reached = 0
        gaps: list[Gap] = []
        for place in places:
            seen = self._seen.get(place)
            if seen is None:
                parts += 1
                gaps.append(Gap(place, NEVER))
                continue
            missing = [one for one in seen.texts if not _is_reached(one, seen)]
            parts += len(seen.texts)
            reached += len(seen.texts) - len(missing)
            gaps += [Gap(place, text) for text in _outermost(missing, seen)]
            gaps += [Gap(place, f"never {_word(one)}") for one in _missed(place, seen)]
        return Coverage(parts, reached, tuple(gaps))


def is_operand(text: str, part: Part) -> bool:
    """Tell whether a field, an index or a method call follows, or it is an index itself.

    Such a name has no value of its own: the engine evaluates the attribute as a whole.
    """
    before, after = text[: part.start].rstrip(), text[part.stop :].lstrip()
    is_index = before.endswith(("[", "[?")) and after.startswith("]")
    return after.startswith((".", "[", "?.")) or (is_index and part.text.isidentifier())


def _is_constant(text: str) -> bool:
    """Tell whether nothing in it depends on a request: the engine works such parts out ahead."""
    return not re.search(r"[A-Za-z_]", _CONSTANTS.sub("", text))


def _is_reached(where: Range, seen: _Seen) -> bool:
    """Tell whether it, or anything inside of it, has a value."""
    return any(where[0] <= start and stop <= where[1] for start, stop in seen.reached)


def _outermost(missing: list[Range], seen: _Seen) -> list[str]:
    """Return the parts that were not reached, without those inside of one."""
    found: list[Range] = []
    for start, stop in sorted(missing, key=lambda one: (one[0], -one[1])):
        if not found or stop > found[-1][1]:
            found.append((start, stop))
    return [" ".join(seen.texts[one].split()) for one in found]


def _missed(place: Place, seen: _Seen) -> list[bool]:
    """Return the answers that a validation or a condition never gave."""
    decides = place.field.startswith(("validations", "matchConditions"))
    if not decides or not seen.values:
        return []
    return [one for one in (True, False) if one not in seen.values]


def _word(value: bool) -> str:  # noqa: FBT001 - the value itself
    return "true" if value else "false"
