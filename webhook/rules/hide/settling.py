"""What becomes of one value (platform-rules A.3): one function for each treatment.

A value equal to the API's default was written by nobody; a stored value that is the default of the
stored element is nobody's, and follows the new default (A-21).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webhook.model import Json
from webhook.objects.equality import MEANINGFUL_WHEN_EMPTY, same
from webhook.objects.paths import get
from webhook.rules.hide.entries import ABSENT, Entry, Treatment
from webhook.rules.hide.notes import Place, Verb, Walk, plain
from webhook.rules.hide.ownership import owned_at, owns_element


@dataclass(slots=True)
class Case:
    """One value to settle: incoming and stored, each with the map around it.

    `column` is 0 at a place that is new, 1 at one that has a stored counterpart.
    """

    entry: Entry
    new: Json
    old: Json
    around: Json
    old_around: Json
    place: Place
    column: int
    walk: Walk

    @property
    def default(self) -> Json:
        """The API's default for the incoming element."""
        return self.walk.default_of(self.entry, self.around)

    @property
    def is_default(self) -> bool:
        """Whether the incoming value is what the API server itself would fill in."""
        return equals_default(self.new, self.default)

    @property
    def is_written(self) -> bool:
        """Whether the writer put something here: not stored, no default, not the platform's."""
        if self.new is ABSENT or self.is_default or self.is_platforms:
            return False
        return self.old is ABSENT or not same(self.new, self.old)

    @property
    def is_platforms(self) -> bool:
        """Whether the incoming value is the one of the platform."""
        return self.entry.value is not None and same(self.new, self.entry.value)

    @property
    def is_free(self) -> bool:
        """Whether the value is one that anybody may write here."""
        if self.new is ABSENT:
            return False
        free = self.entry.harmless if self.column else (
            *self.entry.harmless, *self.entry.free_on_create
        )  # fmt: skip
        return self.new in free and not self.is_default

    def note(self, verb: Verb, value: Json = None) -> None:
        """Note what was done here."""
        self.walk.note(verb, self.place, self.entry, value)


def equals_default(value: Json, default: Json) -> bool:
    """Tell whether the value says no more than the default does."""
    if value is ABSENT or default is None:
        return False
    if isinstance(value, dict) and isinstance(default, dict):
        return same(_overlaid(default, value), default)
    return same(value, default)


def _overlaid(default: Mapping[str, Json], value: Mapping[str, Json]) -> dict[str, Json]:
    inner = {
        key: _overlaid(default[key], one)
        if isinstance(one, dict) and isinstance(default.get(key), dict)
        else one
        for key, one in value.items()
    }
    return {**default, **inner}


def settle(case: Case) -> Json:
    """Return what the place has afterwards: the incoming value itself when it stays."""
    if not _is_empty(case):
        return _settled(case)
    written, case.new = case.new, ABSENT
    result = _settled(case)
    return written if result is ABSENT else result


def _settled(case: Case) -> Json:
    treatment = case.walk.treatment_of(case.entry, case.column)
    if treatment in _HIDING and case.walk.delegate != "strip" and case.is_written:
        case.note(Verb.DENIED if case.walk.delegate == "deny" else Verb.WARNED)
        return case.new
    return SETTLERS[treatment](case)


def _is_empty(case: Case) -> bool:
    """Tell whether an empty map or list stands here, which is the same as none (0.9)."""
    is_empty = isinstance(case.new, dict | list) and not case.new
    return is_empty and case.place[-1] not in MEANINGFUL_WHEN_EMPTY


_HIDING = frozenset((Treatment.STRIP, Treatment.CARRY, Treatment.RESET))


def _keep(case: Case) -> Json:
    return case.new


def _warn(case: Case) -> Json:
    if case.is_written:
        case.note(Verb.WARNED)
    return case.new


def _strip(case: Case) -> Json:
    if case.new is ABSENT or case.is_default or case.is_free or _is_spared(case):
        return case.new
    if case.entry.spares is not None and isinstance(case.new, list):
        return _partition(case, [])
    if case.is_written:
        case.note(Verb.REMOVED)
    return ABSENT


def _strip_stored(case: Case) -> Json:
    case.walk.drifts += case.column if case.old is not ABSENT else 0
    return _strip(case)


def _reset(case: Case) -> Json:
    value = case.entry.value
    if value is None:
        return _strip(case)
    if case.column and not (case.old is not ABSENT and same(case.old, value)):
        case.walk.drifts += 1
    if case.new is not ABSENT and same(case.new, value):
        return case.new
    case.note(Verb.SET if case.is_written else Verb.CARRIED, value)
    return value


def _default(case: Case) -> Json:
    if case.new is not ABSENT or case.entry.value is None:
        return case.new
    if case.walk.is_suspended:
        return case.old
    if case.old is ABSENT or not same(case.old, case.entry.value):
        case.walk.drifts += case.column
    case.note(Verb.CARRIED, case.entry.value)
    return case.entry.value


def _cap(case: Case) -> Json:
    limit = case.entry.value
    if not isinstance(case.new, int) or case.new <= limit:
        return case.new
    if case.is_written:
        case.note(Verb.SET, limit)
    elif case.walk.is_suspended:
        return case.new
    else:
        case.walk.drifts += case.column
    return limit


def _carry(case: Case) -> Json:
    if case.is_free:
        return case.new
    if case.entry.spares is not None and _are_lists(case):
        return _partition(case, case.old if isinstance(case.old, list) else [])
    if case.old is ABSENT:
        return _strip(case) if case.column else _reset(case)
    kept = _kept(case)
    if case.is_written:
        case.note(Verb.REMOVED if kept is ABSENT else Verb.KEPT, None if kept is ABSENT else kept)
    elif case.new is ABSENT and kept is not ABSENT:
        _note_omission(case, kept)
    if kept is not ABSENT and case.new is not ABSENT and same(kept, case.new):
        return case.new
    return kept


def _kept(case: Case) -> Json:
    """Return the stored value, but not one that was only the default of the stored element."""
    stored_default = case.walk.default_of(case.entry, case.old_around)
    if not equals_default(case.old, stored_default) or equals_default(case.old, case.default):
        return case.old
    return case.new if case.is_default else ABSENT


def _note_omission(case: Case, kept: Json) -> None:
    if equals_default(kept, case.default):
        return
    told = case.entry.minds_removal and case.walk.had_live
    case.note(Verb.KEPT if told else Verb.CARRIED, kept)


def _are_lists(case: Case) -> bool:
    return all(one is ABSENT or isinstance(one, list) for one in (case.new, case.old))


def _partition(case: Case, stored: list[Json]) -> Json:
    """Return the writer's elements that are nobody's, and the stored ones that are hidden."""
    spares = case.entry.spares or (lambda _element: False)
    new = case.new if isinstance(case.new, list) else []
    written = [one for one in new if not spares(one)]
    hidden = [one for one in stored if not spares(one)]
    extra = [one for one in written if not any(same(one, other) for other in hidden)]
    if not extra and len(written) == len(hidden):
        return case.new
    if extra:
        case.note(Verb.KEPT if hidden else Verb.REMOVED)
    else:
        case.note(Verb.CARRIED)
    spared = [one for one in new if spares(one)]
    known = [one for one in stored if spares(one)]
    kept = stored if same(spared, known) else [*hidden, *spared]
    return kept or ABSENT


def _deny(case: Case) -> Json:
    is_fine = case.is_default or case.is_free or case.is_platforms or _is_spared(case)
    if case.new is not ABSENT and not is_fine:
        case.note(Verb.DENIED)
    return case.new


def _is_spared(case: Case) -> bool:
    """Tell whether the element is one that the entry leaves to everybody."""
    spares = case.entry.spares
    return spares is not None and isinstance(case.new, dict) and spares(case.new)


def _deny_on_change(case: Case) -> Json:
    if not case.column:
        return case.new
    if case.new is ABSENT or (case.is_default and case.old is not ABSENT):
        return _locked_omission(case)
    if case.old is not ABSENT and same(case.new, case.old):
        return case.new
    if case.entry.spares is not None and _adds_only_spared(case, case.entry):
        return case.new
    return _deny(case)


def _adds_only_spared(case: Case, entry: Entry) -> bool:
    if entry.spares is None or not _are_lists(case):
        return False
    stored = case.old if isinstance(case.old, list) else []
    mine = [one for one in case.new if not entry.spares(one)]
    return same(mine, [one for one in stored if not entry.spares(one)])


def _locked_omission(case: Case) -> Json:
    """Settle a locked field that the writer left out: a manifest does not mention it (A.3)."""
    if case.old is ABSENT:
        return case.new
    if equals_default(case.old, case.default):
        return case.old
    is_removal = case.entry.minds_removal and case.walk.had_live
    if case.walk.spec.lock_omission == "deny" or is_removal:
        case.note(Verb.DENIED)
        return case.new
    case.note(Verb.CARRIED, case.old)
    return case.old


def _carry_unowned(case: Case) -> Json:
    """Bring back what a webhook had added: no manager owns it (F-01), so nobody took it out."""
    if case.old is ABSENT or (case.new is not ABSENT and not _are_lists(case)):
        return case.new
    owned = owned_at(case.walk.stored, plain(case.place))
    if not isinstance(case.old, list):
        return case.new if owned else case.old
    new = [] if case.new is ABSENT else case.new
    lost = [
        one
        for one in case.old
        if not any(same(one, other) for other in new)
        and not owns_element(owned, _constraint_key(one))
    ]
    return [*new, *lost] if lost else case.new


def _constraint_key(element: Json) -> Mapping[str, Json]:
    return {name: get(element, (name,)) for name in ("topologyKey", "whenUnsatisfiable")}


SETTLERS: Mapping[Treatment, Callable[[Case], Json]] = {
    Treatment.ALLOW: _keep,
    Treatment.IGNORE: _keep,
    Treatment.WARN: _warn,
    Treatment.STRIP: _strip_stored,
    Treatment.RESET: _reset,
    Treatment.DEFAULT: _default,
    Treatment.CAP: _cap,
    Treatment.CARRY: _carry,
    Treatment.RESTORE: _carry,
    Treatment.DENY: _deny,
    Treatment.DENY_ON_CHANGE: _deny_on_change,
    Treatment.CARRY_UNOWNED: _carry_unowned,
}
"""The table of A.3."""
