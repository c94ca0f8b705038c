"""Guards of catalogue entries (platform-rules 0.8): entries that hold only for some objects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container, pod, request, tweak
from tests.rules.documents import item
from tests.rules.hiding import config, mutate, notes, plain, update, web
from webhook.rules.hide import RULE
from webhook.rules.hide.view import explain


def entry(*when: str, path: str = "$pod.dnsPolicy", **fields: Any) -> Any:
    return {"path": path, "preset": "pin", "value": "Default", "when": list(when), **fields}


ON_GPUS = "@exists($pod.nodeSelector.pool)"
WITHOUT_HOST = "@missing($pod.hostNetwork)"
ANNOTATED = '@exists(metadata.annotations["team"])'
NGINX = "@exists($containers[name=nginx])"
OPEN = [{"path": "$pod.nodeSelector", "owner": "D", "preset": "open"}]

# id → (guards, object, is the entry in force)
CASES: dict[str, tuple[tuple[str, ...], Any, bool]] = {
    "there": ((ON_GPUS,), web(nodeSelector={"pool": "gpu"}), True),
    "not there": ((ON_GPUS,), web(), False),
    "missing": ((WITHOUT_HOST,), web(), True),
    "both": ((ON_GPUS, WITHOUT_HOST), web(nodeSelector={"pool": "gpu"}), True),
    "one of two": ((ON_GPUS, WITHOUT_HOST), web(), False),
    "elsewhere in the object": ((ANNOTATED,), web(metadata={"annotations": {"team": "a"}}), True),
    "no annotation": ((ANNOTATED,), web(), False),
    "an element": ((NGINX,), web(container("app"), container("nginx")), True),
    "another element": ((NGINX,), web(container("app")), False),
    "a Pod": ((NGINX,), pod(container("nginx")), True),
    "another Pod": ((NGINX,), pod(container("app")), False),
}


def dns(value: Any) -> Any:
    spec = value["spec"].get("template", value)["spec"]
    return spec.get("dnsPolicy")


@pytest.mark.parametrize(("when", "value", "holds"), CASES.values(), ids=CASES)
def test_guards(when: tuple[str, ...], value: Any, holds: bool) -> None:
    used = config(catalogue=[entry(*when), *OPEN])
    made = mutate(request(value), used).object
    assert dns(made) == ("Default" if holds else None)
    assert mutate(request(made), used).object is made


def test_each_template_meets_its_own() -> None:
    tasks = [
        {"name": name, "template": {"spec": {"containers": [container(name)]}}}
        for name in ("app", "nginx")
    ]
    value = plain("Job", {"tasks": tasks}, "batch.volcano.sh/v1alpha1")
    made = mutate(request(value), config(catalogue=[entry(NGINX)])).object
    found = [one["template"]["spec"].get("dnsPolicy") for one in made["spec"]["tasks"]]
    assert found == [None, "Default"]


def test_the_next_entry_counts_where_a_guard_is_not_met() -> None:
    used = config(catalogue=[entry(ON_GPUS), entry(value="None"), *OPEN])
    assert dns(mutate(request(web()), used).object) == "None"
    assert dns(mutate(request(web(nodeSelector={"pool": "a"})), used).object) == "Default"


def test_a_write_elsewhere_may_meet_a_guard() -> None:
    used = config(
        catalogue=[entry(ANNOTATED, path="spec.paused", value=True, kinds=["Deployment"])]
    )
    old = web()
    new = tweak(old, "metadata.annotations", {"team": "a"})
    assert mutate(update(old, new), used).object["spec"]["paused"] is True


def test_an_unchanged_template_is_only_said_to_drift() -> None:
    used = config(catalogue=[entry(NGINX)])
    old = web(container("nginx"))
    new = tweak(old, "metadata.labels", {"a": "b"})
    outcome = mutate(update(old, new), used)
    assert dns(outcome.object) is None
    assert notes(outcome) == [("spec.template", "drift")]


def test_the_view_looks_at_guards() -> None:
    used = config(catalogue=[entry(NGINX, preset="hide", path="$pod.restartPolicy", value=None)])
    for value, name in (
        (web(container("nginx"), restartPolicy="Never"), "spec.template.spec"),
        (pod(container("nginx"), restartPolicy="Never"), "spec"),
    ):
        assert f"{name}.restartPolicy" in [one.path for one in explain(value, used)]
    other = web(container("app"), restartPolicy="Never")
    assert "spec.template.spec.restartPolicy" not in [one.path for one in explain(other, used)]


def test_mistakes_are_named() -> None:
    given = [entry("@exists()"), entry("exists(a)"), entry(ON_GPUS), entry(ON_GPUS)]
    errors = RULE.parse(item("HiddenFields", "a", {"catalogue": given}))
    assert [(one.path, one.message) for one in errors] == [
        ("spec.catalogue[0].when[0]", "the path is empty; write keys joined by dots (character 1)"),
        (
            "spec.catalogue[1].when[0]",
            "a guard is @exists(path) or @missing(path) (character 1)",
        ),
        ("spec.catalogue[3].path", "is given for * in entry 2 already, which holds; remove one"),
    ]
