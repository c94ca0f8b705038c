"""kubectl's last-applied annotation: left alone, or scrubbed of hidden fields (A.6.1)."""

from __future__ import annotations

from dataclasses import replace

import orjson

from webhook.model import AdmissionRequest, Json
from webhook.objects.paths import Path, get
from webhook.rules.hide.config import Config
from webhook.rules.hide.entries import ABSENT
from webhook.rules.hide.notes import Verb, Walk
from webhook.rules.hide.projection import project

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
PATH: Path = ("metadata", "annotations", LAST_APPLIED)
WRITTEN = frozenset((Verb.REMOVED, Verb.KEPT, Verb.SET))


def is_resent(request: AdmissionRequest) -> bool:
    """Tell whether the same manifest was applied before: the annotation is as it was stored."""
    text = get(request.object, PATH)
    return text is not None and text == get(request.old_object, PATH)


def scrubbed(value: Json, request: AdmissionRequest, walk: Walk, config: Config) -> Json:
    """Return the object with hidden fields taken out of the annotation, if that is configured."""
    if config.spec.last_applied != "scrub":
        return value
    text = get(value, PATH)
    if not isinstance(text, str) or WRITTEN.isdisjoint(note.verb for note in walk.notes):
        return value
    try:
        applied = orjson.loads(text)
    except orjson.JSONDecodeError:
        return value
    tree = config.trees[request.kind.group, request.kind.kind]
    clean = project(tree, applied, replace(walk, notes=[]))  # what it says, the object said
    if clean is applied or clean is ABSENT:
        return value
    annotations = {**value["metadata"]["annotations"], LAST_APPLIED: orjson.dumps(clean).decode()}
    return {**value, "metadata": {**value["metadata"], "annotations": annotations}}
