"""Judge writes to protected objects: the label itself, and what loses things without a deletion.

Platform-rules E.4 (values), E.6 (who may remove the label), E.7 (indirect losses).
"""

from __future__ import annotations

from collections.abc import Iterator

from webhook.model import AdmissionRequest, Json
from webhook.objects.equality import same
from webhook.objects.paths import Path, dotted, get
from webhook.objects.workloads import templates
from webhook.rules.actors import ActorClass, classify
from webhook.rules.protect.config import ALIAS, LEVELS, Config, Level
from webhook.rules.protect.counting import count_of
from webhook.rules.protect.identities import owns
from webhook.rules.protect.judging import Denial, contact
from webhook.rules.protect.kinds import Key
from webhook.rules.protect.levels import Source, label_level
from webhook.rules.protect.scaling import replicas_of, scale_denial
from webhook.rules.protect.subjects import Subject, dicts_at

CHANGED = object()
_STATEFUL_SETS: tuple[Key, ...] = (("apps", "StatefulSet"), ("apps.kruise.io", "StatefulSet"))
_RETENTION = ("spec", "persistentVolumeClaimRetentionPolicy")

FORBIDDEN: tuple[tuple[tuple[Key, ...], Path, str, str | None], ...] = (
    (_STATEFUL_SETS, (*_RETENTION, "whenDeleted"), "Delete", None),
    (_STATEFUL_SETS, (*_RETENTION, "whenScaled"), "Delete", None),
    ((("", "PersistentVolume"),), ("spec", "persistentVolumeReclaimPolicy"), "Delete", "Retain"),
)
"""Kinds, field, the value that nobody may set, and from which one (None: any)."""

WARNED: tuple[tuple[tuple[Key, ...], Path, object], ...] = (
    (
        (("apps", "DaemonSet"), ("apps.kruise.io", "DaemonSet")),
        ("spec", "template", "spec", "nodeSelector"),
        CHANGED,
    ),
    ((("", "Service"),), ("spec", "selector"), CHANGED),
    ((("batch", "CronJob"), ("batch", "Job")), ("spec", "suspend"), True),
    ((("batch", "Job"), ("apps.kruise.io", "BroadcastJob")), ("spec", "parallelism"), 0),
    ((), ("spec", "paused"), True),
)
"""Kinds (none: all), field, and the new value that is worth a warning."""


def label_denials(
    request: AdmissionRequest, new: Subject, old: Subject, config: Config
) -> Iterator[Denial]:
    """Yield what is wrong with the protection label as it is written now."""
    written = new.labels.get(config.names.level)
    if written is not None and written not in LEVELS and written != _stored(old, config):
        text = (
            f"{new.title}: label {config.names.level} must be Always or Cascading, not {written!r}"
        )
        yield Denial("InvalidLevel", f"{text}.")
    before, after = label_level(old.labels, config), label_level(new.labels, config)
    if after < before and not owns(request, old, config) and not _may_remove(request, config):
        text = f"{old.title} is protected ({before.text}), and you may not remove or weaken that"
        yield Denial("NeedsApprover", f"{text}. Ask {contact(config)}.", before)


def loss_denials(
    request: AdmissionRequest,
    new: Subject,
    old: Subject,
    found: tuple[Source, ...],
    config: Config,
) -> Iterator[Denial]:
    """Yield what would lose something although nothing is deleted; `found` protects the old one."""
    if not found:
        return
    replicas = replicas_of(old, old.value, config), replicas_of(new, new.value, config)
    scaled = scale_denial(request, old, found, replicas, config)
    if scaled is not None:
        yield scaled
    for kinds, path, value, former in FORBIDDEN:
        before = get(old.value, path)
        if old.key not in kinds or get(new.value, path) != value or before == value:
            continue
        if former is None or before == former:
            level = found[0].level
            text = f"{old.title} is protected ({level.text}): {dotted(path)} may not become {value}"
            yield Denial("Always", f"{text}. Leave it, or ask {contact(config)}.", level)


def write_warnings(
    new: Subject, old: Subject, found: tuple[Source, ...], config: Config
) -> Iterator[str]:
    """Yield what is allowed but may not be meant."""
    yield from _label_warnings(new, old, config)
    if not found or old.value is None:
        return
    for kinds, path, value in WARNED:
        if (not kinds or old.key in kinds) and _became(old.value, new.value, path, value):
            yield f"protect: {dotted(path)} of the protected {old.title} changes"
    known = {one.get("uid") for one in dicts_at(old.value, ("metadata", "ownerReferences"))}
    for owner in dicts_at(new.value, ("metadata", "ownerReferences")):
        if owner.get("uid") not in known:
            name = f"{owner.get('kind')}/{owner.get('name')}"
            yield f"protect: {old.title} gets the owner {name}, with which it would be deleted"
    for version in sorted(_served(old.value) - _served(new.value)):
        if version in (get(old.value, ("status", "storedVersions")) or []):
            yield f"protect: version {version} goes, but objects may be stored in it"


def _stored(old: Subject, config: Config) -> object:
    return old.labels.get(config.names.level)


def _may_remove(request: AdmissionRequest, config: Config) -> bool:
    """Tell whether the mode lets this user remove the label at all."""
    mode = config.settings.on_remove.mode
    if mode == "approver":
        return config.approvers.contain(request.user_info)
    if mode == "denyDevelopers":
        refused = {ActorClass.DEVELOPER, ActorClass.DELEGATE}
        return classify(request.user_info, config.actors) not in refused
    return True


def _label_warnings(new: Subject, old: Subject, config: Config) -> Iterator[str]:
    alias = new.labels.get(ALIAS)
    if alias is not None and alias not in LEVELS and alias != old.labels.get(ALIAS):
        yield f"protect: {ALIAS}={alias} protects nothing; use Always or Cascading"
    level = label_level(new.labels, config)
    if (
        level is Level.CASCADING
        and count_of(new, config) is None
        and label_level(old.labels, config) != level
    ):
        yield f"protect: Cascading means Always for {new.kind}: there is nothing to count"
    labels = template_labels(new.key, new.value, config)
    if labels and labels - template_labels(old.key, old.value, config):
        yield "protect: the protection label in the template protects each Pod, not the workload"


def template_labels(key: Key, value: Json, config: Config) -> set[tuple[str, str]]:
    """Return the protection labels in the templates of a workload, with their values."""
    row = config.actors.kinds.find(*key)
    if row is None or row.kind == "Pod":
        return set()
    found: set[tuple[str, str]] = set()
    for one in templates(row, value):
        labels = one.metadata.get("labels")
        if isinstance(labels, dict):
            names = (config.names.level, ALIAS)
            found.update((name, str(labels[name])) for name in names if name in labels)
    return found


def _became(old: Json, new: Json, path: Path, value: object) -> bool:
    before, after = get(old, path), get(new, path)
    if value is CHANGED:
        return not same(before, after)
    return after == value and before != value and type(after) is type(value)


def _served(value: Json) -> set[str]:
    versions = dicts_at(value, ("spec", "versions"))
    return {str(one.get("name")) for one in versions if one.get("served") is True}
