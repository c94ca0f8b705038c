"""What rule D judges: one Pod template of a workload with all that is known around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webhook.model import Json
from webhook.objects.paths import Path, dotted
from webhook.rules.spread.existing import Neighbourhood
from webhook.rules.spread.kinds import HASH_LABELS, Turnover
from webhook.rules.spread.nodes import Room

_TAIL = "DuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class Subject:
    """A template, and what decides about its constraints.

    `selector` is what constraints get, None where nothing can be spread. `replicas` will run at
    least, `most` at most (an autoscaler's bounds when there is one). `hash_label` is the key for
    `matchLabelKeys`, "" for none. `turnover` and `has_tied_volumes` are looked at for hard axes only.
    """

    path: Path
    spec: Mapping[str, Json]
    around: Neighbourhood
    selector: Mapping[str, Json] | None
    hash_label: str
    replicas: int
    most: int
    turnover: Turnover
    has_tied_volumes: bool
    room: Room

    def with_spec(self, spec: Mapping[str, Json]) -> Subject:
        """Return the same with another specification of the Pods."""
        return Subject(
            self.path,
            spec,
            self.around,
            self.selector,
            self.hash_label,
            self.replicas,
            self.most,
            self.turnover,
            self.has_tied_volumes,
            self.room,
        )

    def place(self, path: Path = ()) -> str:
        """Return where something is in the object, as people read it: long names cut."""
        return dotted((*self.path, "spec", *path)).replace(_TAIL, "")


def without_hashes(selector: Json, hash_label: str = "") -> Mapping[str, Json] | None:
    """Return the workload's selector as constraints may hold it, None when it selects nothing.

    A label that changes with each revision is never copied as a literal; `hash_label` is the one
    of a kind that a document added.
    """
    hashes = HASH_LABELS | {hash_label}
    if not isinstance(selector, dict):
        return None
    labels, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    kept: dict[str, Json] = {}
    if isinstance(expressions, list):
        others = [
            one for one in expressions if isinstance(one, dict) and one.get("key") not in hashes
        ]
        kept.update({"matchExpressions": others} if others else {})
    if isinstance(labels, dict):
        plain = {key: value for key, value in labels.items() if key not in hashes}
        kept.update({"matchLabels": plain} if plain else {})
    return kept or None
