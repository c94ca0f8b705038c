"""The object that a decision is about, and short ways to its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from webhook.model import NOTHING, AdmissionRequest, Json
from webhook.objects.paths import Path, get


@dataclass(frozen=True, slots=True)
class Subject:
    """One object with its kind; `namespace` is "" for cluster-scoped ones and Namespaces.

    `labels` and `annotations` are empty when there are none; anything but texts is left out.
    """

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    value: Json
    labels: Mapping[str, str] = field(init=False, compare=False, repr=False)
    annotations: Mapping[str, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Read labels and annotations once, since every step asks for them."""
        object.__setattr__(self, "labels", texts_at(self.value, "labels"))
        object.__setattr__(self, "annotations", texts_at(self.value, "annotations"))

    @property
    def key(self) -> tuple[str, str]:
        """(group, kind)."""
        return self.group, self.kind

    @property
    def uid(self) -> str:
        """The object's uid."""
        return str(get(self.value, ("metadata", "uid")) or "")

    @property
    def title(self) -> str:
        """How messages name the object: `Deployment shop/web`, `Namespace shop`."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"

    @property
    def is_going(self) -> bool:
        """Whether the object is on its way out already."""
        return get(self.value, ("metadata", "deletionTimestamp")) is not None


def texts_at(value: Json, field: str) -> Mapping[str, str]:
    """Return the labels or annotations of an object; anything but texts counts as none."""
    found = get(value, ("metadata", field))
    if not isinstance(found, dict):
        return NOTHING
    return {key: one for key, one in found.items() if isinstance(one, str)}


def metadata_of(value: Json) -> Mapping[str, Any]:
    """Return the metadata of an object; anything but a map counts as none."""
    found = get(value, ("metadata",))
    return found if isinstance(found, dict) else NOTHING


def subject_of(request: AdmissionRequest, value: Json) -> Subject:
    """Return the subject of a request; its name from the stored object when need be (F-10)."""
    kind = request.kind
    metadata = metadata_of(value)
    generated = metadata.get("generateName")
    name = metadata.get("name") or (f"{generated}*" if generated else request.name)
    namespace = "" if (kind.group, kind.kind) == ("", "Namespace") else request.namespace
    return Subject(kind.group, kind.version, kind.kind, namespace, str(name), value)


def object_subject(value: Json, api_version: str, kind: str) -> Subject:
    """Return the subject of an object that the cluster answered with."""
    group, _, version = api_version.rpartition("/")
    metadata = metadata_of(value)
    namespace, name = metadata.get("namespace") or "", metadata.get("name") or ""
    return Subject(group, version, kind, str(namespace), str(name), value)


def number_at(value: Json, path: Path, default: int = 0) -> int:
    """Return the whole number at a path, the default where there is none."""
    found = get(value, path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def dicts_at(value: Json, path: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    """Return the maps of the list at a path."""
    found = get(value, path)
    return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()
