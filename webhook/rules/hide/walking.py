"""One walk over incoming and stored object together, along the tree of the catalogue.

Everything that does not change is shared with the incoming object, and what is as it was stored is
not looked into. Null means absent; values of another type than expected are left to the API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

from webhook.model import NOTHING, Json
from webhook.objects.equality import MEANINGFUL_WHEN_EMPTY, same
from webhook.objects.paths import get
from webhook.objects.selectors import glob
from webhook.rules.hide.entries import ABSENT, Entry, Treatment
from webhook.rules.hide.notes import INFRA, Note, Place, Spot, Verb, Walk, as_map
from webhook.rules.hide.pairing import Pairing, pair, place_for
from webhook.rules.hide.settling import Case, settle
from webhook.rules.hide.templates import settle_template
from webhook.rules.hide.tree import Conditions, Node

CREATED, STORED = 0, 1
"""Columns of the table of treatments: a place that is new, and one that has a stored counterpart."""

CONTAINER_LISTS = ("containers", "initContainers")
RETURNING = frozenset((Treatment.CARRY, Treatment.RESTORE))


@dataclass(slots=True)
class Around:
    """The maps around a place, incoming and stored."""

    new: Mapping[str, Json]
    old: Mapping[str, Json]


NOWHERE = Around(NOTHING, NOTHING)


def treat(
    node: Node, new: Json, old: Json, around: Around, place: Place, column: int, walk: Walk
) -> Json:
    """Return what the place has after all entries: the same value when nothing changes."""
    if node.rows:
        entry = walk.entry_of(node.rows)
        if entry is None:
            return new
        return settle(Case(entry, new, old, around.new, around.old, place, column, walk))
    if node.elements:
        return treat_list(node, new, old, place, column, walk)
    if node.is_template:
        return settle_template(treat_map, node, new, old, place, column, walk)
    return treat_map(node, new, old, place, column, walk)


def treat_map(node: Node, new: Json, old: Json, place: Place, column: int, walk: Walk) -> Json:
    """Walk a map, or a missing one; one that loses its last key by us is ABSENT."""
    if new is not ABSENT and not isinstance(new, dict):
        return new
    around = Around(as_map(new), as_map(old))
    made: dict[str, Json] | None = None
    for key, child in _places(node, around):
        value, stored = around.new.get(key), around.old.get(key)
        value = ABSENT if value is None else value
        stored = ABSENT if stored is None else stored
        result = treat(child, value, stored, around, (*place, key), column, walk)
        if result is not value:
            made = dict(around.new) if made is None else made
            _put(made, key, result)
    if made is None:
        return new
    return made or _emptied(new, place)


def _places(node: Node, around: Around) -> list[tuple[str, Node]]:
    """Return the keys at which something may have to be done, in order, with their nodes.

    Those are keys of either map of which the catalogue says something, and keys to add; a value as
    it was stored only where its node is eager. The cheaper question is asked first.
    """
    keys, globs, new, old = node.keys, node.globs, around.new, around.old
    found: list[tuple[str, Node]] = []
    for key, value in new.items():
        child = keys.get(key)
        if child is None and not globs:
            continue
        is_stored = value is not None and value == old.get(key)
        if is_stored and not (node if child is None else child).is_eager:
            continue
        child = child or by_glob(node, key)
        if child is not None and not (is_stored and not child.is_eager):
            found.append((key, child))
    left_out = ((key, keys.get(key) or by_glob(node, key)) for key in old if key not in new)
    found += [(key, child) for key, child in left_out if child is not None]
    found += [(key, keys[key]) for key in node.adding if key not in new and key not in old]
    return found


def by_glob(node: Node, key: str) -> Node | None:
    """Return what the catalogue says about a key by the first glob that it fits."""
    for needle, (text, child) in zip(node.needles, node.globs, strict=True):
        if needle in key and glob(text, key):
            return child
    return None


def _put(made: dict[str, Json], key: str, value: Json) -> None:
    if value is ABSENT:
        made.pop(key, None)
    else:
        made[key] = value


def _emptied(new: Json, place: Place) -> Json:
    """Return an empty map only where its presence means something (`emptyDir`)."""
    is_meant = new is not ABSENT and bool(place) and place[-1] in MEANINGFUL_WHEN_EMPTY
    return {} if is_meant or not place else ABSENT


@dataclass(slots=True)
class _Lists:
    """One list on the way: both sides, paired; `partners` are places in `old`."""

    node: Node
    new: Sequence[Json]
    old: Sequence[Json]
    partners: list[int | None]
    place: Place
    column: int
    walk: Walk
    made: list[Json] = field(default_factory=list)

    @property
    def is_of_containers(self) -> bool:
        return self.place[-1] in CONTAINER_LISTS


def treat_list(node: Node, new: Json, old: Json, place: Place, column: int, walk: Walk) -> Json:
    """Walk a list whose elements are paired by their merge key; the writer's order stays."""
    if new is not ABSENT and not isinstance(new, list):
        return new
    elements = [] if new is ABSENT else new
    stored = old if isinstance(old, list) else []
    partners = pair(elements, stored, node.pairing)
    lists = _Lists(node, elements, stored, partners, place, column, walk)
    is_paired = len(elements) == len(stored) and None not in partners
    if not is_paired and lists.is_of_containers and stored:
        _note_rename(lists)
    for at in range(len(elements)):
        partner = lists.partners[at]
        result = treat_element(lists, at, ABSENT if partner is None else stored[partner])
        if result is not ABSENT:
            lists.made.append(result)
    if not is_paired:
        _bring_back(lists)
    _add_platform_elements(lists)
    made = lists.made
    if len(made) == len(elements) and all(
        one is two for one, two in zip(made, elements, strict=True)
    ):
        return new
    return made or ABSENT


def treat_element(lists: _Lists, at: int, old: Json) -> Json:
    """Settle one element: as a whole where an entry selects it, else what is inside."""
    element, walk = lists.new[at], lists.walk
    if element == old and not lists.node.is_eager:
        return element
    if walk.is_skipped(element) and lists.place[-1] in (*CONTAINER_LISTS, "volumes"):
        return element
    column = CREATED if old is ABSENT else lists.column
    spot = (*lists.place, Spot(at, element, lists.node.pairing))
    matched = matching(lists.node, element)
    entry = _element_entry(matched, element, lists)
    if entry is not None:
        return _settle_element(entry, element, old, spot, column, walk)
    result = element
    for child in matched:
        if not child.rows:
            result = treat(child, result, old, NOWHERE, spot, column, walk)
    return result


def matching(node: Node, element: Json) -> list[Node]:
    """Return what the catalogue says about an element: those with more conditions first.

    Without those that a narrower one has taken over (0.8: the most specific path wins).
    """
    found = list(node.by_field.get("", ()))
    if isinstance(element, dict) and len(node.by_field) > 1:
        for name in element:
            found.extend(node.by_field.get(name, ()) if name else ())
        found.sort(key=itemgetter(0))
    met = [one for one in found if meets(element, one[1])]
    if len(met) > 1 and node.covered:
        gone = {at for rank, _, _ in met for at in node.covered.get(rank, ())}
        return [child for rank, _, child in met if rank not in gone]
    return [child for _, _, child in met]


def meets(element: Json, conditions: Conditions) -> bool:
    """Tell whether an element meets all conditions of a path; texts may be globs."""
    if not conditions:
        return True
    return isinstance(element, dict) and all(
        element.get(name) is not None and (text is None or glob(text, str(element[name])))
        for name, text in conditions
    )


def _element_entry(matched: Sequence[Node], element: Json, lists: _Lists) -> Entry | None:
    """Return the entry that decides about the whole element, None where all is open."""
    infra = lists.walk.infra
    if infra and lists.is_of_containers and str(get(element, ("name",))) in infra:
        return INFRA
    for one in matched:
        entry = lists.walk.entry_of(one.rows)
        if entry is not None:
            is_open = lists.walk.treatment_of(entry, lists.column) is Treatment.ALLOW
            return None if is_open else entry
    return None


def _settle_element(
    entry: Entry, element: Json, old: Json, spot: Place, column: int, walk: Walk
) -> Json:
    treatment = walk.treatment_of(entry, column)
    if treatment is not Treatment.RESTORE:
        return settle(Case(entry, element, old, NOTHING, NOTHING, spot, column, walk))
    if any(same(element, one) for one in entry.platform_elements):
        return element
    if old is ABSENT:
        walk.note(Verb.REMOVED, spot, entry)
        return ABSENT
    if same(element, old):
        return element
    walk.note(Verb.KEPT, spot, entry)
    return old


def _bring_back(lists: _Lists) -> None:
    """Put stored elements of the platform back that the writer left out (A.5.2)."""
    partners = set(lists.partners)
    for at, element in enumerate(lists.old):
        if at in partners:
            continue
        entry = _element_entry(matching(lists.node, element), element, lists)
        if entry is None or lists.walk.treatment_of(entry, STORED) not in RETURNING:
            continue
        restores = lists.walk.treatment_of(entry, STORED) is Treatment.RESTORE
        told = restores and lists.walk.had_live
        spot = (*lists.place, Spot(at, element, lists.node.pairing))
        lists.walk.note(Verb.BROUGHT_BACK if told else Verb.CARRIED, spot, entry)
        is_first = lists.place[-1] == "initContainers" and at == 0
        otherwise = 0 if is_first else len(lists.made)
        lists.made.insert(place_for(lists.made, lists.old, at, otherwise), element)


def _add_platform_elements(lists: _Lists) -> None:
    if lists.column != CREATED or not lists.node.adds:
        return
    for _, child in lists.node.elements:
        entry = lists.walk.entry_of(child.rows)
        for element in entry.platform_elements if entry else ():
            if not any(same(element, one) for one in lists.made):
                spot = Spot(len(lists.made), element, lists.node.pairing)
                lists.walk.note(Verb.CARRIED, (*lists.place, spot), entry or INFRA)
                lists.made.append(element)


def _note_rename(lists: _Lists) -> None:
    """Tell that settings of the platform are not copied to a renamed container, or copy them."""
    gone = [at for at in range(len(lists.old)) if at not in lists.partners]
    come = [at for at, partner in enumerate(lists.partners) if partner is None]
    if len(gone) != 1 or len(come) != 1:
        return
    new, old = lists.new[come[0]], lists.old[gone[0]]
    if _is_infra(old, lists) or not isinstance(new, dict) or not isinstance(old, dict):
        return
    is_single = lists.walk.spec.carry_on_rename == "single"
    if is_single and _repository(new) == _repository(old):
        lists.partners[come[0]] = gone[0]
    elif _has_hidden(lists, old):
        names = f"{old.get('name')} → {new.get('name')}"
        place = (*lists.place, Spot(come[0], new, Pairing()))
        lists.walk.notes.append(Note(Verb.RENAMED, place, INFRA, detail=names))


def _is_infra(element: Json, lists: _Lists) -> bool:
    return _element_entry(matching(lists.node, element), element, lists) is not None


def _has_hidden(lists: _Lists, old: Json) -> bool:
    """Tell whether the platform has set anything in the stored container."""
    apart = replace(lists.walk, notes=[])
    bare = {"name": old.get("name"), "image": old.get("image")}
    for _, child in lists.node.elements:
        if not child.rows:
            treat(child, bare, old, NOWHERE, lists.place, STORED, apart)
    return bool(apart.notes)


def _repository(container: Mapping[str, Json]) -> str:
    image = str(container.get("image") or "").partition("@")[0]
    head, slash, last = image.rpartition("/")
    return head + slash + last.partition(":")[0]
