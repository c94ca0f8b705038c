"""The shape of a Spreading document (platform-rules D): fields, defaults, allowed words.

Only the shape; what a model cannot say is checked in `parsing.py`, defaults of tiers are in
`building.py`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from webhook.rules.schema import Metadata, Model, Phase

TierName = Literal["dev", "standard", "critical"]
Mode = Literal["off", "warn", "mutate", "enforce", "deny"]
Strength = Literal["none", "soft", "soft-affinity", "hard"]


class AxisSettings(Model):
    """What a tier wants at one topology key."""

    strength: Strength | None = None
    """none, soft, soft-affinity (preferred anti-affinity) or hard; what is not given is the tier's."""
    max_skew: int = Field(default=1, ge=1)
    min_domains: int | None = Field(default=None, ge=1)
    """Only with hard; left out while the cluster has fewer domains."""
    weight: int | None = Field(default=None, ge=1, le=100)
    """With soft-affinity: 100 for the hostname, 50 for other keys when not given."""


class TierSettings(Model):
    """One tier; what is not given is as built in."""

    mode: Mode | None = None
    hostname: AxisSettings = AxisSettings()
    zone: AxisSettings = AxisSettings()
    keys: dict[str, AxisSettings] = Field(default={})
    """Further topology keys, such as that of a rack."""
    min_replicas: int | None = Field(default=None, ge=1)
    """Workloads with fewer replicas are refused in the modes enforce and deny."""


class Tiers(Model):
    """The three tiers."""

    critical: TierSettings = TierSettings()
    standard: TierSettings = TierSettings()
    dev: TierSettings = TierSettings()


class SpreadingSpec(Model):
    """How replicas are kept apart."""

    phase: Phase = "enforce"
    """audit and warn: nothing changes and nothing is refused; enforce: each tier's mode holds."""
    level: Literal["template", "pod"] = "template"
    """pod: on new Pods, for kinds whose template cannot hold constraints (Knative)."""
    pod_selector: dict[str, Any] | None = None
    """With level pod: which Pods; Knative's when not given."""
    exclude_namespaces: tuple[str, ...] = ()
    """Globs."""
    default_tier: TierName = "standard"
    max_tier: TierName = "critical"
    """How far developers may raise the tier where the Namespace does not say it."""
    tiers: Tiers = Tiers()
    adopt: Literal["onTemplateChange", "always", "never"] = "onTemplateChange"
    """Whether an UPDATE injects; always rolls out existing workloads on their next write."""
    opt_out_by: Literal["anyone", "operator", "platform"] = "operator"
    on_scale: Literal["off", "warn", "deny"] = "warn"
    zone_always: bool = False
    """Also inject a soft zone constraint while the nodes show fewer than two zones."""
    fix_strategy: bool = False
    """Set maxUnavailable 1 and maxSurge 0 where only a surge Pod stands in the way of exclusive."""
    cluster_autoscaler: bool = False
    """Nodes come when they are needed: minDomains holds although there are fewer now."""
    match_label_keys: dict[str, bool] = Field(default={})
    """By kind: whether constraints count the Pods of each revision apart."""
    contact: str = "the platform team"
    """Whom refusals name."""


class SpreadingDocument(Model):
    """Constraints that keep the replicas of a workload apart."""

    api_version: Literal["propylon.dev/v1"]
    kind: Literal["Spreading"]
    metadata: Metadata
    spec: SpreadingSpec = SpreadingSpec()
