"""What a stored template may lack without anybody having taken it out: parts without an owner."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import container
from webhook.rules.unowned import lacks_only_unowned

ENV = [{"name": "MINE", "value": "1"}]
INJECTED = {"name": "CLUSTER", "value": "cn-1"}
APP = container(env=ENV)
FULL = container(env=[INJECTED, *ENV])
PLAIN = container()
BY_NAME = 'k:{"name":"app"}'
ENV_BY_NAME: dict[str, Any] = {'k:{"name":"MINE"}': {}}
FIELDS: dict[str, Any] = {
    "f:image": {}, "f:env": ENV_BY_NAME, "f:name": {},
}  # fmt: skip
TSC = {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 1}
SIDE = container("side")


def fields(of_app: Any) -> Any:
    return {"f:spec": {"f:containers": {BY_NAME: of_app}, "f:dnsPolicy": {}}}


def spec(*containers: Any, **more: Any) -> Any:
    return {"containers": list(containers), **more}


ROWS: dict[str, tuple[Any, Any, Any, bool]] = {
    "the same": (spec(APP), spec(APP), fields(FIELDS), True),
    "a variable of a webhook": (spec(APP), spec(FULL), fields(FIELDS), True),
    "all variables are of webhooks": (
        spec(PLAIN), spec(container(env=[INJECTED])),
        fields({"f:image": {}, "f:name": {}}), True,
    ),
    "a variable of the writer": (
        spec(APP), spec(FULL),
        fields({**FIELDS, "f:env": {**ENV_BY_NAME, 'k:{"name":"CLUSTER"}': {}}}), False,
    ),
    "a list that is owned whole": (spec(APP), spec(FULL), fields({"f:env": {}}), False),
    "a container that is owned whole": (spec(APP), spec(FULL), fields({}), False),
    "another value": (
        spec(container(env=[{"name": "MINE", "value": "2"}])), spec(FULL), fields(FIELDS), False,
    ),
    "another image": (spec({**APP, "image": "x"}), spec(FULL), fields(FIELDS), False),
    "a new variable": (
        spec(container(env=[*ENV, {"name": "NEW"}])), spec(FULL), fields(FIELDS), False,
    ),
    "another order": (spec(SIDE, APP), spec(FULL, SIDE), fields(FIELDS), False),
    "a name twice": (
        spec(container(env=[*ENV, *ENV])), spec(FULL), fields(FIELDS), False,
    ),
    "a container of a webhook": (spec(APP), spec(APP, SIDE), fields(FIELDS), True),
    "a container of the writer": (
        spec(SIDE), spec(APP, SIDE), fields(FIELDS), False,
    ),
    "a constraint of a webhook": (
        spec(APP), spec(APP, topologySpreadConstraints=[TSC]), fields(FIELDS), True,
    ),
    "a field of a webhook": (spec(APP), spec(APP, nodeName="n1"), fields(FIELDS), True),
    "a field of the writer": (spec(APP), spec(APP, dnsPolicy="None"), fields(FIELDS), False),
    "a map in part": (
        spec(APP, securityContext={"runAsUser": 1}),
        spec(APP, securityContext={"runAsUser": 1, "fsGroup": 2}),
        fields(FIELDS), True,
    ),
    "a map that is another": (
        spec(APP, securityContext={"runAsUser": 1}),
        spec(APP, securityContext={"runAsUser": 2}),
        fields(FIELDS), False,
    ),
    "an empty map of the writer": (
        spec(APP, securityContext={}), spec(APP),
        fields(FIELDS), True,
    ),
    "nobody knows owners": (spec(APP), spec(FULL), None, False),
    "owners of another shape": (spec(APP), spec(FULL), "text", False),
    "containers that are a text": (
        {"containers": "text"}, spec(FULL), fields(FIELDS), False,
    ),
    "elements that are texts": (
        {"containers": ["text"]}, {"containers": ["text", "more"]}, fields(FIELDS), False,
    ),
    "no specification": ("text", spec(FULL), fields(FIELDS), False),
}  # fmt: skip


@pytest.mark.parametrize(("incoming", "stored", "owned", "expected"), ROWS.values(), ids=ROWS)
def test_what_is_lacking(incoming: Any, stored: Any, owned: Any, expected: bool) -> None:
    entries = [] if owned is None else [{"manager": "alice", "fieldsV1": owned}]
    holder = {"metadata": {"managedFields": entries}}
    assert lacks_only_unowned(incoming, stored, ("spec",), holder) is expected


def test_managed_fields_that_are_no_list() -> None:
    holder = {"metadata": {"managedFields": "text"}}
    assert not lacks_only_unowned(spec(APP), spec(FULL), ("spec",), holder)
