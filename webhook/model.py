"""The values that travel between the layers: requests, facts, outcomes, decisions, documents.

Pure data: no parsing, no I/O, no rule of any kind. The words are those of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

Json = Any
"""A JSON value: dict, list, str, int, float, bool or None, as the decoder gave it."""


class _Nothing(Mapping[str, Any]):
    """An empty mapping that nobody can fill; hashable, so that dataclasses take it as a default."""

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0


NOTHING: Mapping[str, Any] = _Nothing()


class Deadline(Protocol):
    """The only door through which time limits reach the core."""

    def expired(self) -> bool:
        """Tell whether the time for this request is used up."""
        ...


class _Never:
    __slots__ = ()

    def expired(self) -> bool:
        return False


NEVER: Deadline = _Never()


@dataclass(frozen=True, slots=True)
class GroupVersionKind:
    """A kind of object; the group is "" for the core group."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """The `apiVersion` of such an object: `apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class GroupVersionResource:
    """A resource, named by its plural."""

    group: str
    version: str
    resource: str

    @property
    def group_resource(self) -> str:
        """The form that messages use: `pods`, `deployments.apps`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


@dataclass(frozen=True, slots=True)
class UserInfo:
    """The effective identity of the caller, as the API server sent it."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """One decoded `AdmissionReview.request` (kubernetes-cel.md 1.2).

    `wire` is the request object as received, for CEL's `request`; nobody changes it.
    `received_at` is in seconds since the epoch.
    """

    uid: str
    kind: GroupVersionKind
    resource: GroupVersionResource
    operation: str
    name: str = ""
    namespace: str = ""
    sub_resource: str = ""
    request_kind: GroupVersionKind | None = None
    request_resource: GroupVersionResource | None = None
    request_sub_resource: str = ""
    user_info: UserInfo = UserInfo()
    object: Json = None
    old_object: Json = None
    dry_run: bool = False
    options: Json = None
    wire: Mapping[str, Json] = field(default=NOTHING, compare=False)
    received_at: float = 0.0
    deadline: Deadline = field(default=NEVER, compare=False)
    api_version: str = "admission.k8s.io/v1"

    @property
    def original_resource(self) -> GroupVersionResource:
        """The resource the client asked for, before any conversion."""
        return self.request_resource or self.resource

    def with_object(self, value: Json) -> AdmissionRequest:
        """Return the same request about another object (a mutation's result)."""
        return replace(self, object=value)


@dataclass(frozen=True, slots=True)
class Get:
    """Lookup of one object; the answer is the object, None (not found) or Unavailable.

    A `live` one is never answered from a watch cache.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    live: bool = False


@dataclass(frozen=True, slots=True)
class List:
    """Lookup of objects by label selector text; the answer is a list or Unavailable.

    `namespace` "" means all namespaces or a cluster-scoped kind; `label_selector` "" means all.
    A `live` one is never answered from a watch cache. With a `limit` so many are enough.
    """

    api_version: str
    kind: str
    namespace: str
    label_selector: str = ""
    live: bool = False
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Access:
    """Lookup of one authorization check (SubjectAccessReview); the answer is its `status`.

    `attributes` holds either `path` or the resource attributes, with the names of the API,
    sorted by key; empty values are left out.
    """

    user_info: UserInfo
    verb: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """Lookup of how a kind is served.

    The answer is True (namespaced), False (cluster-scoped), None (no such kind) or Unavailable.
    Built-in kinds are known without it (`webhook.policy.scopes`); it is for custom resources.
    """

    api_version: str
    kind: str


@dataclass(frozen=True, slots=True)
class SchemaOf:
    """Lookup of the structure of a kind, as the API server's OpenAPI v3 document shows it.

    The answer is a `webhook.objects.schemas.Schema`, None (no such kind) or Unavailable. Built-in
    kinds are known without it; it is for custom resources.
    """

    api_version: str
    kind: str


@dataclass(frozen=True, slots=True)
class Deletions:
    """Lookup of how many objects a user deleted lately, as far as this replica saw; a number."""

    username: str
    seconds: float


Lookup = Get | List | Access | Scope | SchemaOf | Deletions


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The answer to a lookup that could not be had, and why."""

    reason: str


class NeedFactsError(Exception):
    """The decision needs answers of the cluster; not an error of evaluation, nothing absorbs it."""

    def __init__(self, lookups: frozenset[Lookup]) -> None:
        super().__init__(f"{len(lookups)} lookups are needed")
        self.lookups = lookups


NeedFacts = NeedFactsError


@dataclass(frozen=True, slots=True)
class Facts:
    """Answers about the cluster; a sealed set answers all other questions with Unavailable."""

    known: Mapping[Lookup, Any] = field(default_factory=dict)
    is_sealed: bool = False

    def look_up(self, lookup: Lookup) -> Any:
        """Return the answer; raise NeedFacts when it is not known yet."""
        try:
            return self.known[lookup]
        except KeyError:
            pass
        if self.is_sealed:
            return Unavailable("the deadline of the request passed")
        raise NeedFacts(frozenset((lookup,)))

    def namespace(self, name: str) -> Any:
        """Return the Namespace object of that name, None or Unavailable."""
        return self.look_up(Get("v1", "Namespace", "", name))

    def sealed(self) -> Facts:
        """Return the same facts, final."""
        return replace(self, is_sealed=True)

    def __or__(self, answers: Mapping[Lookup, Any]) -> Facts:
        """Return these facts and further answers."""
        return replace(self, known={**self.known, **answers})


class Action(StrEnum):
    """What follows from a violation."""

    DENY = "Deny"
    WARN = "Warn"
    AUDIT = "Audit"


@dataclass(frozen=True, slots=True)
class Violation:
    """One problem found by a rule or a policy.

    `origin` is the rule's name (`env`) or the kind of policy; `policy` and `binding` name the
    documents; `path` and `found` are where and what, when known; `details` go into the Status.
    """

    origin: str
    message: str
    action: Action = Action.DENY
    path: str = ""
    found: str = ""
    reason: str = "Forbidden"
    code: int = 403
    policy: str = ""
    binding: str = ""
    details: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule or policy set returned; `object` is the same object when nothing changed."""

    object: Json
    violations: tuple[Violation, ...] = ()
    warnings: tuple[str, ...] = ()
    audit_annotations: Mapping[str, str] = NOTHING
    mutated_by: tuple[str, ...] = ()
    """The documents (`EnvInjection/identity`) that changed the object."""
    waived_by: tuple[str, ...] = ()
    """The PolicyExceptions without which this would be another outcome."""
    overridden_by: tuple[str, ...] = ()
    """What let a user through: `DeletionGrant/move`, `breakglass`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of the core for one request.

    `object_after` is the received object itself when nothing changed it. `violations` hold the
    denied ones and those that only warn or audit.
    """

    allowed: bool
    digest: str
    violations: tuple[Violation, ...] = ()
    object_after: Json = None
    warnings: tuple[str, ...] = ()
    audit_annotations: Mapping[str, str] = NOTHING
    mutated_by: tuple[str, ...] = ()
    waived_by: tuple[str, ...] = ()
    overridden_by: tuple[str, ...] = ()
    message: str = ""
    reason: str = ""
    code: int = 0
    details: Mapping[str, Json] | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """One entry of a webhook configuration; routes and rendered manifests both come from it.

    `name` is what users read (`policies.propylon.dev`), `path` the part of the URL after
    `/mutate/` or `/validate/`, `stages` the names of what runs, `policies` the CEL policies of
    this entry. The remaining fields are those of the API, as JSON values.
    """

    name: str
    path: str
    mutating: bool
    stages: tuple[str, ...]
    rules: tuple[Mapping[str, Json], ...] = ()
    failure_policy: str = "Fail"
    match_policy: str = "Equivalent"
    timeout_seconds: int = 10
    reinvocation_policy: str = "Never"
    namespace_selector: Mapping[str, Json] = NOTHING
    object_selector: Mapping[str, Json] = NOTHING
    match_conditions: tuple[Mapping[str, str], ...] = ()
    policies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Document:
    """One text with its origin: a file, or one key of a ConfigMap.

    `origin` says where it lies (`policies/a.yaml`, `ConfigMap propylon-policies/team, key a.yaml`),
    `version` changes whenever the text may have changed.
    """

    origin: str
    text: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class ConfigError:
    """What is wrong with a document: where, what, what is allowed.

    `line` and `column` count from 1, 0 when unknown; `excerpt` is the source line with a caret.
    """

    origin: str
    message: str
    kind: str = ""
    name: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    excerpt: str = ""

    def __str__(self) -> str:
        """Return one readable text: place, subject, message, excerpt."""
        place = f"{self.origin}:{self.line}:{self.column}" if self.line else self.origin
        subject = f"{self.kind} {self.name!r}: " if self.kind else ""
        path = f"{self.path}: " if self.path else ""
        excerpt = f"\n{self.excerpt}" if self.excerpt else ""
        return f"{place}: {subject}{path}{self.message}{excerpt}"


@dataclass(frozen=True, slots=True)
class Platform:
    """The few facts about the installation that rules and policies may know.

    `prefix` is the configurable prefix of labels and annotations (PFX in platform-rules.md).
    """

    prefix: str = "propylon.dev"
    cluster_name: str = ""
    own_namespace: str = "propylon-system"
    policy_namespace: str = "propylon-policies"
    kubernetes_version: str = ""
    policies_leave_out: tuple[str, ...] = ("kube-system",)
