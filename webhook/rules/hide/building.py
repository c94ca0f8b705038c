"""Accepted HiddenFields documents → the Config of the one that is in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from webhook.documents import Item
from webhook.model import ConfigError, Platform
from webhook.objects.paths import parse_guard
from webhook.objects.workloads import workload_kind
from webhook.rules.actors import Actors
from webhook.rules.hide.catalogue import CATALOGUE, entry
from webhook.rules.hide.config import KINDS, Config, treated_kinds
from webhook.rules.hide.entries import KEEPING, PRESETS, Entry, Treatment
from webhook.rules.hide.fields import CONTAINER_FIELDS, POD_FIELDS
from webhook.rules.hide.settings import CatalogueEntry, HiddenFieldsDocument, HiddenFieldsSpec
from webhook.rules.hide.tree import EPHEMERAL, Trees, compile_tree

RESIZED = ("$containers[*].resources", "$pod.resources")
"""Paths of entries about what the sub-resource `resize` of a Pod may change (A.9)."""


def build(
    items: tuple[Item, ...], actors: Actors, platform: Platform
) -> tuple[Config, tuple[ConfigError, ...]]:
    """Return the configuration of rule A; every item has passed `parse`.

    One document is in force: the first by name that is not off. Another one is an error.
    """
    found = [(item, HiddenFieldsDocument.model_validate_json(item.text).spec) for item in items]
    found.sort(key=lambda pair: (pair[1].phase == "off", pair[0].name))
    (item, spec), *others = found
    config = configure(item.name, spec, actors, platform)
    message = f"{item.name} is in force already, and only one can be; set phase: off in one of them"
    errors = (other.error(("spec",), message) for other, its in others if its.phase != "off")
    return config, tuple(errors)


def configure(name: str, spec: HiddenFieldsSpec, actors: Actors, platform: Platform) -> Config:
    """Return the configuration that the settings of one document mean."""
    entries = tuple(
        replace(one, path=one.path.replace('["PFX/', f'["{platform.prefix}/'))
        for one in catalogue_of(spec)
    )
    containers = [one for one in entries if one.path.startswith("$containers")]
    resources = [one for one in entries if one.path.startswith(RESIZED)]
    pod = workload_kind("", "Pod") or KINDS[0]
    kinds = treated_kinds(actors.kinds)
    return Config(
        name=name,
        spec=spec,
        actors=actors,
        prefix=platform.prefix,
        entries=entries,
        kinds=kinds,
        by_resource={(one.group, one.resource): one for one in kinds},
        trees=Trees(kinds, entries),
        ephemeral=compile_tree(pod, containers, (EPHEMERAL,)),
        resize=compile_tree(pod, resources),
        has_guards=any(one.guards for one in entries),
        may_freeze=spec.freeze_autoscaled or any(_freezes(one) for one in entries),
    )


def catalogue_of(spec: HiddenFieldsSpec) -> tuple[Entry, ...]:
    """Return the entries of a document, its own before the default ones."""
    own = tuple(own_entry(one) for one in spec.catalogue)
    default = CATALOGUE if spec.extends == "default" else ()
    return (*own, *_infra(spec), *_limits(spec), *default, *_unknown(spec))


def own_entry(given: CatalogueEntry) -> Entry:
    """Return one configured entry with its treatments."""
    create, update = PRESETS[given.preset or "hide"]
    create = Treatment(given.create) if given.create else create
    update = Treatment(given.update) if given.update else update
    shown = given.show_value
    if shown is None:
        shown = isinstance(given.value, bool | int | float)
    return Entry(
        path=given.path,
        owner=given.owner,
        create=create,
        update=update,
        kinds=given.kinds,
        value=given.value,
        reason=given.reason or "set by the platform team",
        show_value=shown,
        namespaces=given.namespaces,
        guards=tuple(map(parse_guard, given.when)),
    )


def _infra(spec: HiddenFieldsSpec) -> Iterator[Entry]:
    lists = (
        ("$pod.containers", spec.infra_containers),
        ("$pod.initContainers", spec.infra_containers),
        ("$pod.volumes", spec.infra_volumes),
        ("$pod.imagePullSecrets", spec.infra_pull_secrets),
    )
    for path, names in lists:
        for name in names:
            yield entry(f'{path}[name="{name}"]', "I", "restore", "belongs to the platform")


def _limits(spec: HiddenFieldsSpec) -> Iterator[Entry]:
    limit = spec.max_termination_grace_period_seconds
    if limit is not None:
        path = "$pod.terminationGracePeriodSeconds"
        yield entry(path, "O", "cap", "upper limit", value=limit, show_value=True)


def _unknown(spec: HiddenFieldsSpec) -> Iterator[Entry]:
    """Yield entries for fields that this version does not know, and keep the known ones open."""
    if spec.unknown_field == "allow":
        return
    preset = "advise" if spec.unknown_field == "warn" else "hide"
    for root, fields in (("$pod", POD_FIELDS), ("$containers[*]", CONTAINER_FIELDS)):
        yield entry(f"{root}.*", "I", preset, "unknown field")
        for name in sorted(fields):
            yield entry(f"{root}.{name}", "D", "open", "known field")


def _freezes(one: Entry) -> bool:
    return one.path == "spec.replicas" and one.update not in KEEPING and one.owner != "D"
