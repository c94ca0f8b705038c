"""Which running Pods were made by older rules (platform-rules B.2, the report `env-drift`).

Env cannot change on a Pod that runs, so it shows the rules of its creation. Pure: the Pod is treated
once more as if it were new, and what would be different is told. Names, never values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from webhook.model import AdmissionRequest, Facts, Json
from webhook.objects.paths import get
from webhook.rules.env.config import Config
from webhook.rules.env.pods import mutate_pod
from webhook.rules.env.writing import MARKER
from webhook.rules.skips import is_skipped

ENDED = frozenset(("Succeeded", "Failed"))
_VERBS = {
    "added": "lacks",
    "replaced": "has another",
    "appended": "lacks a part of",
    "removed": "still has",
}
"""Treatments that change the object, as what they mean for a Pod that runs."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What is older on a Pod.

    `generations` are rules that changed since the Pod's marker annotation was written (`identity@old
    -> new`, or `gone`); `variables` are what the rules in force would write, by container.
    """

    generations: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is older."""
        return bool(self.generations or self.variables)


def drift_of(request: AdmissionRequest, config: Config, facts: Facts) -> Drift:
    """Return what is older on the Pod of a request that would create it; may raise NeedFacts."""
    if is_skipped(request) or get(request.object, ("status", "phase")) in ENDED:
        return Drift()
    outcome = mutate_pod(request, config, facts)
    text = outcome.audit_annotations.get("env")
    entries = orjson.loads(text) if text else ()
    return Drift(
        tuple(_generations(request.object, config)),
        tuple(one for entry in entries if (one := _variables(request.object, entry))),
    )


def _generations(pod: Json, config: Config) -> Iterator[str]:
    marker = get(pod, ("metadata", "annotations", f"{config.prefix}/{MARKER}"))
    known = {rule.name: rule.generation for rule in config.rules}
    for one in str(marker or "").split(","):
        name, _, generation = one.partition("@")
        if name and known.get(name) != generation:
            yield f"{name}@{generation} -> {known.get(name, 'gone')}"


def _variables(pod: Json, entry: Json) -> str:
    """Return what one entry of the audit annotation means for a Pod that runs."""
    verb = _VERBS.get(entry["treatment"])
    if verb is None or "phase" in entry:
        return ""
    names = ", ".join(entry["names"])
    return f"{_container(pod, entry['path'])} {verb} {names} (rule {entry['rule']})"


def _container(pod: Json, path: str) -> str:
    """Return the name of the container at `spec.containers[0]`."""
    field, _, index = path.removeprefix("spec.").rstrip("]").partition("[")
    name = get(pod, ("spec", field, int(index), "name"))
    return f"container {name}"
