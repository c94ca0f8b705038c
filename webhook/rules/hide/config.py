"""What the HiddenFields document in force becomes: trees by kind, and what all requests share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webhook.objects.selectors import glob
from webhook.objects.workloads import BUILT_IN_KINDS, Registry, WorkloadKind
from webhook.rules.actors import ActorClass, Actors
from webhook.rules.hide.entries import Entry
from webhook.rules.hide.settings import HiddenFieldsSpec
from webhook.rules.hide.tree import Node

PLAIN_KINDS: tuple[WorkloadKind, ...] = (
    WorkloadKind("", ("v1",), "Service", "services", ()),
    WorkloadKind("", ("v1",), "PersistentVolumeClaim", "persistentvolumeclaims", ()),
    WorkloadKind("networking.k8s.io", ("v1",), "Ingress", "ingresses", ()),
    WorkloadKind("apps", ("v1",), "ControllerRevision", "controllerrevisions", ()),
)
"""Kinds without a Pod template that the catalogue knows."""

MADE_BY_CONTROLLERS = frozenset((("serving.knative.dev", "Revision"),))


def treated_kinds(registry: Registry) -> tuple[WorkloadKind, ...]:
    """Return every kind that the rule treats."""
    rows = (one for one in registry.rows if one.key not in MADE_BY_CONTROLLERS)
    return (*rows, *PLAIN_KINDS)


KINDS: tuple[WorkloadKind, ...] = treated_kinds(BUILT_IN_KINDS)
"""What is treated without any further kinds."""


@dataclass(frozen=True, slots=True)
class Config:
    """The rule, ready for requests.

    `kinds` are all that are treated, `by_resource` the same by (group, resource). `trees` by
    (group, kind); `ephemeral` is for new ephemeral containers of a Pod, `resize` for what its
    sub-resource of that name changes. `entries` is the whole catalogue, the document's own entries
    first. `may_freeze` says whether the sub-resource `scale` must be intercepted, `has_guards`
    whether an entry depends on what is elsewhere in the object.
    """

    name: str
    spec: HiddenFieldsSpec
    actors: Actors
    prefix: str
    entries: tuple[Entry, ...]
    kinds: tuple[WorkloadKind, ...]
    by_resource: Mapping[tuple[str, str], WorkloadKind]
    trees: Mapping[tuple[str, str], Node]
    ephemeral: Node
    resize: Node
    may_freeze: bool
    has_guards: bool

    @property
    def document(self) -> str:
        """How a Decision names the document that changed the object."""
        return f"HiddenFields/{self.name}"

    def concerns(self, namespace: str) -> bool:
        """Tell whether the document holds in the Namespace."""
        spec = self.spec
        for one in spec.exclude_namespaces:
            if glob(one, namespace):
                return False
        return not spec.namespaces or any(glob(one, namespace) for one in spec.namespaces)

    def writable(self, actor: ActorClass) -> frozenset[str]:
        """Return the owners whose fields actors of the class may write."""
        roles = {
            ActorClass.DEVELOPER: self.spec.roles.developer,
            ActorClass.OPERATOR: self.spec.roles.operator,
            ActorClass.PLATFORM: self.spec.roles.platform,
        }
        return frozenset(roles.get(actor, ("D", "O", "I", "system")))
