"""Template stability (platform-rules 0.7): which constraints are ours, and what is no change.

Ours has the form that this rule writes, in a workload with our annotation, and nobody owns it in
`managedFields`: what a webhook adds has no owner (F-01). Lists that are owned whole say nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from webhook.model import Json
from webhook.objects.paths import Path, get
from webhook.objects.workloads import Template
from webhook.rules.spread.existing import ANTI_PREFERRED, ANTI_REQUIRED, CONSTRAINTS
from webhook.rules.spread.likeness import alike, holds
from webhook.rules.spread.nodes import maps
from webhook.rules.spread.writing import Elements, without
from webhook.rules.unowned import has_another_text, lacks_only_unowned

MARKER = "spread"
_FIELDS = frozenset((
    "labelSelector", "matchLabelKeys", "maxSkew", "minDomains", "nodeTaintsPolicy", "topologyKey",
    "whenUnsatisfiable",
))  # fmt: skip
_CONTAINERS = "containers"
_TERM = frozenset(("labelSelector", "topologyKey"))


def marker_path(prefix: str) -> Path:
    """Return where a workload says by which policy it was changed."""
    return ("metadata", "annotations", f"{prefix}/{MARKER}")


def ours(
    template: Template, value: Json, selector: Mapping[str, Json] | None, prefix: str
) -> Elements:
    """Return the elements of a stored template that this rule added."""
    if get(value, marker_path(prefix)) is None:
        return {}
    terms = maps(get(template.spec, ANTI_REQUIRED))
    wishes = maps(get(template.spec, ANTI_PREFERRED))
    return {
        CONSTRAINTS: list(_our_constraints(template, value, selector)),
        ANTI_REQUIRED: [one for one in terms if _is_our_term(one, selector)],
        ANTI_PREFERRED: [
            one for one in wishes if _is_our_term(one.get("podAffinityTerm"), selector)
        ],
    }


def _our_constraints(
    template: Template, value: Json, selector: Mapping[str, Json] | None
) -> Iterator[Mapping[str, Json]]:
    managed = _managed_constraints(template, value)
    for one in maps(get(template.spec, CONSTRAINTS)):
        is_formed = one.keys() <= _FIELDS and alike(one.get("labelSelector"), selector)
        if is_formed and not _is_owned(one, managed):
            yield one


def _managed_constraints(template: Template, value: Json) -> list[Mapping[str, Json]]:
    """Return what each manager owns of the list, element by element; most own none of it."""
    path = tuple(f"f:{step}" for step in (*template.path, "spec", *CONSTRAINTS))
    entries = maps(get(value, ("metadata", "managedFields")))
    return maps([get(entry.get("fieldsV1"), path) for entry in entries])


def _is_our_term(term: Json, selector: Mapping[str, Json] | None) -> bool:
    if not isinstance(term, dict) or term.keys() != _TERM:
        return False
    return alike(term["labelSelector"], selector)


def _is_owned(constraint: Mapping[str, Json], managed: Sequence[Mapping[str, Json]]) -> bool:
    if not managed:
        return False
    pair = {key: constraint.get(key) for key in ("topologyKey", "whenUnsatisfiable")}
    key = f"k:{json.dumps(pair, separators=(',', ':'))}"
    return any(fields.get(key) is not None for fields in managed)


def is_unchanged(incoming: Template, stored: Template, added: Elements, value: Json) -> bool:
    """Tell whether the template is the stored one, but for what webhooks had added to it.

    `value` is the stored workload. What this rule added is known by its form, too.
    """
    containers = [{_CONTAINERS: one.spec.get(_CONTAINERS)} for one in (incoming, stored)]
    if has_another_text(*containers) or not alike(incoming.metadata, stored.metadata):
        return False
    if alike(incoming.spec, stored.spec):
        return True
    lacking = {
        path: [one for one in elements if not holds(maps(get(incoming.spec, path)), one)]
        for path, elements in added.items()
    }
    rest = without(stored.spec, lacking) if any(lacking.values()) else stored.spec
    if rest is not stored.spec and alike(incoming.spec, rest):
        return True
    return lacks_only_unowned(incoming.spec, rest, (*stored.path, "spec"), value)
