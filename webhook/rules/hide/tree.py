"""The catalogue as one tree per kind, so that an object is walked once for all entries.

The longest path wins, a literal beats a glob, and what a wide entry covers is pushed down to where
no narrower one stands (platform-rules 0.8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from webhook.model import NOTHING
from webhook.objects.paths import Elements, Key, parse_path
from webhook.objects.selectors import glob
from webhook.objects.workloads import WorkloadKind
from webhook.rules.hide.entries import ADDING, EAGER, Entry, Treatment
from webhook.rules.hide.fields import DEFAULTS
from webhook.rules.hide.pairing import NAMED, Pairing, pairing_of

Step = Key | Elements
Steps = tuple[Step, ...]
Conditions = tuple[tuple[str, str | None], ...]
Globs = tuple[tuple[str, "Node"], ...]
Ranked = tuple[int, Conditions, "Node"]
"""Elements with these conditions; the smaller rank is asked first."""

CONTAINER_LISTS = ("containers", "initContainers")
EPHEMERAL = "ephemeralContainers"


@dataclass(frozen=True, slots=True)
class Node:
    """A place in objects of one kind.

    `rows` are the entries that end here, the first that holds in a Namespace counts; only a node
    without further steps has any. `needles` are the longest texts in the globs, to tell fast that a
    key fits none. `is_eager`: below it, even a value as stored may be changed.
    `adds`: below it, a value may appear where there is none; `adding` are such keys. `by_field`
    holds the elements that a field chooses, and under "" all others; `covered` says which ranks a
    narrower one has taken over. `is_template`: a Pod template.
    `needs_walk`: even a template as stored must be looked into.
    """

    rows: tuple[Entry, ...] = ()
    keys: Mapping[str, Node] = NOTHING
    globs: Globs = ()
    needles: tuple[str, ...] = ()
    elements: tuple[tuple[Conditions, Node], ...] = ()
    by_field: Mapping[str, tuple[Ranked, ...]] = NOTHING
    covered: Mapping[int, frozenset[int]] = field(default_factory=dict)
    adding: tuple[str, ...] = ()
    pairing: Pairing = NAMED
    is_eager: bool = False
    adds: bool = False
    is_template: bool = False
    needs_walk: bool = False


@dataclass(slots=True)
class _Draft:
    name: str = ""
    rows: list[Entry] = field(default_factory=list)
    keys: dict[str, _Draft] = field(default_factory=dict)
    globs: dict[str, _Draft] = field(default_factory=dict)
    elements: dict[Conditions, _Draft] = field(default_factory=dict)
    covered: dict[Conditions, list[Conditions]] = field(default_factory=dict)
    is_template: bool = False


class Trees(Mapping[tuple[str, str], Node]):
    """The trees of all kinds by (group, kind), each made when it is first asked for.

    So a new document costs the serving loop nothing at once, and a kind that nobody writes nothing
    at all. A tree follows from the entries alone.
    """

    __slots__ = ("_entries", "_kinds", "_made")

    def __init__(self, kinds: Iterable[WorkloadKind], entries: Sequence[Entry]) -> None:
        self._kinds = {(kind.group, kind.kind): kind for kind in kinds}
        self._entries = entries
        self._made: dict[tuple[str, str], Node] = {}

    def __getitem__(self, key: tuple[str, str]) -> Node:
        tree = self._made.get(key)
        if tree is None:
            tree = self._made[key] = compile_tree(self._kinds[key], self._entries)
        return tree

    def __contains__(self, key: object) -> bool:
        return key in self._kinds

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


def compile_tree(
    kind: WorkloadKind, entries: Sequence[Entry], lists: Sequence[str] = CONTAINER_LISTS
) -> Node:
    """Return the tree of the entries that concern the kind, those given first winning."""
    draft = _Draft()
    for template in _templates(kind):
        _descend(draft, template).is_template = bool(template)
    for entry in entries:
        if concerns(entry, kind):
            for steps in expand(entry.path, kind, lists):
                immutable = kind.is_template_immutable and _is_in_template(steps, kind)
                row = _with_default(_carried(entry) if immutable else entry, kind)
                _descend(draft, steps).rows.append(row)
    _inherit(draft)
    _push_down(draft, ())
    return _built(draft, ())


def concerns(entry: Entry, kind: WorkloadKind) -> bool:
    """Tell whether one of the entry's words for kinds means this one."""
    full = f"{kind.group or 'core'}/{kind.kind}"
    is_template_kind = bool(kind.template_paths) and kind.kind != "Pod"
    words = {"*", full, kind.kind, *(("templates",) if is_template_kind else ())}
    return not words.isdisjoint(entry.kinds)


def _templates(kind: WorkloadKind) -> list[Steps]:
    return [pattern.steps for pattern in kind.template_paths]


def expand(path: str, kind: WorkloadKind, lists: Sequence[str]) -> Iterator[Steps]:
    """Yield the steps from the object's root; none for a kind without templates."""
    pattern = parse_path(path)
    if not pattern.root:
        yield pattern.steps
        return
    for template in _templates(kind):
        if pattern.root == "$meta":
            yield (*template, Key("metadata"), *pattern.steps)
        elif pattern.root == "$pod":
            yield (*template, Key("spec"), *pattern.steps)
        else:
            yield from ((*template, Key("spec"), Key(one), *pattern.steps) for one in lists)


def _is_in_template(steps: Steps, kind: WorkloadKind) -> bool:
    return any(
        steps[: len(template) + 1] == (*template, Key("spec")) for template in _templates(kind)
    )


def _carried(entry: Entry) -> Entry:
    """Return the entry as it is for what the API lets nobody change."""
    if entry.update not in EAGER:
        return entry
    return _replaced(entry, update=Treatment.CARRY)


def _with_default(entry: Entry, kind: WorkloadKind) -> Entry:
    full = f"{kind.group or 'core'}/{kind.kind}"
    default = DEFAULTS.get((full, entry.path)) or DEFAULTS.get(("*", entry.path))
    return _replaced(entry, default=default) if default else entry


def _replaced(entry: Entry, **fields: object) -> Entry:
    values = {name: getattr(entry, name) for name in Entry.__slots__}
    return Entry(**{**values, **fields})


def _descend(draft: _Draft, steps: Steps) -> _Draft:
    for step in steps:
        if isinstance(step, Elements):
            draft = draft.elements.setdefault(step.conditions, _Draft())
        else:
            children = draft.globs if "*" in step.name else draft.keys
            draft = children.setdefault(step.name, _Draft(step.name))
    return draft


def _inherit(draft: _Draft) -> None:
    """Let what is said of some elements take over what is said of all those and others.

    So the narrowest conditions alone decide about an element; where an entry selects elements as a
    whole there is nothing below to decide.
    """
    wide = sorted(draft.elements, key=len, reverse=True)
    for conditions, one in draft.elements.items():
        draft.covered[conditions] = [
            other
            for other in wide
            if not (one.rows or draft.elements[other].rows)
            and _is_narrower(conditions, other, draft.elements[other])
        ]
    for conditions, others in draft.covered.items():
        for other in others:
            _take_over(draft.elements[conditions], draft.elements[other])
    for child in _children(draft):
        _inherit(child)


def _is_narrower(conditions: Conditions, other: Conditions, draft: _Draft) -> bool:
    """Tell whether elements that meet these conditions meet the other ones, too.

    `[name=a]` also goes before `[?b]` when that one only says something of what is below `b`.
    """
    missing = [one for one in other if not any(_implies(mine, one) for mine in conditions)]
    if conditions == other or not missing:
        return conditions != other
    has_text, is_plain = (any(text for _, text in one) for one in (conditions, other))
    return (
        has_text
        and not is_plain
        and {name for name, _ in missing} == draft.keys.keys()
        and (not (draft.globs or draft.elements or _may_add(draft)))
    )


def _may_add(draft: _Draft) -> bool:
    return any(map(_adds, draft.rows)) or any(map(_may_add, _children(draft)))


def _implies(mine: tuple[str, str | None], theirs: tuple[str, str | None]) -> bool:
    (name, text), (other_name, pattern) = mine, theirs
    if name != other_name or pattern is None or text == pattern:
        return name == other_name
    return text is not None and glob(pattern, text)


def _take_over(draft: _Draft, other: _Draft) -> None:
    draft.rows += other.rows
    draft.is_template |= other.is_template
    for name, child in other.keys.items():
        _take_over(draft.keys.setdefault(name, _Draft(name)), child)
    for name, child in other.globs.items():
        _take_over(draft.globs.setdefault(name, _Draft(name)), child)
    for conditions, child in other.elements.items():
        _take_over(draft.elements.setdefault(conditions, _Draft()), child)


def _push_down(draft: _Draft, inherited: tuple[Entry, ...]) -> None:
    rows = (*draft.rows, *inherited)
    if not (draft.keys or draft.globs or draft.elements):
        draft.rows = [row for at, row in enumerate(rows) if row not in rows[:at]]
        return
    draft.rows = []
    if rows and (draft.keys or draft.globs):
        draft.globs.setdefault("*", _Draft("*"))
    if rows and draft.elements:
        draft.elements.setdefault((), _Draft())
    for child in _children(draft):
        _push_down(child, rows)


def _children(draft: _Draft) -> Iterable[_Draft]:
    return (*draft.keys.values(), *draft.globs.values(), *draft.elements.values())


def _built(draft: _Draft, above: tuple[str, ...]) -> Node:
    here = (*above, draft.name) if draft.name else above
    keys = {name: _built(one, here) for name, one in draft.keys.items()}
    globs = [(name, _built(one, here)) for name, one in draft.globs.items()]
    elements = [(conditions, _built(one, here)) for conditions, one in draft.elements.items()]
    if not globs:
        keys = {name: one for name, one in keys.items() if not _is_idle(one)}
    globs.sort(key=lambda pair: (-len(pair[0].replace("*", "")), pair[0]))
    elements.sort(key=lambda pair: -len(pair[0]))
    children = (*keys.values(), *(one for _, one in globs), *(one for _, one in elements))
    kept = [pair for pair in elements if not _is_idle(pair[1]) or len(elements) > 1]
    return Node(
        rows=tuple(draft.rows),
        keys=keys,
        globs=tuple(globs),
        needles=tuple(max(text.split("*"), key=len) for text, _ in globs),
        elements=tuple(kept),
        by_field=_by_field(kept),
        covered=_covered(kept, draft),
        adding=tuple(name for name, one in keys.items() if one.adds),
        pairing=pairing_of(here),
        is_eager=any(one.is_eager for one in children) or any(map(_is_eager, draft.rows)),
        adds=any(one.adds for one in keys.values())
        or any(map(_adds, draft.rows))
        or any(row.platform_elements for _, one in elements for row in one.rows),
        is_template=draft.is_template,
        needs_walk=any(one.is_eager for _, one in elements)
        or any(one.needs_walk for one in children)
        or any(row.update is Treatment.DENY for row in draft.rows),
    )


def _by_field(elements: Sequence[tuple[Conditions, Node]]) -> Mapping[str, tuple[Ranked, ...]]:
    found: dict[str, tuple[Ranked, ...]] = {"": ()}
    for rank, (conditions, node) in enumerate(elements):
        name = next((name for name, text in conditions if text is None), "")
        found[name] = (*found.get(name, ()), (rank, conditions, node))
    return found


def _covered(
    elements: Sequence[tuple[Conditions, Node]], draft: _Draft
) -> Mapping[int, frozenset[int]]:
    """Return for each rank those whose places it has taken over."""
    ranks = {conditions: rank for rank, (conditions, _) in enumerate(elements)}
    taken = {
        ranks[conditions]: frozenset(ranks[other] for other in others if other in ranks)
        for conditions, others in draft.covered.items()
        if others and conditions in ranks
    }
    return {rank: others for rank, others in taken.items() if others}


def _is_idle(node: Node) -> bool:
    """Tell whether nothing is ever done at the node or below it."""
    if node.keys or node.globs or node.elements or node.is_template:
        return False
    return all(row.treatments == (Treatment.ALLOW, Treatment.ALLOW) for row in node.rows)


def _is_eager(row: Entry) -> bool:
    return row.update in EAGER or row.update is Treatment.DENY


def _adds(row: Entry) -> bool:
    return row.value is not None and not ADDING.isdisjoint(row.treatments)
