"""The mounts and volumes that a Pod lacks (C.5: containers, files, volumes).

Decides by paths, never by markers, so that on its own result it finds nothing to do. What the
developer mounted stays; everything of ours is appended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import normpath

from webhook.model import Json
from webhook.objects.paths import Path
from webhook.rules.lxcfs.config import Config, Source
from webhook.rules.lxcfs.skipping import is_container_skipped, is_init_skipped, maps

LISTS = ("containers", "initContainers")


@dataclass(frozen=True, slots=True)
class Note:
    """What was done to one container: files mounted, files kept from elsewhere, files covered.

    A file is covered when the container mounts something above or below it.
    """

    path: Path
    container: str
    mounted: tuple[str, ...]
    kept: tuple[str, ...]
    covered: tuple[str, ...]


@dataclass(slots=True)
class Mounting:
    """What is to be mounted: by list and index the new mounts, and the new volumes.

    `present` counts the mounts that were there already with the same source.
    """

    volumes: list[Json] = field(default_factory=list)
    mounts: dict[tuple[str, int], list[Json]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    present: int = 0


def plan_mounts(spec: Mapping[str, Json], only: frozenset[str] | None, config: Config) -> Mounting:
    """Return what the containers of a Pod lack; `only` restricts to containers with these names."""
    made = Mounting()
    for name, index, container in _containers(spec, config):
        if only is None or container.get("name") in only:
            _plan_container(spec, (name, index), container, config, made)
    return made


def _containers(
    spec: Mapping[str, Json], config: Config
) -> Iterator[tuple[str, int, Mapping[str, Json]]]:
    for name in LISTS:
        elements = spec.get(name)
        for index, container in enumerate(elements if isinstance(elements, list) else ()):
            if not isinstance(container, dict) or is_container_skipped(container, config):
                continue
            if name == "containers" or not is_init_skipped(container, config):
                yield name, index, container


def _plan_container(
    spec: Mapping[str, Json],
    place: tuple[str, int],
    container: Mapping[str, Json],
    config: Config,
    made: Mounting,
) -> None:
    existing = {_clean(one.get("mountPath")): one for one in maps(container.get("volumeMounts"))}
    if "/proc" in existing:  # C-08: what shows another /proc should not show a mixture
        return
    mounted: list[str] = []
    kept: list[str] = []
    covered: list[str] = []
    for source in config.sources:
        found = existing.get(source.mount_path)
        if found is not None and _origin(found, spec) == source.host_path:
            made.present += 1
        elif found is not None:
            kept.append(source.mount_path)
        elif _overlaps(source.mount_path, existing):
            covered.append(source.mount_path)
        else:
            mount = source.mount(_volume_name(source, spec, made.volumes))
            made.mounts.setdefault(place, []).append(mount)
            mounted.append(source.mount_path)
    name = str(container.get("name", ""))
    note = Note(("spec", *place), name, tuple(mounted), tuple(kept), tuple(covered))
    made.notes.append(note)


def _clean(path: Json) -> str:
    return normpath(f"/{path.lstrip('/')}") if isinstance(path, str) else ""


def _origin(mount: Mapping[str, Json], spec: Mapping[str, Json]) -> str:
    """Return the path on the node that a mount shows, "" when it shows none."""
    for volume in maps(spec.get("volumes")):
        if volume.get("name") == mount.get("name"):
            source = volume.get("hostPath")
            path = source.get("path") if isinstance(source, dict) else None
            return _clean(f"{path}/{mount.get('subPath') or ''}") if path else ""
    return ""


def _overlaps(path: str, existing: Mapping[str, Json]) -> bool:
    """Tell whether something is mounted above or below the path."""
    return any(
        path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in existing if other
    )


def _volume_name(source: Source, spec: Mapping[str, Json], added: list[Json]) -> str:
    """Return the name of a volume with the source; add one unless there is one that fits."""
    volumes = [*maps(spec.get("volumes")), *added]
    reusable = next((one for one in volumes if _fits(one, source)), None)
    if reusable is not None:
        return str(reusable["name"])
    taken = {one.get("name") for one in volumes}
    names: Sequence[str] = (source.volume_name, *source.hashed_names)
    name = next((one for one in names if one not in taken), names[-1])
    added.append(source.volume(name))
    return name


def _fits(volume: Mapping[str, Json], source: Source) -> bool:
    """Tell whether a volume shows the source and is checked at least as ours would be."""
    found = volume.get("hostPath")
    if not isinstance(found, dict) or not isinstance(volume.get("name"), str):
        return False
    kind = found.get("type") or ""
    is_checked = kind == source.host_type or (
        not source.host_type and kind in ("File", "Directory")
    )
    return is_checked and _clean(found.get("path")) == source.host_path
