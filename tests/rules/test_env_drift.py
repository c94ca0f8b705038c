"""Rule B's report `env-drift`: what a running Pod shows of the rules that it was made by."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container, pod, request
from tests.rules.documents import config, facts, literal
from webhook.rules.env.drift import Drift, drift_of

MARKER = "propylon.dev/injected-env"
BOTH = {
    "identity": {"env": [literal("ZONE", "z1"), {**literal("TEAM", "a"), "conflict": "override"}]},
}
CONFIG = config(BOTH)
GENERATION = CONFIG.rules[0].generation


def drift(*containers: Any, rules: Any = None, **fields: Any) -> Drift:
    built = CONFIG if rules is None else config(rules)
    return drift_of(request(pod(*containers, **fields)), built, facts())


def variables(**values: str) -> list[dict[str, str]]:
    return [literal(name, value) for name, value in values.items()]


CASES: dict[str, tuple[Drift, tuple[str, ...]]] = {
    "as it would be made now": (drift(container(env=variables(ZONE="z1", TEAM="a"))), ()),
    "lacks a variable": (
        drift(container(env=variables(TEAM="a"))),
        ("container app lacks ZONE (rule identity)",),
    ),
    "has an overridden value": (
        drift(container(env=variables(ZONE="z1", TEAM="b"))),
        ("container app has another TEAM (rule identity)",),
    ),
    "a kept value may be the developer's": (
        drift(container(env=variables(ZONE="z0", TEAM="a"))),
        (),
    ),
    "lacks a part of a list": (
        drift(
            container(env=variables(OPTS="-x")),
            rules={"opts": {"env": [{**literal("OPTS", "-y"), "conflict": "append", "separator": " "}]}},
        ),
        ("container app lacks a part of OPTS (rule opts)",),
    ),
    "each container is told": (
        drift(container(), container("cache"), initContainers=[container("init")]),
        (
            "container app lacks ZONE, TEAM (rule identity)",
            "container cache lacks ZONE, TEAM (rule identity)",
            "container init lacks ZONE, TEAM (rule identity)",
        ),
    ),
    "rules that are tried out": (
        drift(rules={"a": {"phase": "warn", "env": [literal("ZONE", "z1")]}}),
        (),
    ),
    "opted out": (drift(annotations={"propylon.dev/skip-env": "true"}), ()),
    "mirror Pod": (drift(annotations={"kubernetes.io/config.mirror": "x"}), ()),
}  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), CASES.values(), ids=CASES)
def test_variables_that_are_older(found: Drift, expected: tuple[str, ...]) -> None:
    assert sorted(found.variables) == sorted(expected)
    assert bool(found) is bool(expected)


def test_a_pod_that_has_ended_does_not_count() -> None:
    ended = {**pod(), "status": {"phase": "Succeeded"}}
    assert not drift_of(request(ended), CONFIG, facts())


MARKERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "the same": (f"identity@{GENERATION}", ()),
    "older": ("identity@1a2b3c4d", (f"identity@1a2b3c4d -> {GENERATION}",)),
    "a rule that is gone": (
        f"identity@{GENERATION},legacy@1a2b3c4d",
        ("legacy@1a2b3c4d -> gone",),
    ),
    "empty": ("", ()),
}


@pytest.mark.parametrize(("marker", "expected"), MARKERS.values(), ids=MARKERS)
def test_generations_by_the_marker(marker: str, expected: tuple[str, ...]) -> None:
    made = container(env=variables(ZONE="z1", TEAM="a"))
    assert drift(made, annotations={MARKER: marker}).generations == expected
