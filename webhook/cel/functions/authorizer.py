"""Library authorizer: checks of what the requesting user, or a service account, may do.

Builds the questions. Who answers is bound with the `authorizer` variable as a callable, which may
raise to ask the cluster first; nothing here knows how.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar, Final

from webhook.cel.costs import LIST_COST, OBJECT_COST, TRAVERSAL, size
from webhook.cel.errors import EvaluationError
from webhook.cel.functions.go_text import WHITE_SPACE
from webhook.cel.functions.named_formats import check_dns_label, check_dns_subdomain
from webhook.cel.library import Function, Library, Overload
from webhook.cel.types import BOOL, STRING, OpaqueType, Type

if TYPE_CHECKING:
    from collections.abc import Callable

AUTHORIZER: Final = OpaqueType("kubernetes.authorization.Authorizer")
PATH_CHECK: Final = OpaqueType("kubernetes.authorization.PathCheck")
GROUP_CHECK: Final = OpaqueType("kubernetes.authorization.GroupCheck")
RESOURCE_CHECK: Final = OpaqueType("kubernetes.authorization.ResourceCheck")
DECISION: Final = OpaqueType("kubernetes.authorization.Decision")

_CHECK_COST: Final = 350_000  # two checks are all that one expression may afford


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The account that a check is made for in place of the requesting user."""

    namespace: str
    name: str

    @property
    def username(self) -> str:
        """Return the name under which it logs in."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the groups that checks are made with."""
        return ("system:serviceaccounts", f"system:serviceaccounts:{self.namespace}")


@dataclass(frozen=True, slots=True)
class Decision:
    """An authorizer's answer; `error` is None when there was none."""

    cel_type_name: ClassVar[str] = "kubernetes.authorization.Decision"

    allowed: bool
    reason: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Who asks, and whom: `answer` is called with the check and the verb.

    service_account: None is the requesting user, whom `answer` knows.
    """

    cel_type_name: ClassVar[str] = "kubernetes.authorization.Authorizer"

    answer: Callable[[PathCheck | ResourceCheck, str], Decision] = field(compare=False)
    service_account: ServiceAccount | None = None


@dataclass(frozen=True, slots=True)
class PathCheck:
    """A question about a path that is no resource."""

    cel_type_name: ClassVar[str] = "kubernetes.authorization.PathCheck"

    authorizer: Authorizer
    path: str


@dataclass(frozen=True, slots=True)
class GroupCheck:
    """The API group of a question, before its resource is known."""

    cel_type_name: ClassVar[str] = "kubernetes.authorization.GroupCheck"

    authorizer: Authorizer
    group: str


@dataclass(frozen=True, slots=True)
class ResourceCheck:
    """A question about a resource of any version; empty texts are not set.

    The selectors are as written: what does not parse is for the authorizer to leave out.
    """

    cel_type_name: ClassVar[str] = "kubernetes.authorization.ResourceCheck"

    authorizer: Authorizer
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


def _path(authorizer: Authorizer, path: str) -> PathCheck:
    if not path.strip(WHITE_SPACE):
        raise EvaluationError("path must not be empty")
    return PathCheck(authorizer, path)


def _resource(check: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip(WHITE_SPACE):
        raise EvaluationError("resource must not be empty")
    return ResourceCheck(check.authorizer, check.group, resource)


def _service_account(authorizer: Authorizer, namespace: str, name: str) -> Authorizer:
    if check_dns_subdomain(name):
        raise EvaluationError("Invalid service account name")
    if check_dns_label(namespace):
        raise EvaluationError("Invalid service account namespace")
    return replace(authorizer, service_account=ServiceAccount(namespace, name))


def _check(check: PathCheck | ResourceCheck, verb: str) -> Decision:
    return check.authorizer.answer(check, verb)


def _check_cost(_result: Any, *_: Any) -> int:
    return _CHECK_COST


def _selector_cost(_result: Any, _check: Any, selector: Any) -> int:
    """Return upstream's estimate: a list, the parsing, and half a requirement a character."""
    requirements = ceil(size(selector) * 0.5)
    return LIST_COST + ceil(size(selector) * TRAVERSAL) + requirements * (LIST_COST + OBJECT_COST)


def _setter(name: str, field_name: str, documentation: str, example: tuple[str, str]) -> Function:
    """Return the builder function that sets one field of a resource check."""
    selector = field_name.endswith("selector")

    def set_field(check: ResourceCheck, text: str) -> ResourceCheck:
        change: dict[str, Any] = {field_name: text}
        return replace(check, **change)

    return Function(
        name,
        (Overload((RESOURCE_CHECK, STRING), RESOURCE_CHECK, set_field, member=True),),
        since="1.31" if selector else "1.27",
        cost=_selector_cost if selector else None,
        examples=(example,),
        documentation=documentation,
    )


def _accessor(
    name: str,
    result: Type,
    implementation: Callable[[Decision], Any],
    documentation: str,
    example: tuple[str, str],
) -> Function:
    return Function(
        name,
        (Overload((DECISION,), result, implementation, member=True),),
        since="1.27",
        examples=(example,),
        documentation=documentation,
    )


_PODS: Final = "authorizer.group('').resource('pods')"

# The examples are answered by an authorizer that allows all but the verbs deny, noop and err.
LIBRARY: Final = Library(
    "authorizer",
    (
        Function(
            "path",
            (Overload((AUTHORIZER, STRING), PATH_CHECK, _path, member=True),),
            since="1.27",
            examples=(
                ("authorizer.path('/healthz').check('get').allowed()", "true"),
                ("authorizer.path(' ')", "path must not be empty"),
            ),
            documentation="A check of a path that is no resource.",
        ),
        Function(
            "group",
            (Overload((AUTHORIZER, STRING), GROUP_CHECK, GroupCheck, member=True),),
            since="1.27",
            examples=(
                (
                    "authorizer.group('apps').resource('deployments').check('get').allowed()",
                    "true",
                ),
            ),
            documentation="The start of a check of a resource: its API group.",
        ),
        Function(
            "serviceAccount",
            (Overload((AUTHORIZER, STRING, STRING), AUTHORIZER, _service_account, member=True),),
            since="1.27",
            examples=(
                ("authorizer.serviceAccount('default', 'A b')", "Invalid service account name"),
            ),
            documentation="The authorizer for a service account instead of the user.",
        ),
        Function(
            "resource",
            (Overload((GROUP_CHECK, STRING), RESOURCE_CHECK, _resource, member=True),),
            since="1.27",
            examples=(
                (f"{_PODS}.check('deny').allowed()", "false"),
                ("authorizer.group('').resource('')", "resource must not be empty"),
            ),
            documentation="A check of a resource, of any version.",
        ),
        _setter(
            "subresource",
            "subresource",
            "The check with a subresource.",
            (f"{_PODS}.subresource('status').check('update').allowed()", "true"),
        ),
        _setter(
            "namespace",
            "namespace",
            "The check in a namespace.",
            (f"{_PODS}.namespace('d').check('create').allowed()", "true"),
        ),
        _setter(
            "name",
            "name",
            "The check of one object.",
            (f"{_PODS}.name('n').check('get').allowed()", "true"),
        ),
        _setter(
            "fieldSelector",
            "field_selector",
            "The check with a field selector; one that does not parse is left out.",
            (f"{_PODS}.fieldSelector('spec.nodeName=a').check('list').allowed()", "true"),
        ),
        _setter(
            "labelSelector",
            "label_selector",
            "The check with a label selector; one that does not parse is left out.",
            (f"{_PODS}.labelSelector('app=a').check('list').allowed()", "true"),
        ),
        Function(
            "check",
            (
                Overload((PATH_CHECK, STRING), DECISION, _check, member=True),
                Overload((RESOURCE_CHECK, STRING), DECISION, _check, member=True),
            ),
            since="1.27",
            cost=_check_cost,
            examples=((f"{_PODS}.check('err').errored()", "true"),),
            documentation="The decision on a verb. It never fails: see `errored`.",
        ),
        _accessor(
            "errored",
            BOOL,
            lambda decision: decision.error is not None,
            "Whether the check failed.",
            (f"{_PODS}.check('get').errored()", "false"),
        ),
        _accessor(
            "error",
            STRING,
            lambda decision: decision.error or "",
            "Why the check failed.",
            (f"{_PODS}.check('get').error()", '""'),
        ),
        _accessor(
            "allowed",
            BOOL,
            lambda decision: decision.allowed,
            "Whether the verb is allowed; no opinion is no.",
            (f"{_PODS}.check('noop').allowed()", "false"),
        ),
        _accessor(
            "reason",
            STRING,
            lambda decision: decision.reason,
            "The authorizer's reason.",
            (f"{_PODS}.check('deny').reason()", '"denied because"'),
        ),
    ),
    (AUTHORIZER, PATH_CHECK, GROUP_CHECK, RESOURCE_CHECK, DECISION),
)
