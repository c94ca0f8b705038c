"""Which requests rule D concerns, and what each has to be judged as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webhook.model import NOTHING, AdmissionRequest, Json
from webhook.objects.paths import get
from webhook.objects.selectors import glob, matches
from webhook.objects.workloads import WorkloadKind, controller_of
from webhook.rules.actors import TRUSTED_CONTROLLERS, ActorClass, classify
from webhook.rules.spread.config import Config, Spreading
from webhook.rules.spread.nodes import labels_of

_KEPT_BY_SERVER = frozenset(("managedFields", "generation", "resourceVersion"))


@dataclass(frozen=True, slots=True)
class Concern:
    """One request that a document concerns; `kind` is None for a Pod (level pod)."""

    spreading: Spreading
    actor: ActorClass
    kind: WorkloadKind | None


def concern_of(request: AdmissionRequest, config: Config) -> Concern | None:
    """Return what concerns the request, None when the rule leaves it alone."""
    if request.sub_resource or request.operation not in ("CREATE", "UPDATE"):
        return None
    if (request.kind.group, request.kind.kind) == ("", "Pod"):
        return _of_pod(request, config)
    kind = config.kinds.get((request.kind.group, request.kind.kind))
    spreading = config.templates
    if kind is None or spreading is None or _is_excluded(request, spreading):
        return None
    if config.actors.kinds.controller_of(request.object) or not _differs(request):
        return None  # F-K09: the owner is treated
    actor = classify(request.user_info, config.actors)
    if actor in TRUSTED_CONTROLLERS:
        return None
    if actor is ActorClass.DELEGATE:
        actor = config.actors.delegate_as
    return Concern(spreading, actor, kind)


def _of_pod(request: AdmissionRequest, config: Config) -> Concern | None:
    """Return what concerns a Pod: nothing says who wrote its marks, so they are a developer's."""
    spreading = config.pods
    if spreading is None or request.operation != "CREATE" or _is_excluded(request, spreading):
        return None
    selector = spreading.pod_selector
    if selector is None or not matches(selector, labels_of(request.object)):
        return None
    owner = controller_of(request.object)
    if owner is None or owner.get("kind") != "ReplicaSet":
        return None
    return Concern(spreading, ActorClass.DEVELOPER, None)


def _is_excluded(request: AdmissionRequest, spreading: Spreading) -> bool:
    return any(glob(one, request.namespace) for one in spreading.exclude_namespaces)


def _differs(request: AdmissionRequest) -> bool:
    """Tell whether the request changes anything but bookkeeping (platform-rules 0.6)."""
    if request.operation == "CREATE":
        return True
    new, old = request.object, request.old_object
    return bool(get(new, ("spec",)) != get(old, ("spec",)) or _said(new) != _said(old))


def _said(value: Json) -> Mapping[str, Json]:
    metadata = get(value, ("metadata",)) or NOTHING
    return {key: one for key, one in metadata.items() if key not in _KEPT_BY_SERVER}
