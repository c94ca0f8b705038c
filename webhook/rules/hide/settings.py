"""The shape of a HiddenFields document (platform-rules A.12): fields, defaults, allowed words.

Only the shape; what a model cannot say is checked in `parsing.py`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from webhook.rules.schema import Metadata, Model, Phase

Owner = Literal["D", "O", "I", "system"]
Preset = Literal[
    "hide", "seed", "default-once", "freeze", "pin", "lock", "restore", "advise", "open", "carry"
]
Treatment = Literal[
    "allow", "warn", "strip", "reset", "default", "carry", "deny", "denyOnChange", "restore"
]
UnknownOwner = Literal["audit", "treatAsDeveloper", "ignore"]


class CatalogueEntry(Model):
    """One path of the catalogue; an entry with kind and path of a default one takes its place."""

    path: str
    """As in platform documents: `$pod.nodeSelector`, `spec.replicas`, `$containers[*].ports`."""
    kinds: tuple[str, ...] = ("*",)
    """`Deployment`, `apps/Deployment`, `core/Service`; `*` for every kind."""
    owner: Owner = "I"
    preset: Preset | None = None
    """Treatments on CREATE and UPDATE in one word; hide when nothing else is given."""
    create: Treatment | None = None
    update: Treatment | None = None
    value: Any = None
    """The platform's value, for pin, seed, reset and default; a list of elements for restore."""
    reason: str = ""
    show_value: bool | None = None
    """Whether messages may show the value; numbers and switches by default."""
    when: tuple[str, ...] = ()
    """`@exists(path)` and `@missing(path)`: all must be so in the object as it is written."""
    namespaces: tuple[str, ...] = ()
    """Globs; none means all. Where several entries fit, the first one with a match holds."""


class Roles(Model):
    """Which owners' fields each class of actors may write."""

    developer: tuple[Owner, ...] = ("D",)
    operator: tuple[Owner, ...] = ("D", "O")
    platform: tuple[Owner, ...] = ("D", "O", "I")


class IngressHosts(Model):
    """Hosts that the Ingresses of some Namespaces may name."""

    namespaces: tuple[str, ...] = ("*",)
    suffixes: tuple[str, ...]


class HiddenFieldsSpec(Model):
    """What developers do not see, set or destroy."""

    phase: Phase = "warn"
    namespaces: tuple[str, ...] = ()
    """Globs; none means all."""
    exclude_namespaces: tuple[str, ...] = ()
    extends: Literal["default", "none"] = "default"
    """none: only the entries of this document."""
    catalogue: tuple[CatalogueEntry, ...] = ()
    roles: Roles = Roles()
    infra_containers: tuple[str, ...] = ()
    """Globs of containers that belong to the platform."""
    infra_volumes: tuple[str, ...] = ()
    infra_pull_secrets: tuple[str, ...] = ()
    injected_by_others: tuple[str, ...] = ("istio-*", "linkerd-*", "vault-agent*")
    """Globs of containers and volumes of Pods that other webhooks add; they are left alone."""
    managed_fields: Literal["leave", "release", "claim"] = "leave"
    last_applied: Literal["leave", "scrub"] = "leave"
    delegate_treatment: Literal["strip", "deny", "warn"] = "strip"
    """For hidden fields that GitOps accounts newly write."""
    lock_omission: Literal["carry", "deny"] = "carry"
    unknown_owner_kind: UnknownOwner | None = None
    """As the Actors documents say when it is not given."""
    unknown_field: Literal["allow", "warn", "strip"] = "allow"
    adopt: Literal["onTemplateChange", "always", "never"] = "onTemplateChange"
    carry_on_rename: Literal["off", "single"] = "off"
    freeze_autoscaled: bool = True
    """Developers do not set the replicas of what a HorizontalPodAutoscaler scales."""
    max_termination_grace_period_seconds: int | None = Field(default=None, ge=0)
    ingress_hosts: tuple[IngressHosts, ...] = ()
    noiseless: bool = False
    """Do not repeat warnings while kubectl's last-applied annotation stays the same."""
    language: Literal["en", "zh"] = "en"
    contact: str = "the platform team"


class HiddenFieldsDocument(Model):
    """Fields that belong to the platform and not to developers."""

    api_version: Literal["propylon.dev/v1"]
    kind: Literal["HiddenFields"]
    metadata: Metadata
    spec: HiddenFieldsSpec = HiddenFieldsSpec()
