"""The shapes of DeletionProtection and DeletionGrant documents.

Only names, types and defaults; what no model can say is checked in `parsing.py`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from webhook.rules.schema import Metadata, Model, Phase

LevelName = Literal["Always", "Cascading"]
FailurePolicy = Literal["Fail", "Ignore"]


class People(Model):
    """Users, groups and service accounts; `*` in a name stands for any run of characters."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    """Written as namespace:name."""


class OnRemove(Model):
    """What follows when somebody removes or weakens the protection label."""

    mode: Literal["allow", "cooldown", "approver", "twoPerson", "denyDevelopers"] = "cooldown"
    cooldown: str = "30m"
    """With mode cooldown: how long the former level still holds (90s, 30m, 12h, 1d)."""


class KindSettings(Model):
    """A kind that is not built in."""

    group: str
    version: str
    kind: str
    resource: str
    """The plural, as in URLs."""
    namespaced: bool = True
    owns: tuple[str, ...] = ()
    """Kinds that the garbage collector deletes after it, for checkDependents."""


class ProtectSettings(Model):
    """A level for objects that carry no label; all conditions given must hold."""

    kinds: tuple[str, ...] = Field(min_length=1)
    """Written as Kind or Kind.group."""
    namespaces: tuple[str, ...] = ()
    """Globs; none means all."""
    exclude_namespaces: tuple[str, ...] = ()
    selector: dict[str, Any] | None = None
    """Labels of the object."""
    level: LevelName = "Always"


MOST_DELETIONS = 1000
"""Nobody needs to be counted further."""


class MassDeleteSettings(Model):
    """How many objects one user may delete in a span of time, counted by each replica."""

    max: int = Field(ge=1, le=MOST_DELETIONS)
    per: str = "1m"
    """A number with s, m or h."""
    kinds: tuple[str, ...] = ()
    """Written as Kind or Kind.group; all that the rule knows but Pods when not given."""
    actors: Literal["humans", "everybody"] = "humans"
    """humans: users whose name does not begin with system:; everybody: all but controllers."""
    replicas: int = Field(default=1, ge=1)
    """Each replica lets through its share of max."""


class DeletionProtectionSpec(Model):
    """How labels are judged, and what is protected without one."""

    phase: Phase = "enforce"
    contact: str = "the platform team"
    """Whom a denial tells people to ask."""
    protect: tuple[ProtectSettings, ...] = ()
    on_remove: OnRemove = OnRemove()
    approvers: People = People()
    """With mode approver: who may remove the label."""
    may_override: People = People()
    """Who is not bound by protection; recorded."""
    may_confirm: People = People()
    """Who may confirm a deletion by annotation."""
    scale_guard: Literal["default", "strict", "off"] = "default"
    autoscalers: tuple[str, ...] = (
        "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
        "system:serviceaccount:keda:keda-operator",
    )
    """Users that may scale to 0 unless scaleGuard is strict; globs."""
    check_dependents: tuple[str, ...] = ("Deployment.apps", "StatefulSet.apps", "CloneSet")
    """Kinds whose protected dependents keep them from deletion, written as Kind or Kind.group."""
    protect_children: bool = False
    """Objects that a protected workload controls are protected as well."""
    strict_templates: bool = False
    """A claim that a volumeClaimTemplate would use again is in use."""
    kinds: tuple[KindSettings, ...] = ()
    """Further kinds for protect, checkDependents and the check of Namespaces."""
    check_secrets: bool = False
    """Look for labelled Secrets before a Namespace goes; needs the right to list Secrets."""
    all_crds: bool = Field(default=True, alias="allCRDs")
    """Also unlabelled CustomResourceDefinitions are looked into for labelled objects."""
    kruise_compat: bool = False
    """Judge Cascading exactly as OpenKruise does."""
    kruise_texts: bool = False
    """Denials begin with OpenKruise's text."""
    warn_without_budget: bool = False
    """Warn when a workload becomes protected and no budget covers its Pods."""
    mass_delete: MassDeleteSettings | None = None
    """A limit for deletions by one user; none when not given."""
    scale_failure_policy: FailurePolicy = "Ignore"
    eviction_failure_policy: FailurePolicy = "Ignore"


class DeletionProtectionDocument(Model):
    """What may not be deleted by mistake."""

    api_version: Literal["propylon.dev/v1"]
    kind: Literal["DeletionProtection"]
    metadata: Metadata
    spec: DeletionProtectionSpec = DeletionProtectionSpec()


class Who(Model):
    """The people that a grant is for."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class GrantTarget(Model):
    """What a grant lets go."""

    group: str | None = None
    """Any group when not given."""
    kind: str = Field(min_length=1)
    namespace: str = ""
    """A glob; empty for objects without a Namespace, and for Namespaces themselves."""
    name: str = Field(min_length=1)
    """A glob."""
    uid: str = ""
    """Only this very object."""


class DeletionGrantSpec(Model):
    """Who may delete what although it is protected, until when and why."""

    phase: Literal["off", "enforce"] = "enforce"
    who: Who
    target: GrantTarget
    reason: str = Field(min_length=1)
    expires: str
    """RFC 3339, in UTC: 2026-03-01T18:00:00Z."""
    created_by: str = Field(min_length=1)
    """The user who writes the grant; the API server's word for it is checked."""


class DeletionGrantDocument(Model):
    """A permission to delete something that is protected."""

    api_version: Literal["propylon.dev/v1"]
    kind: Literal["DeletionGrant"]
    metadata: Metadata
    spec: DeletionGrantSpec
