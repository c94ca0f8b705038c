"""The short cut of rule A: it says yes only where the walk finds nothing to do."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import container, tweak
from tests.rules.hiding import config, web
from webhook.rules.hide import Config
from webhook.rules.hide.notes import Walk
from webhook.rules.hide.untouched import is_untouched
from webhook.rules.hide.walking import NOWHERE, STORED, treat

POD = "spec.template.spec"
ANNOTATIONS = "metadata.annotations"
CONTAINERS = f"{POD}.containers"
PLAIN = config()
CATALOGUE = config(
    infraContainers=["log-*"],
    catalogue=[
        {"path": "$pod.os", "preset": "pin", "value": {"name": "linux"}},
        {"path": "$pod.restartPolicy", "preset": "pin", "value": "x", "namespaces": ["other"]},
        {"path": "$pod.subdomain", "owner": "O", "update": "strip"},
        {"path": "$containers[*].stdin", "owner": "I", "preset": "pin", "value": False},
    ],
)


def walk_of(used: Config, old: Any) -> Walk:
    return Walk(
        spec=used.spec,
        prefix=used.prefix,
        namespace="shop",
        writable=frozenset(("D",)),
        stored=old,
    )


def verdict(new: Any, old: Any, used: Config = PLAIN) -> bool:
    """Return what the short cut says; a yes is checked against the walk."""
    tree, walk = used.trees["apps", "Deployment"], walk_of(used, old)
    says = is_untouched(tree, new, old, walk)
    assert (walk.notes, walk.drifts) == ([], 0)
    if says:
        assert treat(tree, new, old, NOWHERE, (), STORED, walk) is new
        assert (walk.notes, walk.drifts) == ([], 0)
    return says


WEB = web(container(), container("b", ports=[{"containerPort": 80}]), dnsPolicy="ClusterFirst")
WEB["metadata"]["annotations"] = {"team": "a", "linkerd.io/inject": "enabled"}
OWN: Any = {"name": "linux"}

ROWS: dict[str, tuple[Any, Any, bool]] = {
    "nothing": (WEB, WEB, True),
    "an image": (WEB, tweak(WEB, f"{CONTAINERS}[0].image", "app:2"), True),
    "an annotation of the developer's": (WEB, tweak(WEB, f"{ANNOTATIONS}.team", "b"), True),
    "an annotation fewer": (WEB, tweak(WEB, ANNOTATIONS, {"linkerd.io/inject": "enabled"}), True),
    "a hidden annotation": (WEB, tweak(WEB, ANNOTATIONS, {"linkerd.io/inject": "no"}), False),
    "a hidden annotation fewer": (WEB, tweak(WEB, ANNOTATIONS, {"team": "a"}), False),
    "a label that is open": (
        web(metadata={"labels": {"propylon.dev/tier": "dev"}}),
        web(metadata={"labels": {"propylon.dev/tier": "critical"}}),
        True,
    ),
    "a hidden field": (WEB, tweak(WEB, f"{POD}.dnsPolicy", "None"), False),
    "a hidden field more": (WEB, tweak(WEB, f"{POD}.nodeSelector", {"a": "b"}), False),
    "a hidden field that is null": (
        tweak(WEB, f"{POD}.os", None),
        tweak(WEB, f"{POD}.os", None),
        False,
    ),
    "a pinned field fewer": (WEB, tweak(WEB, "spec", {"template": {}}), False),
    "a pinned field with another value": (WEB, tweak(WEB, "spec.revisionHistoryLimit", 9), False),
    "a field that was pinned otherwise": (
        tweak(WEB, "spec.revisionHistoryLimit", 9),
        tweak(WEB, "spec.revisionHistoryLimit", 5),
        False,
    ),
    "a container more": (WEB, web(*(container(one) for one in "abc")), False),
    "another container": (WEB, tweak(WEB, f"{CONTAINERS}[1].name", "c"), False),
    "a port": (WEB, tweak(WEB, f"{CONTAINERS}[1].ports", [{"containerPort": 81}]), False),
    "a name of a port": (
        WEB,
        tweak(WEB, f"{CONTAINERS}[1].ports", [{"containerPort": 80, "name": "http"}]),
        True,
    ),
    "containers that are none": (WEB, tweak(WEB, CONTAINERS, "text"), False),
    "a template that is none": (WEB, tweak(WEB, "spec.template", "text"), False),
    "a platform's container": (
        tweak(WEB, "spec.template.metadata.annotations", {"propylon.dev/infra-containers": "b"}),
        tweak(
            tweak(
                WEB, "spec.template.metadata.annotations", {"propylon.dev/infra-containers": "b"}
            ),
            f"{CONTAINERS}[1].image",
            "app:2",
        ),
        False,
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), ROWS.values(), ids=ROWS)
def test_short_cut(old: Any, new: Any, expected: bool) -> None:
    assert verdict(copy.deepcopy(new), old) is expected


PINNED = web(container(stdin=False), os=OWN, restartPolicy="Always")
CONFIGURED: dict[str, tuple[Any, Any, bool]] = {
    "pinned": (PINNED, PINNED, True),
    "pinned in a container": (PINNED, tweak(PINNED, f"{CONTAINERS}[0].stdin", True), False),
    "pinned elsewhere": (PINNED, tweak(PINNED, f"{POD}.restartPolicy", "Never"), True),
    "empty": (PINNED, tweak(PINNED, f"{POD}.os", {}), False),
    "taken out": (
        tweak(PINNED, f"{POD}.subdomain", "x"),
        tweak(PINNED, f"{POD}.subdomain", "x"),
        False,
    ),
    "a platform's container": (
        web(container("log-a"), os=OWN),
        web(container("log-a", image="log:2"), os=OWN),
        False,
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), CONFIGURED.values(), ids=CONFIGURED)
def test_short_cut_with_entries_of_the_document(old: Any, new: Any, expected: bool) -> None:
    assert verdict(copy.deepcopy(new), old, CATALOGUE) is expected


def test_elements_of_other_webhooks_are_left_to_the_walk() -> None:
    walk = walk_of(PLAIN, WEB)
    walk.skipped = ("istio-*",)
    new = tweak(WEB, f"{CONTAINERS}[0].image", "app:2")
    assert not is_untouched(PLAIN.trees["apps", "Deployment"], new, WEB, walk)


VALUES = st.sampled_from((None, {}, [], "", 0, False, True, "x", {"a": "b"}, [{"name": "app"}]))
PLACES = st.sampled_from((
    "metadata.labels", ANNOTATIONS, "metadata.finalizers", "spec.paused", "spec.replicas",
    "spec.revisionHistoryLimit", "spec.template.metadata.annotations", f"{POD}.os",
    f"{POD}.hostname", f"{POD}.subdomain", f"{POD}.volumes", f"{POD}.tolerations",
    f"{POD}.securityContext", CONTAINERS, f"{CONTAINERS}[0].image", f"{CONTAINERS}[0].stdin",
    f"{CONTAINERS}[0].ports", f"{CONTAINERS}[0].securityContext",
))  # fmt: skip
TWEAKS = st.lists(st.tuples(PLACES, VALUES), max_size=3)


def tweaked(value: Any, tweaks: list[tuple[str, Any]]) -> Any:
    for place, one in tweaks:
        try:
            value = tweak(value, place, one)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue
    return value


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TWEAKS, TWEAKS, st.sampled_from((PLAIN, CATALOGUE)))
def test_a_yes_is_what_the_walk_says(
    before: list[tuple[str, Any]], after: list[tuple[str, Any]], used: Config
) -> None:
    old = tweaked(PINNED, before)
    verdict(copy.deepcopy(tweaked(old, after)), old, used)
    verdict(old, old, used)
