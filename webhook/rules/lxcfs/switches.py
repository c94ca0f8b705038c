"""Whether a Pod asks for lxcfs: labels of the Namespace, annotations of the Pod (C.4, steps 1, 2).

The Pod beats its Namespace, and "no" beats "yes" on the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webhook.model import NOTHING, Json
from webhook.objects.paths import Path, get
from webhook.rules.actors import ActorClass
from webhook.rules.lxcfs.config import Config
from webhook.rules.skips import MAY_OPT_OUT, read_switch

SWITCH, OPT_OUT, CONTAINERS = "lxcfs", "skip-lxcfs", "lxcfs-containers"
ALIASES = (("lxcfs-admission-webhook", "enabled"), ("mount-lxcfs", "enabled"))
"""Labels of denverdino/lxcfs-admission-webhook and cndoit18/lxcfs-on-kubernetes."""

_STATES = {"enabled": True, "disabled": False}


@dataclass(frozen=True, slots=True)
class Switch:
    """What the labels and annotations say; `containers` is None without a restriction."""

    is_on: bool
    containers: frozenset[str] | None
    warnings: tuple[str, ...]


def read_map(value: Json, path: Path) -> Mapping[str, Json]:
    """Return the map at the path, an empty one for anything else."""
    found = get(value, path)
    return found if isinstance(found, dict) else NOTHING


def read_switches(pod: Json, namespace: Json, actor: ActorClass, config: Config) -> Switch:
    """Return whether the Pod is to have mounts, for which containers, and what was written wrong.

    `actor` wrote the Pod: an opt-out of who may not is passed over.
    """
    annotations = read_map(pod, ("metadata", "annotations"))
    warnings: list[str] = []
    of_namespace = is_enabled(namespace, config, warnings)
    if of_namespace and actor not in MAY_OPT_OUT[config.settings.opt_out_by]:
        passed_over = opt_outs(annotations, config)
        warnings += [
            f"lxcfs: annotation {key} is ignored; {who_may(config)}" for key in passed_over
        ]
        annotations = {k: v for k, v in annotations.items() if k not in passed_over}
    of_pod = _of_pod(annotations, config, warnings)
    if of_pod and not of_namespace and not config.settings.allow_pod_opt_in:
        warnings.append(
            f"lxcfs: annotation {_key(config, SWITCH)} is ignored here; ask for the Namespace to be enabled"
        )
        of_pod = None
    names = annotations.get(_key(config, CONTAINERS))
    return Switch(
        of_namespace if of_pod is None else of_pod,
        _names(names) if isinstance(names, str) else None,
        tuple(warnings),
    )


def opt_outs(annotations: Mapping[str, Json], config: Config) -> tuple[str, ...]:
    """Return the annotations that leave the Pod, or some of its containers, out."""
    says_no = {
        OPT_OUT: read_switch(str(annotations.get(_key(config, OPT_OUT), ""))) is True,
        SWITCH: annotations.get(_key(config, SWITCH)) == "disabled",
        CONTAINERS: isinstance(annotations.get(_key(config, CONTAINERS)), str),
    }
    return tuple(_key(config, name) for name, is_said in says_no.items() if is_said)


def who_may(config: Config) -> str:
    """Return who may opt out, in words."""
    who = "operators" if config.settings.opt_out_by == "operator" else "the platform"
    return f"only {who} may opt out"


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _key(config: Config, name: str) -> str:
    return f"{config.prefix}/{name}"


def is_enabled(namespace: Json, config: Config, warnings: list[str]) -> bool:
    """Tell whether a Namespace takes part."""
    annotations = read_map(namespace, ("metadata", "annotations"))
    if _opts_out(annotations, config, "the Namespace's annotation", warnings):
        return False
    labels = read_map(namespace, ("metadata", "labels"))
    state = _STATES.get(str(labels.get(_key(config, SWITCH))))
    if state is not None:
        return state
    is_alias = any(labels.get(key) == value for key, value in ALIASES)
    return config.settings.default_enabled or (config.settings.aliases and is_alias)


def _of_pod(annotations: Mapping[str, Json], config: Config, warnings: list[str]) -> bool | None:
    """Return what the Pod says, None when it says nothing."""
    if _opts_out(annotations, config, "annotation", warnings):
        return False
    key = _key(config, SWITCH)
    text = annotations.get(key)
    if text is not None and text not in _STATES:
        warnings.append(f'lxcfs: annotation {key}: "{text}" is neither enabled nor disabled')
    return _STATES.get(str(text))


def _opts_out(
    annotations: Mapping[str, Json], config: Config, place: str, warnings: list[str]
) -> bool:
    key = _key(config, OPT_OUT)
    text = annotations.get(key)
    if text is None:
        return False
    switch = read_switch(str(text))
    if switch is None:
        warnings.append(f'lxcfs: {place} {key}: "{text}" is neither true nor false')
    return switch is True
