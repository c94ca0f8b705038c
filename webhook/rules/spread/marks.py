"""What labels and annotations ask for: a tier, exclusive placement, no spreading at all (D.3).

Marks of the template count before those of the workload. What its author may not ask for is put
back to what is stored: else the next writer would find it there and it would look granted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from webhook.model import Json
from webhook.objects.paths import Path, dotted, get
from webhook.rules.actors import ActorClass
from webhook.rules.skips import read_switch
from webhook.rules.spread.config import RANKS, Spreading
from webhook.rules.spread.writing import with_value

_FIELDS = ("labels", "annotations")
TIER, MAX_TIER, EXCLUSIVE, SKIP = "tier", "max-tier", "exclusive", "skip-spread"

_LEVEL_OF: Mapping[ActorClass, int] = {
    ActorClass.DEVELOPER: 0,
    ActorClass.OPERATOR: 1,
    ActorClass.PLATFORM: 2,
}
_DECIDES = {"operator": "operators decide", "platform": "the platform decides"}
_NEEDED: Mapping[str, int] = {"anyone": 0, "operator": 1, "platform": 2}


@dataclass(slots=True)
class Marks:
    """What holds for one template, and the object with the marks that its author may write."""

    value: Json
    tier: str = ""
    is_exclusive: bool = False
    is_opted_out: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes: the class, what is stored (None on CREATE), under which document and prefix."""

    actor: ActorClass
    stored: Json
    spreading: Spreading
    prefix: str

    def may(self, who: str) -> bool:
        """Tell whether the author is of this class or above."""
        return _LEVEL_OF.get(self.actor, 0) >= _NEEDED[who]


def read_marks(value: Json, template: Path, namespace: Json, author: Author) -> Marks:
    """Return what the labels and annotations of a template, its workload and Namespace ask for."""
    made = Marks(value)
    labels, annotations = _places(template, value, author)
    if not labels and not annotations:
        made.tier = _of_namespace(namespace, TIER, author) or author.spreading.default_tier
        made.is_opted_out = _is_namespace_opted_out(made, namespace, author)
        return made
    _read_tier(made, (*labels, *annotations), namespace, author)
    made.is_exclusive = _read_switch(made, (*labels, *annotations), EXCLUSIVE, "operator", author)
    skip = author.spreading.opt_out_by
    made.is_opted_out = _read_switch(made, annotations, SKIP, skip, author)
    made.is_opted_out |= _is_namespace_opted_out(made, namespace, author)
    return made


def _is_namespace_opted_out(made: Marks, namespace: Json, author: Author) -> bool:
    key = f"{author.prefix}/{SKIP}"
    text = get(namespace, ("metadata", "annotations", key))
    state = None if text is None else read_switch(str(text))
    if text is not None and state is None:
        made.warnings.append(
            f'annotation {key} of the Namespace: "{text}" is neither true nor false'
        )
    return state is True


def _places(
    template: Path, value: Json, author: Author
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the maps of labels and of annotations that have, or had, any mark."""
    marks = _keys(author.prefix)
    found: dict[Path, None] = {}
    for path in ((*template, "metadata"), ("metadata",)):
        for metadata in (get(value, path), get(author.stored, path)):
            for name in _FIELDS if isinstance(metadata, dict) else ():
                texts = metadata.get(name)
                if isinstance(texts, dict) and not marks.isdisjoint(texts):
                    found[*path, name] = None
    if not found:
        return (), ()
    labels, annotations = (tuple(one for one in found if one[-1] == name) for name in _FIELDS)
    return labels, annotations


@lru_cache(maxsize=8)
def _keys(prefix: str) -> frozenset[str]:
    """Return the labels and annotations that are marks of this rule."""
    return frozenset(f"{prefix}/{name}" for name in (TIER, EXCLUSIVE, SKIP))


def _read_tier(made: Marks, places: tuple[Path, ...], namespace: Json, author: Author) -> None:
    spreading = author.spreading
    base = _of_namespace(namespace, TIER, author) or spreading.default_tier
    highest = _of_namespace(namespace, MAX_TIER, author) or spreading.max_tier
    highest = max(base, highest, key=RANKS.__getitem__)

    def correct(new: str | None, old: str | None) -> str | None:
        """Return what the mark becomes when a developer writes it."""
        if new is None or new not in RANKS or RANKS[base] <= RANKS[new] <= RANKS[highest]:
            return new
        if old is not None:
            return old
        return highest if RANKS[new] > RANKS[highest] else None

    for path, text in _settled(made, places, TIER, "operator", author, correct):
        if text in RANKS:
            made.tier = made.tier or text
        else:
            made.warnings.append(f'{dotted(path)}: "{text}" is none of {", ".join(RANKS)}')
    made.tier = made.tier or base


def _of_namespace(namespace: Json, name: str, author: Author) -> str | None:
    text = get(namespace, ("metadata", "labels", f"{author.prefix}/{name}"))
    return text if text in RANKS else None


def _read_switch(
    made: Marks, places: tuple[Path, ...], name: str, who: str, author: Author
) -> bool:
    if not places:
        return False

    def correct(new: str | None, old: str | None) -> str | None:
        return (
            new if (read_switch(new or "") or False) == (read_switch(old or "") or False) else old
        )

    states: list[bool] = []
    for path, text in _settled(made, places, name, who, author, correct):
        state = read_switch(text)
        if state is None:
            made.warnings.append(f'{dotted(path)}: "{text}" is neither true nor false')
        else:
            states.append(state)
    return bool(states) and states[0]


Correct = Callable[[str | None, str | None], str | None]


def _settled(
    made: Marks, places: tuple[Path, ...], name: str, who: str, author: Author, correct: Correct
) -> Iterator[tuple[Path, str]]:
    """Yield what holds at each place, after what the author may not write is put back."""
    for place in places:
        path = (*place, f"{author.prefix}/{name}")
        new, old = _text(get(made.value, path)), _text(get(author.stored, path))
        kept = new if new == old or author.may(who) else correct(new, old)
        if kept != new:
            made.value = with_value(made.value, path, kept)
            became = "removed" if kept is None else f'stays "{kept}"'
            made.warnings.append(f"{dotted(path)} {became}, {_DECIDES[who]} on it")
        if kept is not None:
            yield path, kept


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
