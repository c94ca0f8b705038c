"""Who is writing: actor classes (platform-rules 0.4), from `userInfo` alone.

`ownerReferences` never prove who wrote an object, so nothing here looks at it. What a class may
do is each rule's own matter. Document kind: Actors, which also adds kinds to the registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from webhook.documents import Item
from webhook.model import ConfigError, Platform, UserInfo
from webhook.objects.selectors import glob
from webhook.objects.workloads import BUILT_IN_KINDS, Registry, WorkloadKind, registry
from webhook.rules.kinds import KindSettings, added_kind, kind_errors, unknown_children
from webhook.rules.schema import Metadata, Model, Phase, parse_model

SERVICE_ACCOUNT = "system:serviceaccount:"


class ActorClass(StrEnum):
    """The classes in the order in which they are tried; developer is everybody else."""

    BREAKGLASS = "breakglass"
    SYSTEM = "system"
    WORKLOAD_CONTROLLER = "workload-controller"
    PLATFORM = "platform"
    DELEGATE = "delegate"
    OPERATOR = "operator"
    DEVELOPER = "developer"


TRUSTED_CONTROLLERS = frozenset((ActorClass.SYSTEM, ActorClass.WORKLOAD_CONTROLLER))
"""Classes that write what others asked for: a Pod of theirs comes from somebody's template."""


@dataclass(frozen=True, slots=True)
class Subjects:
    """Users and groups that belong to a class; names with `*` are globs."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    user_globs: tuple[str, ...] = ()
    group_globs: tuple[str, ...] = ()

    def __or__(self, other: Subjects) -> Subjects:
        """Return those that are in either."""
        return Subjects(
            self.users | other.users,
            self.groups | other.groups,
            self.user_globs + other.user_globs,
            self.group_globs + other.group_globs,
        )

    def contain(self, user_info: UserInfo) -> bool:
        """Tell whether the user, or one of the user's groups, is among them."""
        if user_info.username in self.users or not self.groups.isdisjoint(user_info.groups):
            return True
        return self._has_pattern_for(user_info)

    def _has_pattern_for(self, user_info: UserInfo) -> bool:
        if self.user_globs and any(glob(one, user_info.username) for one in self.user_globs):
            return True
        if not self.group_globs:
            return False
        return any(glob(one, group) for one in self.group_globs for group in user_info.groups)


NOBODY = Subjects()


def subjects(users: Iterable[str] = (), groups: Iterable[str] = ()) -> Subjects:
    """Return these names as Subjects, globs told apart from plain names."""
    users, groups = tuple(users), tuple(groups)
    return Subjects(
        frozenset(name for name in users if "*" not in name),
        frozenset(name for name in groups if "*" not in name),
        tuple(name for name in users if "*" in name),
        tuple(name for name in groups if "*" in name),
    )


def default_classes(prefix: str) -> Mapping[ActorClass, Subjects]:
    """Return the right column of the table in platform-rules 0.4."""
    return {
        ActorClass.BREAKGLASS: subjects(groups=(f"{prefix}:breakglass",)),
        ActorClass.SYSTEM: subjects(
            ("system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"),
            ("system:nodes", "system:serviceaccounts:kube-system"),
        ),
        ActorClass.WORKLOAD_CONTROLLER: subjects((
            f"{SERVICE_ACCOUNT}kruise-system:kruise-manager",
            f"{SERVICE_ACCOUNT}argo-rollouts:argo-rollouts",
            f"{SERVICE_ACCOUNT}knative-serving:controller",
        )),
        ActorClass.PLATFORM: subjects(groups=("system:masters", "kubeadm:cluster-admins")),
        ActorClass.DELEGATE: subjects((
            f"{SERVICE_ACCOUNT}argocd:argocd-application-controller",
            f"{SERVICE_ACCOUNT}flux-system:kustomize-controller",
            f"{SERVICE_ACCOUNT}flux-system:helm-controller",
        )),
        ActorClass.OPERATOR: NOBODY,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Names:
    """The classes by user and by group, and those with patterns; the first class has each name."""

    order: Mapping[ActorClass, int]
    users: Mapping[str, ActorClass]
    groups: Mapping[str, ActorClass]
    patterns: tuple[tuple[ActorClass, Subjects], ...]


def _by_name(classes: Mapping[ActorClass, Subjects]) -> _Names:
    users: dict[str, ActorClass] = {}
    groups: dict[str, ActorClass] = {}
    for actor, members in classes.items():
        users = {**dict.fromkeys(members.users, actor), **users}
        groups = {**dict.fromkeys(members.groups, actor), **groups}
    patterns = ((actor, one) for actor, one in classes.items() if one.user_globs or one.group_globs)
    order = {actor: at for at, actor in enumerate((*classes, ActorClass.DEVELOPER))}
    return _Names(order, users, groups, tuple(patterns))


@dataclass(frozen=True, slots=True)
class Actors:
    """All classes; `demoted` are developers whatever else they belong to.

    `unknown_owner_kind` says what rules do with Pods whose controller is of no kind in `kinds`.
    """

    classes: Mapping[ActorClass, Subjects] = field(
        default_factory=lambda: default_classes(Platform().prefix)
    )
    demoted: Subjects = NOBODY
    delegate_as: ActorClass = ActorClass.DEVELOPER
    unknown_owner_kind: str = "audit"
    kinds: Registry = BUILT_IN_KINDS
    names: _Names = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Turn the classes round once, since every request is classified several times."""
        object.__setattr__(self, "names", _by_name(self.classes))


def classify(user_info: UserInfo, actors: Actors) -> ActorClass:
    """Return the first class that the effective identity belongs to."""
    if actors.demoted is not NOBODY and actors.demoted.contain(user_info):
        return ActorClass.DEVELOPER
    names = actors.names
    found = names.users.get(user_info.username, ActorClass.DEVELOPER)
    for group in user_info.groups:
        other = names.groups.get(group)
        if other is not None and names.order[other] < names.order[found]:
            found = other
    for actor, members in names.patterns:
        if names.order[actor] >= names.order[found]:
            return found
        if members.contain(user_info):
            return actor
    return found


def acting_class(user_info: UserInfo, actors: Actors) -> ActorClass:
    """Return the class whose rules hold: a delegate counts as `delegateAs`."""
    actor = classify(user_info, actors)
    return actors.delegate_as if actor is ActorClass.DELEGATE else actor


class SubjectsSettings(Model):
    """Who belongs to a class; `*` in a name stands for any run of characters."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    """Written as namespace:name."""
    namespaces: tuple[str, ...] = ()
    """All service accounts of these Namespaces."""
    defaults: bool = True
    """Whether the built-in members of the class stay in it."""


class ActorsSpec(Model):
    """The actor classes; what is not given stays as built in."""

    phase: Phase = "enforce"
    """off: the document is not used; all other phases: it is."""
    treat_as_developer: SubjectsSettings = SubjectsSettings()
    """Developers, whatever other class they would belong to."""
    breakglass: SubjectsSettings = SubjectsSettings()
    system: SubjectsSettings = SubjectsSettings()
    workload_controllers: SubjectsSettings = SubjectsSettings()
    platform: SubjectsSettings = SubjectsSettings()
    delegates: SubjectsSettings = SubjectsSettings()
    operators: SubjectsSettings = SubjectsSettings()
    delegate_as: Literal["developer", "operator", "platform"] | None = None
    """The class as which delegates are treated; developer when no document says it."""
    unknown_owner_kind: Literal["audit", "treatAsDeveloper", "ignore"] | None = None
    """What becomes of Pods whose controller is of no registered kind; audit by default."""
    kinds: tuple[KindSettings, ...] = ()
    """Further kinds that hold Pod templates; the rules treat them like the built-in ones."""


class ActorsDocument(Model):
    """Who counts as platform, operator, controller or developer."""

    api_version: Literal["propylon.dev/v1"]
    kind: Literal["Actors"]
    metadata: Metadata
    spec: ActorsSpec = ActorsSpec()


FIELDS: Mapping[ActorClass, str] = {
    ActorClass.BREAKGLASS: "breakglass",
    ActorClass.SYSTEM: "system",
    ActorClass.WORKLOAD_CONTROLLER: "workload_controllers",
    ActorClass.PLATFORM: "platform",
    ActorClass.DELEGATE: "delegates",
    ActorClass.OPERATOR: "operators",
}
"""Where a document lists the members of a class."""

ALIASES: Mapping[str, str] = {
    **{name: ActorsSpec.model_fields[name].alias or name for name in FIELDS.values()},
    "treat_as_developer": "treatAsDeveloper",
}


def parse_actors(item: Item) -> tuple[ConfigError, ...]:
    """Return all errors of one document."""
    document, errors = parse_model(item, ActorsDocument)
    if document is None:
        return errors
    members = (
        error
        for name, alias in ALIASES.items()
        for error in _list_errors(item, alias, getattr(document.spec, name))
    )
    kinds = (
        item.error(("spec", "kinds", at, *path), message)
        for at, given in enumerate(document.spec.kinds)
        for path, message in kind_errors(given)
    )
    return (*members, *kinds)


def _list_errors(item: Item, alias: str, given: SubjectsSettings) -> Iterable[ConfigError]:
    for key, names in (("users", given.users), ("groups", given.groups)):
        for index, name in enumerate(names):
            if not name.strip("*"):
                message = "matches everybody or nobody; write a name or a longer pattern"
                yield item.error(("spec", alias, key, index), message)
    for index, name in enumerate(given.service_accounts):
        namespace, _, account = name.partition(":")
        if not namespace or not account or ":" in account:
            message = 'is no service account; write "namespace:name"'
            yield item.error(("spec", alias, "serviceAccounts", index), message)


def build_actors(
    items: tuple[Item, ...], platform: Platform
) -> tuple[Actors, tuple[ConfigError, ...]]:
    """Merge all documents: lists add up, of contradicting single values the first name's wins."""
    parsed = [(one, parse_model(one, ActorsDocument)[0]) for one in items]
    used = [(one, doc.spec) for one, doc in parsed if doc is not None and doc.spec.phase != "off"]
    used.sort(key=lambda pair: pair[0].name)
    specs = [spec for _, spec in used]
    defaults = default_classes(platform.prefix)
    added, errors = _added_kinds(used)
    actors = Actors(
        {actor: _members(specs, name, defaults[actor]) for actor, name in FIELDS.items()},
        _members(specs, "treat_as_developer", NOBODY),
        ActorClass(_first(spec.delegate_as for spec in specs) or ActorClass.DEVELOPER),
        _first(spec.unknown_owner_kind for spec in specs) or "audit",
        registry(added) if added else BUILT_IN_KINDS,
    )
    return actors, (*_contradictions(used), *errors)


def _added_kinds(
    used: Sequence[tuple[Item, ActorsSpec]],
) -> tuple[list[WorkloadKind], list[ConfigError]]:
    """Return the kinds of all documents, of equal ones the first; and what does not fit together."""
    given = [
        (item, ("spec", "kinds", at), one)
        for item, spec in used
        for at, one in enumerate(spec.kinds)
    ]
    rows: dict[tuple[str, str], tuple[WorkloadKind, str]] = {}
    errors: list[ConfigError] = []
    for item, path, one in given:
        row = added_kind(one)
        name = rows.setdefault(row.key, (row, item.name))[1]
        if rows[row.key][0] is not row:
            message = f"is in Actors {name!r} already, which holds; remove one"
            errors.append(item.error((*path, "kind"), message))
    added = [row for row, _ in rows.values()]
    errors += [
        item.error((*path, *place), message)
        for item, path, one in given
        for place, message in unknown_children(one, added)
    ]
    return added, errors


def _members(specs: Sequence[ActorsSpec], name: str, defaults: Subjects) -> Subjects:
    given: list[SubjectsSettings] = [getattr(spec, name) for spec in specs]
    members = defaults if all(one.defaults for one in given) else NOBODY
    for one in given:
        accounts = (*one.service_accounts, *(f"{namespace}:*" for namespace in one.namespaces))
        users = (*one.users, *(SERVICE_ACCOUNT + account for account in accounts))
        members |= subjects(users, one.groups)
    return members


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def _contradictions(used: Sequence[tuple[Item, ActorsSpec]]) -> Iterable[ConfigError]:
    for name, alias in (("delegate_as", "delegateAs"), ("unknown_owner_kind", "unknownOwnerKind")):
        given = [(item, getattr(spec, name)) for item, spec in used if getattr(spec, name)]
        for item, value in given[1:]:
            if value != given[0][1]:
                message = (
                    f'Actors {given[0][0].name!r} says "{given[0][1]}", which holds; agree on one'
                )
                yield item.error(("spec", alias), message)
