"""What Pods use: claims, Secrets, ConfigMaps, service accounts (platform-rules E.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webhook.model import Json
from webhook.objects.paths import get
from webhook.rules.protect.subjects import dicts_at

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_VOLUME_SECRETS = (
    "azureFile",
    "cephfs",
    "cinder",
    "flexVolume",
    "iscsi",
    "rbd",
    "scaleIO",
    "storageos",
)


def is_terminated(pod: Json) -> bool:
    """Tell whether a Pod has ended, well or not."""
    return get(pod, ("status", "phase")) in ("Succeeded", "Failed")


def uses_claim(pod: Json, name: str) -> bool:
    """Tell whether a Pod uses a claim, by name or as a generic ephemeral volume."""
    own = get(pod, ("metadata", "name"))
    return any(
        get(volume, ("persistentVolumeClaim", "claimName")) == name
        or ("ephemeral" in volume and f"{own}-{volume.get('name')}" == name)
        for volume in dicts_at(pod, ("spec", "volumes"))
    )


def uses_account(pod: Json, name: str) -> bool:
    """Tell whether a Pod runs as a service account."""
    return (get(pod, ("spec", "serviceAccountName")) or "default") == name


def names_used(spec: Json, kind: str) -> frozenset[str]:
    """Return the names of the Secrets or ConfigMaps that a Pod spec refers to."""
    found = _secrets(spec) if kind == "Secret" else _config_maps(spec)
    return frozenset(name for name in found if isinstance(name, str))


def names_named(value: Json, kind: str) -> frozenset[str]:
    """Return the names of the Secrets that an Ingress or a ServiceAccount names."""
    if kind == "Ingress":
        found = [one.get("secretName") for one in dicts_at(value, ("spec", "tls"))]
    else:
        fields = ("secrets", "imagePullSecrets")
        found = [one.get("name") for field in fields for one in dicts_at(value, (field,))]
    return frozenset(name for name in found if isinstance(name, str))


def _secrets(spec: Json) -> Iterator[Any]:
    for one in dicts_at(spec, ("imagePullSecrets",)):
        yield one.get("name")
    for volume in dicts_at(spec, ("volumes",)):
        yield get(volume, ("secret", "secretName"))
        for source in _VOLUME_SECRETS:
            yield get(volume, (source, "secretRef", "name"))
            yield get(volume, (source, "secretName"))
        yield get(volume, ("csi", "nodePublishSecretRef", "name"))
    yield from _from_projections(spec, "secret")
    yield from _from_containers(spec, "secretRef", "secretKeyRef")


def _config_maps(spec: Json) -> Iterator[Any]:
    for volume in dicts_at(spec, ("volumes",)):
        yield get(volume, ("configMap", "name"))
    yield from _from_projections(spec, "configMap")
    yield from _from_containers(spec, "configMapRef", "configMapKeyRef")


def _from_projections(spec: Json, source: str) -> Iterator[Any]:
    for volume in dicts_at(spec, ("volumes",)):
        for one in dicts_at(volume, ("projected", "sources")):
            yield get(one, (source, "name"))


def _from_containers(spec: Json, reference: str, key_reference: str) -> Iterator[Any]:
    for container in (one for field in _CONTAINERS for one in dicts_at(spec, (field,))):
        for source in dicts_at(container, ("envFrom",)):
            yield get(source, (reference, "name"))
        for entry in dicts_at(container, ("env",)):
            yield get(entry, ("valueFrom", key_reference, "name"))
