"""The writing commands of kubectl, allowed, warned about or denied by CEL policies: one table.

It holds what upstream's own engine says, too: nothing in it knows who judges.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.e2e import shop
from tests.e2e.shop import LATEST
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.kubectl import Kubectl, Result

DOCUMENTS = (
    "image-tags.yaml",
    "requests.yaml",
    "replicas.yaml",
    "deletion.yaml",
    "history.yaml",
)
PINNED = "registry.example.com/storefront/shop:4.13.0"


def denied(policy: str, message: str) -> str:
    return f"ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: {message}"


def invalid(denial: str) -> str:
    """Return how kubectl words a denial with the reason Invalid: it shows only the causes."""
    return f'The deployments "web-shop" is invalid: : {denial}'


def warned(policy: str, message: str) -> str:
    return (
        f"Validation failed for ValidatingAdmissionPolicy '{policy}' "
        f"with binding '{policy}': {message}"
    )


DENIED_IMAGE = denied("image-tags", f"these images need a fixed tag: shop ({LATEST})")
DENIED_COUNT = invalid(denied("replica-limit", "at most 20 replicas, not 50"))
DENIED_DELETE = denied(
    "keep", "Deployment web-shop is marked to be kept; remove its label example.com/keep first"
)
WARNED_REQUESTS = warned("requests", "every container should request cpu and memory")
WARNED_NONE = warned("replica-none", "nothing serves with no replicas")
WARNED_DELETE = warned("delete-running", "web-shop was still scaled to 3")

SHORT = {"example.com/history": "short"}
KEPT = {"example.com/keep": "true"}


@dataclass(frozen=True, slots=True)
class Case:
    """One command; `before` is what exists, `sent` what kubectl reads from its standard input.

    `stored` are paths of the web-shop Deployment (or Pod) and their values afterwards; `None`
    as a whole means that it does not exist then. `error` is the end of what stderr says; for a
    denial with the reason Forbidden, the judge's name stands before it.
    """

    command: str
    sent: Any = None
    before: Any = None
    error: str = ""
    warning: str = ""
    stored: dict[str, Any] | None = None


IMAGE = "spec.template.spec.containers.1.image"
RESOURCES = "spec.template.spec.containers.1.resources"
REPLICAS = "spec.replicas"
HISTORY = "spec.revisionHistoryLimit"
OLD_IMAGE = "registry.example.com/storefront/shop:4.12.1"


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def image_patch(image: str) -> str:
    containers = [{"name": "shop", "image": image}]
    return compact({"spec": {"template": {"spec": {"containers": containers}}}})


NO_REQUESTS = compact([{"op": "replace", "path": f"/{RESOURCES.replace('.', '/')}", "value": {}}])

CASES = {
    "apply-allowed": Case(
        "apply -f -", sent=shop.deployment(), stored={IMAGE: OLD_IMAGE, REPLICAS: 3}
    ),
    "apply-denied": Case("apply -f -", sent=shop.deployment(image=LATEST), error=DENIED_IMAGE),
    "apply-warned": Case(
        "apply -f -",
        sent=shop.deployment(requests=None),
        warning=WARNED_REQUESTS,
        stored={RESOURCES: {}},
    ),
    "apply-update-denied": Case(
        "apply -f -",
        before=shop.deployment(),
        sent=shop.deployment(image=LATEST),
        error=DENIED_IMAGE,
        stored={IMAGE: OLD_IMAGE},
    ),
    "create-allowed": Case("create -f -", sent=shop.deployment(), stored={REPLICAS: 3}),
    "create-denied": Case("create -f -", sent=shop.deployment(replicas=50), error=DENIED_COUNT),
    "create-warned": Case(
        "create -f -", sent=shop.deployment(replicas=0), warning=WARNED_NONE, stored={REPLICAS: 0}
    ),
    "create-dry-run-allowed": Case("create --dry-run=server -f -", sent=shop.deployment()),
    "create-dry-run-denied": Case(
        "create --dry-run=server -f -", sent=shop.deployment(image=LATEST), error=DENIED_IMAGE
    ),
    "create-dry-run-warned": Case(
        "create --dry-run=server -f -",
        sent=shop.deployment(requests=None),
        warning=WARNED_REQUESTS,
    ),
    "replace-allowed": Case(
        "replace -f -",
        before=shop.deployment(),
        sent=shop.deployment(image=PINNED),
        stored={IMAGE: PINNED},
    ),
    "replace-denied": Case(
        "replace -f -",
        before=shop.deployment(),
        sent=shop.deployment(image=LATEST),
        error=DENIED_IMAGE,
        stored={IMAGE: OLD_IMAGE},
    ),
    "replace-warned": Case(
        "replace -f -",
        before=shop.deployment(),
        sent=shop.deployment(requests=None),
        warning=WARNED_REQUESTS,
        stored={RESOURCES: {}},
    ),
    "patch-allowed": Case(
        f"patch deployment web-shop -p {image_patch(PINNED)}",
        before=shop.deployment(),
        stored={IMAGE: PINNED},
    ),
    "patch-denied": Case(
        f"patch deployment web-shop -p {image_patch(LATEST)}",
        before=shop.deployment(),
        error=DENIED_IMAGE,
        stored={IMAGE: OLD_IMAGE},
    ),
    "patch-json-warned": Case(
        f"patch deployment web-shop --type json -p {NO_REQUESTS}",
        before=shop.deployment(),
        warning=WARNED_REQUESTS,
        stored={RESOURCES: {}},
    ),
    "patch-dry-run-denied": Case(
        f"patch deployment web-shop --dry-run=server -p {image_patch(LATEST)}",
        before=shop.deployment(),
        error=DENIED_IMAGE,
        stored={IMAGE: OLD_IMAGE},
    ),
    "apply-server-side-allowed": Case(
        "apply --server-side -f -", sent=shop.deployment(), stored={REPLICAS: 3}
    ),
    "apply-server-side-denied": Case(
        "apply --server-side -f -", sent=shop.deployment(image=LATEST), error=DENIED_IMAGE
    ),
    "apply-server-side-warned": Case(
        "apply --server-side -f -",
        sent=shop.deployment(requests=None),
        warning=WARNED_REQUESTS,
        stored={RESOURCES: {}},
    ),
    "apply-server-side-dry-run-warned": Case(
        "apply --server-side --dry-run=server -f -",
        sent=shop.deployment(replicas=0),
        warning=WARNED_NONE,
    ),
    "scale-allowed": Case(
        "scale deployment web-shop --replicas 5", before=shop.deployment(), stored={REPLICAS: 5}
    ),
    "scale-denied": Case(
        "scale deployment web-shop --replicas 50",
        before=shop.deployment(),
        error=DENIED_COUNT,
        stored={REPLICAS: 3},
    ),
    "scale-warned": Case(
        "scale deployment web-shop --replicas 0",
        before=shop.deployment(),
        warning=WARNED_NONE,
        stored={REPLICAS: 0},
    ),
    "delete-allowed": Case("delete deployment web-shop", before=shop.deployment(replicas=0)),
    "delete-denied": Case(
        "delete deployment web-shop",
        before=shop.deployment(labels=KEPT),
        error=DENIED_DELETE,
        warning=WARNED_DELETE,
        stored={REPLICAS: 3},
    ),
    "delete-warned": Case(
        "delete deployment web-shop", before=shop.deployment(), warning=WARNED_DELETE
    ),
    "delete-collection-denied": Case(
        "delete --raw /apis/apps/v1/namespaces/shop/deployments",
        before=shop.deployment(labels=KEPT),
        error=DENIED_DELETE,
        warning=WARNED_DELETE,
        stored={REPLICAS: 3},
    ),
    "set-image-denied": Case(
        f"set image deployment/web-shop shop={LATEST}",
        before=shop.deployment(),
        error=DENIED_IMAGE,
        stored={IMAGE: OLD_IMAGE},
    ),
    "rollout-restart-allowed": Case(
        "rollout restart deployment/web-shop", before=shop.deployment(), stored={IMAGE: OLD_IMAGE}
    ),
    "apply-mutated": Case(
        "apply -f -", sent=shop.deployment(labels=SHORT), stored={HISTORY: 3, REPLICAS: 3}
    ),
    "create-mutated": Case("create -f -", sent=shop.deployment(labels=SHORT), stored={HISTORY: 3}),
    "create-not-mutated": Case("create -f -", sent=shop.deployment(), stored={HISTORY: 10}),
    "create-mutated-and-warned": Case(
        "create -f -",
        sent=shop.deployment(labels=SHORT, requests=None),
        warning=WARNED_REQUESTS,
        stored={HISTORY: 3, RESOURCES: {}},
    ),
    "create-dry-run-mutated": Case(
        "create --dry-run=server -f -", sent=shop.deployment(labels=SHORT)
    ),
    "replace-mutated": Case(
        "replace -f -",
        before=shop.deployment(),
        sent=shop.deployment(labels=SHORT),
        stored={HISTORY: 3},
    ),
    "patch-mutated": Case(
        "label deployment web-shop example.com/history=short",
        before=shop.deployment(),
        stored={HISTORY: 3},
    ),
    "apply-server-side-mutated": Case(
        "apply --server-side -f -", sent=shop.deployment(labels=SHORT), stored={HISTORY: 3}
    ),
    "scale-mutated-before": Case(
        "scale deployment web-shop --replicas 5",
        before=shop.deployment(labels=SHORT),
        stored={HISTORY: 3, REPLICAS: 5},
    ),
    "delete-dry-run-denied": Case(
        "delete deployment web-shop --dry-run=server",
        before=shop.deployment(labels=KEPT),
        error=DENIED_DELETE,
        warning=WARNED_DELETE,
        stored={REPLICAS: 3},
    ),
}


def value_at(document: Any, path: str) -> Any:
    """Return what lies at a dotted path; numbers are indexes."""
    for step in path.split("."):
        document = document[int(step) if step.isdigit() else step]
    return document


def check_command(case: Case, kubectl: Kubectl, judge: str) -> None:
    """Run a case in an empty shop; `judge` is what stands before a denial (reason Forbidden)."""
    if case.before is not None:
        kubectl.run("create", "--save-config", "-f", "-", documents=case.before)
    result = kubectl.try_to(*case.command.split(), documents=case.sent)
    assert result.code == (1 if case.error else 0), str(result)
    assert result.warnings == ([case.warning] if case.warning else []), str(result)
    if case.error:
        before = "" if case.error.startswith("The ") else judge
        assert result.stderr.endswith(f"{before}{case.error}\n"), str(result)
    elif not case.warning:
        assert result.stderr == ""
    found = kubectl.try_to("get", "deployment", "web-shop", "-o", "json")
    if case.stored is None:
        assert "NotFound" in found.stderr, str(found)
    else:
        assert {path: value_at(found.object, path) for path in case.stored} == case.stored


def wait_until_in_force(kubectl: Kubectl) -> None:
    """Return once what denies and what mutates is in force: the API server reads them apart."""

    def tried(**changes: Any) -> Result:
        document = shop.deployment("probe", **changes)
        return kubectl.try_out(document)

    def all_in_force() -> bool:
        mutated = tried(labels=SHORT)
        return (
            not tried(image=LATEST).ok
            and not tried(replicas=50).ok
            and mutated.ok
            and value_at(mutated.object, HISTORY) == 3
        )

    eventually(all_in_force, what="the policies are in force")


def empty_the_shop(admin: Kubectl) -> None:
    """Take away what a case left, also what may not be deleted."""
    own = admin.within("shop")
    own.run("label", "deployment", "--all", "example.com/keep-")
    own.run("delete", "deployment,pod", "--all", "--now")
