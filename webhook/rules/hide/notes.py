"""What one pass over an object knows and notes down.

A note says what was done at which place; what people read is made of notes in `reporting.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from webhook.model import NOTHING, Json
from webhook.objects.paths import Path, get, holds
from webhook.objects.selectors import glob
from webhook.rules.hide.entries import SUSPENDED, Entry, Treatment
from webhook.rules.hide.pairing import Pairing
from webhook.rules.hide.settings import HiddenFieldsSpec


class Verb(StrEnum):
    """What was done; the words of the audit annotation."""

    REMOVED = "removed"
    KEPT = "kept"
    SET = "set"
    BROUGHT_BACK = "brought back"
    CARRIED = "carried"
    WARNED = "warned"
    DENIED = "denied"
    RENAMED = "renamed"
    DRIFT = "drift"


SILENT = frozenset((Verb.CARRIED, Verb.DRIFT))
"""What the developer did not do: only in the audit annotation."""


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """A list element on the way to a place: its index, itself, and how it is told apart."""

    index: int
    element: Json
    pairing: Pairing

    @property
    def name(self) -> str:
        """The name by which people know the element, "" without one."""
        for key in (*self.pairing.fields, ("name",)):
            value = get(self.element, key)
            if value is not None:
                return str(value)
        return ""


Place = tuple[str | Spot, ...]
"""Keys and elements from the object's root."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was done. `value` is what the field now has, `detail` a further text."""

    verb: Verb
    place: Place
    entry: Entry
    value: Json = None
    detail: str = ""


INFRA = Entry(
    path="$containers[?infra]",
    owner="I",
    create=Treatment.RESTORE,
    update=Treatment.RESTORE,
    reason="belongs to the platform",
)
"""The entry of containers that the stored template's annotation names."""


@dataclass(slots=True)
class Walk:
    """One pass: who writes, where, and what was noted.

    `writable` are the owners whose fields the writer may set. `is_suspended`: values of the
    platform are not renewed (template stability). `had_live`: the writer sent back the live
    object, not a manifest. `incoming` and `stored` are the whole objects. `on_host`, `infra` and
    `roots` (where its parts are) belong to the template at hand. `drifts` counts values of the platform that changed since they were
    stored.
    """

    spec: HiddenFieldsSpec
    prefix: str
    namespace: str
    writable: frozenset[str]
    incoming: Json = None
    roots: Mapping[str, tuple[Path, ...]] = NOTHING
    delegate: str = "strip"
    is_suspended: bool = False
    had_live: bool = True
    stored: Json = None
    skipped: tuple[str, ...] = ()
    on_host: bool = False
    infra: frozenset[str] = frozenset()
    notes: list[Note] = field(default_factory=list)
    drifts: int = 0

    def entry_of(self, rows: tuple[Entry, ...]) -> Entry | None:
        """Return the first row that holds in this Namespace, and whose guards are met."""
        for row in rows:
            if not (row.namespaces or row.guards) or self._holds(row):
                return row
        return None

    def _holds(self, row: Entry) -> bool:
        if row.namespaces and not any(glob(one, self.namespace) for one in row.namespaces):
            return False
        return all(holds(one, self.incoming, self.roots) for one in row.guards)

    def treatment_of(self, entry: Entry, column: int) -> Treatment:
        """Return what this writer meets at the entry: column 0 for new places, 1 for stored."""
        if entry.owner in self.writable:
            return Treatment.ALLOW
        treatment = entry.treatments[column]
        if self.is_suspended and column and treatment in SUSPENDED:
            return Treatment.CARRY
        return treatment

    def note(self, verb: Verb, place: Place, entry: Entry, value: Json = None) -> None:
        """Note something down."""
        if not entry.is_quiet:
            self.notes.append(Note(verb, place, entry, value))

    def is_skipped(self, element: Json) -> bool:
        """Tell whether another webhook is known to add elements of that name."""
        if not self.skipped:
            return False
        name = get(element, ("name",))
        return isinstance(name, str) and any(glob(one, name) for one in self.skipped)

    def default_of(self, entry: Entry, around: Json) -> Json:
        """Return the API's default for the field in the map around it, None without one."""
        if entry.default is None:
            return None
        return entry.default(around if isinstance(around, dict) else NOTHING, self.on_host)


def plain(place: Place) -> Path:
    """Return the place with indexes instead of elements."""
    return tuple([step.index if isinstance(step, Spot) else step for step in place])


EMPTY: Mapping[str, Json] = MappingProxyType({})


def as_map(value: Json) -> Mapping[str, Json]:
    """Return the value if it is a map, else an empty one."""
    return value if isinstance(value, dict) else EMPTY
