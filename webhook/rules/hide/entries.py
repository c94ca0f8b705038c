"""One entry of the catalogue: which path, whose it is, what becomes of it (platform-rules A.3).

Only the words and their meaning on CREATE and UPDATE; the work is done in `settling.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from webhook.model import Json
from webhook.objects.paths import Guard

ABSENT: Any = object()
"""Stands for a field that is not there; null means the same to the API."""


class Treatment(StrEnum):
    """What the rule does with a value; the words of the configuration."""

    ALLOW = "allow"
    WARN = "warn"
    STRIP = "strip"
    RESET = "reset"
    DEFAULT = "default"
    CARRY = "carry"
    DENY = "deny"
    DENY_ON_CHANGE = "denyOnChange"
    RESTORE = "restore"
    IGNORE = "ignore"
    CARRY_UNOWNED = "carryUnowned"
    CAP = "cap"


PRESETS: Mapping[str, tuple[Treatment, Treatment]] = {
    "hide": (Treatment.STRIP, Treatment.CARRY),
    "seed": (Treatment.RESET, Treatment.CARRY),
    "default-once": (Treatment.DEFAULT, Treatment.CARRY),
    "freeze": (Treatment.ALLOW, Treatment.CARRY),
    "pin": (Treatment.RESET, Treatment.RESET),
    "lock": (Treatment.DENY, Treatment.DENY_ON_CHANGE),
    "restore": (Treatment.RESTORE, Treatment.RESTORE),
    "advise": (Treatment.WARN, Treatment.WARN),
    "open": (Treatment.ALLOW, Treatment.ALLOW),
    "carry": (Treatment.CARRY, Treatment.CARRY),
    "ignore": (Treatment.IGNORE, Treatment.IGNORE),
    "carry-new-ok": (Treatment.ALLOW, Treatment.CARRY_UNOWNED),
    "carry-stored": (Treatment.IGNORE, Treatment.CARRY),
    "cap": (Treatment.CAP, Treatment.CAP),
}
"""Preset → (on CREATE, on UPDATE); the last four are the catalogue's own."""

KEEPING = frozenset((Treatment.ALLOW, Treatment.WARN, Treatment.IGNORE))
"""Treatments that leave what is written."""

EAGER = frozenset((Treatment.STRIP, Treatment.RESET, Treatment.DEFAULT, Treatment.CAP))
"""Treatments that may change a value which is as it was stored."""

SUSPENDED = frozenset((Treatment.STRIP, Treatment.RESET))
"""Treatments that become `carry` where a template must stay as it is."""

ADDING = frozenset((Treatment.RESET, Treatment.DEFAULT, Treatment.CARRY))
"""Treatments that may put a value of the platform where there is none."""

Default = Callable[[Mapping[str, Json], bool], Json]
"""(the map around the field, is the Pod on the node's network) → the API's default."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path with its owner and treatments.

    `owner` is D, O, I or system. It holds in `namespaces` and where all `guards` are met. `kinds` are `group/Kind`, `Kind`, or one of the words of
    `catalogue.py`; `harmless` values are anybody's, `free_on_create` only at creation. `spares`
    tells elements of a list that are nobody's. `minds_removal`: somebody who had the live object
    in hand and took the value out is told so. `is_quiet`: never worth a message.
    """

    path: str
    owner: str
    create: Treatment
    update: Treatment
    kinds: tuple[str, ...] = ("*",)
    value: Json = None
    reason: str = ""
    show_value: bool = False
    namespaces: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()
    harmless: tuple[Json, ...] = ()
    free_on_create: tuple[Json, ...] = ()
    spares: Callable[[Json], bool] | None = None
    minds_removal: bool = False
    is_quiet: bool = False
    why: str = ""
    default: Default | None = None

    @property
    def treatments(self) -> tuple[Treatment, Treatment]:
        """What is done on CREATE and on UPDATE."""
        return self.create, self.update

    @property
    def platform_elements(self) -> list[Json]:
        """The elements of a list that `restore` adds."""
        is_list = self.create is Treatment.RESTORE and isinstance(self.value, list)
        return list(self.value) if is_list else []
