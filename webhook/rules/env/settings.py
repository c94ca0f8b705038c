"""The shape of an EnvInjection document (platform-rules B.2): fields, defaults, allowed words.

Only the shape; what a model cannot say is checked in `parsing.py`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from webhook.rules.schema import Metadata, Model, Phase

Conflict = Literal["keep", "override", "deny", "append"]
IfMissing = Literal["skip", "empty", "deny"]
ContainerKind = Literal["app", "init", "sidecar", "ephemeral"]

NEVER_INJECT = ("PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "HOME", "KUBERNETES_*")


class FieldRef(Model):
    """A field of the Pod."""

    field_path: str
    api_version: str = "v1"


class ResourceFieldRef(Model):
    """A request or limit of the container itself."""

    resource: str
    """limits.cpu, requests.memory and so on."""
    divisor: str | int = "0"


class KeyRef(Model):
    """A key of a ConfigMap or Secret in the Pod's Namespace."""

    name: str = Field(min_length=1)
    key: str = Field(min_length=1)
    optional: bool | None = None
    """true when not given, unless the rule is mandatory."""


class ValueFrom(Model):
    """Exactly one source of a value."""

    field_ref: FieldRef | None = None
    resource_field_ref: ResourceFieldRef | None = None
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None

    @model_validator(mode="after")
    def _one_source(self) -> ValueFrom:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            sources = "fieldRef, resourceFieldRef, configMapKeyRef and secretKeyRef"
            raise ValueError(f"must have exactly one of {sources}")
        return self


class EnvEntry(Model):
    """One variable; what is not given here is as the rule says."""

    name: str
    value: str | None = None
    """A text; {{namespace.labels["x"]}} and the like are resolved when a Pod is created."""
    value_from: ValueFrom | None = None
    conflict: Conflict | None = None
    separator: str | None = Field(default=None, min_length=1)
    if_missing: IfMissing | None = None
    only_with_limit: bool = False
    """Only for containers that have the limit or request that resourceFieldRef names."""

    @model_validator(mode="after")
    def _one_value(self) -> EnvEntry:
        if (self.value is None) is (self.value_from is None):
            raise ValueError("must have exactly one of value and valueFrom")
        return self


class SourceRef(Model):
    """A ConfigMap or Secret in the Pod's Namespace."""

    name: str = Field(min_length=1)
    optional: bool | None = None
    """true when not given, unless the rule is mandatory."""


class EnvFromEntry(Model):
    """All keys of a ConfigMap or Secret."""

    prefix: str = ""
    config_map_ref: SourceRef | None = None
    secret_ref: SourceRef | None = None
    conflict: Literal["keep", "override"] | None = None
    """keep: before the developer's sources, which win; override: after them."""

    @model_validator(mode="after")
    def _one_source(self) -> EnvFromEntry:
        if (self.config_map_ref is None) is (self.secret_ref is None):
            raise ValueError("must have exactly one of configMapRef and secretRef")
        return self


class Containers(Model):
    """Which containers get the variables."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    kinds: tuple[ContainerKind, ...] = ("app", "init", "sidecar")


class MatchSettings(Model):
    """Which Pods are concerned; all conditions given must hold."""

    namespaces: tuple[str, ...] = ()
    """Globs; none means all."""
    exclude_namespaces: tuple[str, ...] = ()
    namespace_selector: dict[str, Any] | None = None
    pod_selector: dict[str, Any] | None = None
    annotations: dict[str, str] = Field(default={})
    """Globs of keys and values, found on the Pod or its Namespace."""
    owner_kinds: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    """Globs; only containers with such an image."""
    os: Literal["linux", "windows"] | None = None
    containers: Containers = Containers()


class Reserved(Model):
    """Names that developers may not define."""

    prefix: str = Field(min_length=1)
    treatment: Literal["deny", "override"] = "deny"


class Limits(Model):
    """How much may be injected."""

    entries: int = Field(default=100, ge=1)
    """Variables per container."""
    bytes: int = Field(default=32 * 1024, ge=1)
    """Bytes per Pod."""


class EnvInjectionSpec(Model):
    """One rule of env injection."""

    phase: Phase = "enforce"
    priority: int = 100
    """The smaller number wins, and comes first."""
    level: Literal["pod", "template"] = "pod"
    adopt: Literal["onTemplateChange", "always", "never"] = "onTemplateChange"
    """For level template: whether an UPDATE injects."""
    match: MatchSettings = MatchSettings()
    conflict: Conflict = "keep"
    position: Literal["auto", "first", "last"] = "auto"
    separator: str = Field(default=" ", min_length=1)
    if_missing: IfMissing = "skip"
    env: tuple[EnvEntry, ...] = ()
    env_from: tuple[EnvFromEntry, ...] = ()
    mandatory: bool = False
    """Opt-outs do not count, and nothing is made optional."""
    atomic: bool = False
    """One conflict leaves out the whole rule for the Pod."""
    allow_secrets: bool = False
    respect_env_from: bool = False
    """ConfigMaps in the developer's envFrom are read and count as defined."""
    warn_on_keep: bool = False
    opt_out_by: Literal["anyone", "operator", "platform"] = "anyone"
    reserved_prefixes: tuple[Reserved, ...] = ()
    never_inject: tuple[str, ...] = NEVER_INJECT
    force: bool = False
    """Accept names that neverInject lists."""
    limits: Limits = Limits()
    marker: bool = False
    """Write the annotation injected-env, for people; nothing reads it."""


class EnvInjectionDocument(Model):
    """Variables that containers of new Pods get."""

    api_version: Literal["propylon.dev/v1"]
    kind: Literal["EnvInjection"]
    metadata: Metadata
    spec: EnvInjectionSpec
