"""Fields of a Pod that go together (platform-rules A.5.3): when one was changed, the other follows.

Applied once, to the treated template. Fields with entries of their own (the aliases of the service
account, what belongs to the type of a Service) are coupled by having the same treatment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from webhook.model import Json
from webhook.objects.equality import same
from webhook.objects.paths import get
from webhook.rules.hide.notes import as_map

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")
MOUNTS = (("volumeMounts", "name"), ("volumeDevices", "name"))


def with_couplings(new: Json, treated: Json, old: Json, *, is_pod: bool) -> Json:
    """Return the treated template (or Pod) with what follows from the changes."""
    before, after = as_map(get(new, ("spec",))), as_map(get(treated, ("spec",)))
    if after is before or not after:
        return treated
    spec = dict(after)
    stored = as_map(get(old, ("spec",)))
    if any(spec.get(field) is not before.get(field) for field in CONTAINER_LISTS):
        _return_volumes(spec, before, stored)
    if spec.get("volumes") is not before.get("volumes"):
        _drop_mounts(spec, before, stored)
    _leave_host_network(spec, before)
    _drop_mount_masks(spec, before)
    if is_pod:
        _recompute(spec, before)
    is_same = spec.keys() == after.keys() and all(spec[key] is after[key] for key in spec)
    return treated if is_same else {**treated, "spec": spec}


def _names(elements: Json) -> set[str]:
    found = elements if isinstance(elements, list) else []
    return {str(get(one, ("name",))) for one in found}


def _containers(spec: Mapping[str, Json]) -> Iterator[tuple[str, int, dict[str, Json]]]:
    for field in CONTAINER_LISTS:
        elements = spec.get(field)
        for at, one in enumerate(elements if isinstance(elements, list) else ()):
            if isinstance(one, dict):
                yield field, at, one


def _mounted(container: Mapping[str, Json]) -> Iterator[str]:
    for field, key in MOUNTS:
        elements = container.get(field)
        for one in elements if isinstance(elements, list) else ():
            yield str(get(one, (key,)))


def _return_volumes(
    spec: dict[str, Json], before: Mapping[str, Json], stored: Mapping[str, Json]
) -> None:
    """Bring the stored volumes of containers back that were themselves brought back (A-09)."""
    written = {str(one.get("name")) for _, _, one in _containers(before)}
    returned = [one for _, _, one in _containers(spec) if str(one.get("name")) not in written]
    known = _names(spec.get("volumes"))
    wanted = {name for one in returned for name in _mounted(one)} - known
    volumes = stored.get("volumes")
    lost = [
        one
        for one in (volumes if isinstance(volumes, list) and wanted else ())
        if str(get(one, ("name",))) in wanted
    ]
    if lost:
        spec["volumes"] = [*(spec.get("volumes") or ()), *lost]


def _drop_mounts(
    spec: dict[str, Json], before: Mapping[str, Json], stored: Mapping[str, Json]
) -> None:
    """Remove the mounts of removed volumes, but not from containers that are as stored."""
    removed = _names(before.get("volumes")) - _names(spec.get("volumes"))
    if not removed:
        return
    kept = [one for _, _, one in _containers(stored)]
    for field, at, container in list(_containers(spec)):
        if container not in kept and not removed.isdisjoint(_mounted(container)):
            _put_container(spec, field, at, _without_mounts(container, removed))


def _without_mounts(container: Mapping[str, Json], removed: set[str]) -> dict[str, Json]:
    made = dict(container)
    for field, key in MOUNTS:
        elements = made.get(field)
        if isinstance(elements, list):
            kept = [one for one in elements if str(get(one, (key,))) not in removed]
            if len(kept) < len(elements):
                made[field] = kept
            if elements and not kept:
                del made[field]
    return made


def _put_container(spec: dict[str, Json], field: str, at: int, container: Json) -> None:
    spec[field] = [container if i == at else one for i, one in enumerate(spec[field])]


def _leave_host_network(spec: dict[str, Json], before: Mapping[str, Json]) -> None:
    """Take back what the API server derived from `hostNetwork: true`, when that was removed."""
    if before.get("hostNetwork") is not True or spec.get("hostNetwork") is True:
        return
    if spec.get("dnsPolicy") == "ClusterFirstWithHostNet":
        del spec["dnsPolicy"]
    for field, at, container in list(_containers(spec)):
        ports = container.get("ports")
        if isinstance(ports, list):
            changed = [_without_host_port(one) for one in ports]
            _put_container(spec, field, at, {**container, "ports": changed})


def _without_host_port(port: Json) -> Json:
    if not isinstance(port, dict) or port.get("hostPort") != port.get("containerPort"):
        return port
    return {key: one for key, one in port.items() if key != "hostPort"}


def _drop_mount_masks(spec: dict[str, Json], before: Mapping[str, Json]) -> None:
    """Remove `procMount` of a container that lost `privileged`."""
    was_privileged = {
        str(one.get("name"))
        for _, _, one in _containers(before)
        if get(one, ("securityContext", "privileged")) is True
    }
    for field, at, container in list(_containers(spec)) if was_privileged else ():
        security = as_map(container.get("securityContext"))
        is_lost = str(container.get("name")) in was_privileged and not security.get("privileged")
        if is_lost and "procMount" in security:
            rest = {key: one for key, one in security.items() if key != "procMount"}
            others = {key: one for key, one in container.items() if key != "securityContext"}
            made = {**container, "securityContext": rest} if rest else others
            _put_container(spec, field, at, made)


def _recompute(spec: dict[str, Json], before: Mapping[str, Json]) -> None:
    """Remove what in-tree admission derived on a Pod, so that it is computed again (F-16)."""
    if not same(spec.get("priorityClassName"), before.get("priorityClassName")):
        spec.pop("priority", None)
        spec.pop("preemptionPolicy", None)
    if not same(spec.get("runtimeClassName"), before.get("runtimeClassName")):
        spec.pop("overhead", None)
