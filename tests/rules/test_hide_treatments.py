"""The table of treatments of platform-rules A.3, cell by cell, against a second reading of it.

One field (`dnsPolicy`, whose API default is ClusterFirst) with every combination of what is
written, what is stored and whether the platform has a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from tests.builders import container, request
from tests.rules.hiding import config, mutate, update, web
from webhook.model import Action, Outcome

ABSENT = ""
DEFAULT = "ClusterFirst"
PLATFORM = "None"
STORED = "Default"
OTHER = "ClusterFirstWithHostNet"
WORDS = (ABSENT, DEFAULT, PLATFORM, STORED, OTHER)
TREATMENTS = (
    "allow", "warn", "strip", "reset", "default", "carry", "deny", "denyOnChange",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One combination; `old` is None on CREATE, `platform` may be absent."""

    treatment: str
    new: str
    old: str | None
    platform: str

    @property
    def is_written(self) -> bool:
        """Written by the developer: not what the API server fills in, not what is stored (0.10)."""
        return self.new not in {ABSENT, DEFAULT, self.old}


def value_of(cell: Cell) -> set[str]:
    """Return what may stand there afterwards; the default may be left out, it comes back (A.7)."""
    new, old, platform = cell.new, cell.old, cell.platform
    stripped = {ABSENT, DEFAULT} if new == DEFAULT else {ABSENT}
    by_treatment = {
        "strip": stripped,
        "reset": {platform} if platform else stripped,
        "default": {new or platform},
        "carry": {platform} if old is None and platform else stripped,
    }
    if cell.treatment == "carry" and old:
        return {old, ABSENT} if old == DEFAULT else {old}
    if cell.treatment == "denyOnChange" and old and new in {ABSENT, DEFAULT}:
        return {old}  # a locked field that is left out is carried
    return by_treatment.get(cell.treatment, {new})


def is_refused(cell: Cell) -> bool:
    if cell.treatment == "denyOnChange":
        return cell.old is not None and cell.is_written and cell.new != cell.platform
    return cell.treatment == "deny" and cell.new not in {ABSENT, DEFAULT, cell.platform}


def is_warned(cell: Cell) -> bool:
    if cell.treatment in {"strip", "carry", "warn"}:
        return cell.is_written and cell.new != cell.platform
    if cell.treatment == "reset":
        return cell.is_written and cell.new != cell.platform
    return False


def treated(cell: Cell) -> Outcome:
    entry: dict[str, Any] = {"path": "$pod.dnsPolicy", "create": cell.treatment}
    entry |= {"update": cell.treatment, **({"value": cell.platform} if cell.platform else {})}
    used = config(extends="none", catalogue=[entry])
    new = web(container(image="web:2"), **({"dnsPolicy": cell.new} if cell.new else {}))
    if cell.old is None:
        return mutate(request(new), used)
    return mutate(update(web(**({"dnsPolicy": cell.old} if cell.old else {})), new), used)


CELLS = {
    f"{treatment}, {new or 'nothing'} over {'none' if old is None else old or 'nothing'}, "
    f"{'a value' if platform else 'no value'}": Cell(treatment, new, old, platform)
    for treatment, new, old, platform in product(
        TREATMENTS, WORDS, (None, ABSENT, DEFAULT, STORED, PLATFORM), (ABSENT, PLATFORM)
    )
    if treatment not in {"reset", "default"} or platform
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_cell(cell: Cell) -> None:
    outcome = treated(cell)
    denied = [one for one in outcome.violations if one.action is Action.DENY]
    assert bool(denied) is is_refused(cell)
    if not denied:
        after = outcome.object["spec"]["template"]["spec"].get("dnsPolicy", ABSENT)
        assert after in value_of(cell)
        assert bool(outcome.warnings) is is_warned(cell)
