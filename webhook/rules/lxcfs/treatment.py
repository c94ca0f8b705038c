"""Rule C on a request: files of lxcfs into the containers of a new Pod.

Touches volumes, volumeMounts, node affinity where the document asks for it, and a marker
annotation. Only on Pod CREATE, whoever creates; never templates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from webhook.model import (
    NOTHING,
    Action,
    AdmissionRequest,
    Facts,
    Json,
    Outcome,
    Unavailable,
    Violation,
)
from webhook.objects.paths import dotted
from webhook.rules.actors import acting_class
from webhook.rules.lxcfs.config import Config
from webhook.rules.lxcfs.mounting import LISTS, Mounting, plan_mounts
from webhook.rules.lxcfs.placing import affinity_for
from webhook.rules.lxcfs.skipping import Skip, maps, skip_of
from webhook.rules.lxcfs.switches import CONTAINERS, SWITCH, Switch, read_map, read_switches
from webhook.rules.messages import audit_text, limited
from webhook.rules.skips import is_skipped

MARKER = "injected-lxcfs"
SKIPPED = "lxcfs: skipped, "
"""How the warning about a Pod that is left alone begins."""

_ACTIONS = {"enforce": Action.DENY, "warn": Action.WARN, "audit": Action.AUDIT}


def mutate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Return the Pod with the mounts that it lacks; may raise NeedFacts (the Namespace)."""
    if config.settings.phase == "off" or not _creates_pod(request) or is_skipped(request):
        return Outcome(request.object)
    namespace = facts.namespace(request.namespace)
    if isinstance(namespace, Unavailable):
        reason = f"cannot read Namespace {request.namespace}"
        return _skipped(request, Skip(reason), (), config)
    actor = acting_class(request.user_info, config.actors)
    switch = read_switches(request.object, namespace, actor, config)
    if not switch.is_on:
        return Outcome(request.object, warnings=_warnings(config, switch.warnings))
    skip = skip_of(request.object, namespace, request.namespace, config)
    if skip is not None:
        return _skipped(request, skip, switch.warnings, config)
    return _mounted(request, switch, config)


def _creates_pod(request: AdmissionRequest) -> bool:
    is_pod = (request.kind.group, request.kind.kind) == ("", "Pod")
    return is_pod and request.operation == "CREATE" and not request.sub_resource


def _warnings(config: Config, texts: Sequence[str]) -> tuple[str, ...]:
    return () if config.settings.phase == "audit" else limited("lxcfs", texts)


def _skipped(
    request: AdmissionRequest, skip: Skip, warnings: Sequence[str], config: Config
) -> Outcome:
    """Leave the Pod alone, or refuse it, and say why."""
    violations: tuple[Violation, ...] = ()
    texts = list(warnings)
    if skip.is_denied:
        what = f"ask for an exemption or set annotation {config.prefix}/{SWITCH}: disabled"
        violations = (violation(config, f"lxcfs: {skip.reason}; {what}"),)
    if skip.is_warned and not (skip.is_denied and config.settings.phase == "enforce"):
        texts.append(f"{SKIPPED}{skip.reason}")
    return Outcome(
        request.object,
        violations=violations,
        warnings=_warnings(config, texts),
        audit_annotations=_annotation(
            [{"treatment": "denied" if skip.is_denied else "skipped", "reason": skip.reason}],
            config,
        ),
    )


def violation(config: Config, message: str) -> Violation:
    """Return what the phase makes of something that must not be."""
    action = _ACTIONS[config.settings.phase]
    return Violation("lxcfs", message, action, policy=config.document)


def _annotation(entries: Sequence[Json], config: Config) -> Mapping[str, str]:
    phase = config.settings.phase
    if phase != "enforce":
        entries = [{**entry, "phase": phase} for entry in entries]
    return {"lxcfs": audit_text(entries)} if entries else NOTHING


def _mounted(request: AdmissionRequest, switch: Switch, config: Config) -> Outcome:
    spec = read_map(request.object, ("spec",))
    made = plan_mounts(spec, switch.containers, config)
    texts = [*switch.warnings, *_unknown_names(spec, switch, config), *_kept_texts(made)]
    changed = _changed(request.object, spec, made, config)
    is_changed = changed is not request.object
    if not is_changed or config.settings.phase == "enforce":
        return Outcome(
            changed,
            warnings=_warnings(config, texts),
            audit_annotations=_annotation(_entries(made), config),
            mutated_by=(config.document,) if is_changed else (),
        )
    files = sum(len(note.mounted) for note in made.notes)
    text = f"lxcfs: document {config.name} (phase {config.settings.phase}) would add {files} mounts"
    return Outcome(
        request.object,
        violations=(violation(config, text),),
        warnings=_warnings(config, [*texts, text]),
        audit_annotations=_annotation(_entries(made), config),
    )


def _unknown_names(spec: Mapping[str, Json], switch: Switch, config: Config) -> list[str]:
    """Return a warning for each name in the restriction that no container has (C-27)."""
    known = {one.get("name") for name in LISTS for one in maps(spec.get(name))}
    key = f"{config.prefix}/{CONTAINERS}"
    unknown = sorted((switch.containers or frozenset()) - known)
    return [f"lxcfs: annotation {key}: no container is called {name}" for name in unknown]


def _kept_texts(made: Mounting) -> list[str]:
    return [
        f"lxcfs: container {note.container}: own mounts kept at {', '.join(note.kept)}"
        for note in made.notes
        if note.kept
    ]


def _entries(made: Mounting) -> list[Json]:
    return [
        {"path": dotted(note.path), "treatment": treatment, "files": files}
        for note in made.notes
        for treatment, files in (
            ("mounted", note.mounted),
            ("kept", note.kept),
            ("covered", note.covered),
        )
        if files
    ]


def _changed(pod: Json, spec: Mapping[str, Json], made: Mounting, config: Config) -> Json:
    """Return the Pod with everything that was planned; the same object when that is nothing."""
    changes: dict[str, Json] = {}
    for name in LISTS:
        if any(place[0] == name for place in made.mounts):
            changes[name] = [
                _with_mounts(one, made.mounts.get((name, index)))
                for index, one in enumerate(spec[name])
            ]
    if made.volumes:
        changes["volumes"] = [*(spec.get("volumes") or ()), *made.volumes]
    if made.mounts or made.present:
        affinity = affinity_for(spec, config)
        if affinity is not spec.get("affinity"):
            changes["affinity"] = affinity
    if not changes:
        return pod
    return _with_marker({**pod, "spec": {**spec, **changes}}, config)


def _with_mounts(container: Json, mounts: list[Json] | None) -> Json:
    if not mounts:
        return container
    return {**container, "volumeMounts": [*(container.get("volumeMounts") or ()), *mounts]}


def _with_marker(pod: Json, config: Config) -> Json:
    if not config.settings.marker:
        return pod
    metadata = read_map(pod, ("metadata",))
    text = f"{config.settings.profile}@{config.generation}"
    annotations = {
        **read_map(metadata, ("annotations",)),
        f"{config.prefix}/{MARKER}": text,
    }
    return {**pod, "metadata": {**metadata, "annotations": annotations}}
