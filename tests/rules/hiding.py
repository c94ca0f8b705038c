"""Objects, documents and requests for the tests of rule A, as short as a test can write them."""

from __future__ import annotations

import json
from typing import Any

from tests.builders import container, deployment, request, tweak
from tests.rules.documents import ACTORS, item
from webhook.model import AdmissionRequest, Facts, Outcome, Platform
from webhook.rules.actors import Actors
from webhook.rules.hide import RULE, Config

POD = "spec.template.spec"
ADMIN = ("system:masters",)
KUBE_SYSTEM = ("system:serviceaccounts", "system:serviceaccounts:kube-system")
NOTHING_KNOWN = Facts(is_sealed=True)
PINNED = {"enableServiceLinks": False, "automountServiceAccountToken": False}


def config(
    phase: str = "enforce", actors: Actors = ACTORS, platform: Platform | None = None, **spec: Any
) -> Config:
    """Return the configuration of rule A with one document that has no errors."""
    document = item("HiddenFields", "default", {"phase": phase, **spec})
    assert RULE.parse(document) == ()
    built, errors = RULE.build((document,), actors, platform or Platform())
    assert errors == ()
    assert isinstance(built, Config)
    return built


DEFAULT = config()


def web(*containers: Any, metadata: Any = None, spec: Any = None, **pod: Any) -> Any:
    """Return a Deployment whose pinned fields are as the platform wants them.

    Further words go into the Pod's specification; `spec` into the Deployment's own.
    """
    made = deployment(*(containers or (container(),)), revisionHistoryLimit=5, **(spec or {}))
    made["spec"]["template"]["spec"].update({**PINNED, **pod})
    made["metadata"].update(metadata or {})
    return made


def with_pod(value: Any, **fields: Any) -> Any:
    """Return the workload with fields of its Pod changed."""
    for name, one in fields.items():
        value = tweak(value, f"{POD}.{name}", one)
    return value


def update(old: Any, new: Any, **fields: Any) -> AdmissionRequest:
    return request(new, old=old, operation="UPDATE", **fields)


def mutate(asked: AdmissionRequest, used: Config = DEFAULT, facts: Facts | None = None) -> Outcome:
    assert RULE.mutate is not None
    return RULE.mutate(asked, used, facts or NOTHING_KNOWN)


def validate(
    asked: AdmissionRequest, used: Config = DEFAULT, facts: Facts | None = None
) -> Outcome:
    assert RULE.validate is not None
    return RULE.validate(asked, used, facts or NOTHING_KNOWN)


def kruise(kind: str, version: str = "v1alpha1", pod: Any = None, **spec: Any) -> Any:
    """Return an object of OpenKruise with a template of one container."""
    made = web(**(pod or {}))
    return {
        **made,
        "apiVersion": f"apps.kruise.io/{version}",
        "kind": kind,
        "spec": {
            "selector": made["spec"]["selector"],
            "template": made["spec"]["template"],
            **spec,
        },
    }


def plain(kind: str, spec: Any, api_version: str = "v1", **metadata: Any) -> Any:
    """Return an object without a Pod template."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", **metadata},
        "spec": spec,
    }


def notes(outcome: Outcome) -> list[tuple[str, str]]:
    """Return places and treatments of the audit annotation."""
    entries = json.loads(outcome.audit_annotations.get("hide", "[]"))
    return [(one["path"], one["treatment"]) for one in entries]
