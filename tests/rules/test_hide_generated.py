"""What the API server itself puts into new objects is nobody's doing (F-17, A.7).

It fills in a Job's selector and labels between mutating and validating webhooks, and a claim's
finalizer before both. Found with a real one: tests/e2e/test_hiding.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import REMOVED, container, owned_by, request, tweak
from tests.rules.hiding import DEFAULT, mutate, plain, update, validate
from webhook.model import Facts, Get, Outcome

UID = "0e6ec1a5-3a8c-4d0e-b1b3-3f1f7e2d8a11"
GENERATED = {
    "batch.kubernetes.io/controller-uid": UID,
    "batch.kubernetes.io/job-name": "nightly-1",
    "controller-uid": UID,
    "job-name": "nightly-1",
}
TEMPLATE: Any = {
    "metadata": {"labels": GENERATED},
    "spec": {"containers": [container()], "restartPolicy": "Never", "nodeSelector": {"pool": "a"}},
}
SELECTOR = {"matchLabels": {"batch.kubernetes.io/controller-uid": UID}}


def job(**spec: Any) -> Any:
    """Return a Job as validating webhooks see it."""
    template = tweak(TEMPLATE, "spec.nodeSelector", REMOVED)
    return plain("Job", {"template": template, "selector": SELECTOR, **spec}, "batch/v1")


SELECTORS: dict[str, tuple[Any, bool]] = {
    "generated": (SELECTOR, True),
    "of other Pods": ({"matchLabels": {"app": "web"}}, False),
    "of more": ({"matchLabels": {**SELECTOR["matchLabels"], "app": "web"}}, False),
    "with expressions": ({**SELECTOR, "matchExpressions": []}, False),
    "no labels": ({"matchLabels": None}, False),
    "no map": ("everything", False),
}


@pytest.mark.parametrize(("selector", "allowed"), SELECTORS.values(), ids=SELECTORS)
def test_selector_of_a_job(selector: Any, allowed: bool) -> None:
    outcome = validate(request(job(selector=selector)))
    assert (not outcome.violations) is allowed


def test_a_generated_selector_chosen_by_hand_is_refused() -> None:
    (violation,) = validate(request(job(manualSelector=True))).violations
    assert "spec.manualSelector is reserved for the platform" in violation.message


OWNER = owned_by("CronJob", "nightly", "batch/v1")


def judged_copy(of: Any, **spec: Any) -> Outcome:
    """Return what validation says about a Job made from a CronJob with that template's spec."""
    copied = tweak(job(**{"template": TEMPLATE, **spec}), "metadata.ownerReferences", OWNER)
    live = {
        "metadata": {"name": "nightly", "uid": OWNER[0]["uid"]},
        "spec": {"jobTemplate": {"spec": of}},
    }
    facts = Facts({Get("batch/v1", "CronJob", "shop", "nightly"): live})
    return validate(request(copied), DEFAULT, facts)


BARE = {"template": {"spec": {**TEMPLATE["spec"], "os": {"name": "linux"}, "hostNetwork": True}}}


def labelled(labels: Any) -> Any:
    return {**BARE["template"], "metadata": {"labels": labels}}


COPIES: dict[str, tuple[Any, dict[str, Any], bool]] = {
    "labels came": (BARE, {"template": labelled(GENERATED)}, True),
    "no labels": (BARE, {"template": labelled(None)}, True),
    "no metadata": (BARE, BARE, True),
    "another label": (BARE, {"template": labelled({"app": "web"})}, False),
    "no template": ({}, BARE, False),
    "defaults": (BARE, {**BARE, "manualSelector": False, "completions": 1}, True),
    "selector by hand": (BARE, {**BARE, "manualSelector": True}, False),
    "selector of other Pods": (BARE, {**BARE, "selector": {"matchLabels": {"a": "b"}}}, False),
    "managed elsewhere": ({**BARE, "managedBy": "x/y"}, {**BARE, "managedBy": "x/y"}, True),
}


@pytest.mark.parametrize(("of", "spec", "accepted"), COPIES.values(), ids=COPIES)
def test_copy_of_a_cron_job(of: Any, spec: dict[str, Any], accepted: bool) -> None:
    assert (judged_copy(of, **spec).violations == ()) is accepted


PROTECTED = "kubernetes.io/pvc-protection"
FINALIZERS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "the API server's": ([PROTECTED], ()),
    "another": (["shop.example/wait"], ("hide: metadata.finalizers removed",)),
    "both": ([PROTECTED, "shop.example/wait"], ("hide: metadata.finalizers removed",)),
}


@pytest.mark.parametrize(("finalizers", "warnings"), FINALIZERS.values(), ids=FINALIZERS)
def test_finalizer_of_a_new_claim(finalizers: list[str], warnings: tuple[str, ...]) -> None:
    claim = plain("PersistentVolumeClaim", {"accessModes": ["ReadWriteOnce"]})
    asked = request(tweak(claim, "metadata.finalizers", finalizers))
    outcome = mutate(asked)
    assert outcome.warnings == warnings
    assert (outcome.object is asked.object) is not bool(warnings)


def test_a_claim_keeps_its_finalizer() -> None:
    claim = plain("PersistentVolumeClaim", {"accessModes": ["ReadWriteOnce"]})
    stored = tweak(claim, "metadata.finalizers", [PROTECTED])
    outcome = mutate(update(stored, claim))
    assert outcome.object == stored
