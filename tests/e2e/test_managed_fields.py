"""Who owns hidden fields after server-side apply, as `managedFields` of the document says (A-18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl, Result
    from tests.e2e.propylon import Propylon

DOCUMENT = """
apiVersion: propylon.dev/v1
kind: HiddenFields
metadata:
  name: managed
spec:
  phase: enforce
  managedFields: SETTING
"""
GATES = [{"conditionType": "example.com/ready"}]
HIDDEN: dict[str, Any] = {
    "nodeSelector": {"pool": "gpu"},
    "priorityClassName": "gold",
    "readinessGates": GATES,
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
}
"""A map, a scalar, an atomic list and a list of keys."""
PLATFORMS: dict[str, Any] = {**HIDDEN, "nodeSelector": {"pool": "cpu"}}
MANAGER = "--field-manager"


@pytest.fixture
def managed(request: pytest.FixtureRequest, propylon: Propylon) -> Iterator[str]:
    setting = str(request.param)
    propylon.put_in_force("managed", rule=DOCUMENT.replace("SETTING", setting))
    yield setting
    propylon.withdraw("managed")


def manifest(**fields: Any) -> Any:
    """Return the shop's Deployment with further fields in its Pod spec."""
    made = shop.clean_deployment(name="managed")
    made["spec"]["template"]["spec"] |= fields
    return made


def platform_apply(admin: Kubectl) -> Result:
    """Apply the platform's fields alone, without force."""
    made = manifest()
    bare = {key: made[key] for key in ("apiVersion", "kind")}
    bare["metadata"] = {"name": "managed", "namespace": "shop"}
    bare["spec"] = {"template": {"spec": PLATFORMS}}
    apply = ("apply", "--server-side", f"{MANAGER}=platform", "-f", "-")
    return admin.try_to(*apply, documents=bare)


def owners(admin: Kubectl) -> dict[str, set[str]]:
    """Return the fields of the Pod spec by their managers."""
    found = admin.within("shop").get("deployment", "managed", "--show-managed-fields")
    fields: dict[str, set[str]] = {}
    for one in found["metadata"]["managedFields"]:
        template = one["fieldsV1"].get("f:spec", {}).get("f:template", {})
        names = {name.removeprefix("f:") for name in template.get("f:spec", {})}
        fields[one["manager"]] = names & HIDDEN.keys()
    return fields


@pytest.mark.parametrize("managed", ["leave", "release", "claim"], indirect=True)
def test_a_platform_applies_over_a_developer(
    admin: Kubectl, developer: Kubectl, managed: str
) -> None:
    eventually(
        lambda: "hide:" in developer.try_out(manifest(**HIDDEN)).stderr, what="rule A is asked"
    )
    sides = ("--server-side", f"{MANAGER}=team")
    said = developer.apply(manifest(**HIDDEN), *sides)
    assert all(text.startswith("hide: ") for text in said.warnings), said
    assert owners(admin)["team"] == (set(HIDDEN) if managed == "leave" else set())
    first = platform_apply(admin)
    assert first.ok is (managed != "leave"), str(first)
    if managed == "leave":
        assert "conflict" in first.stderr
    else:
        said = developer.apply(
            manifest(**{**HIDDEN, "priorityClassName": "silver"}), *sides, "--force-conflicts"
        )
        assert all(text.startswith("hide: ") for text in said.warnings), said
        mine = owners(admin)
        assert "priorityClassName" not in mine["team"]
        assert ("propylon.dev" in mine) is (managed == "claim")
    developer.run("delete", "deployment", "managed")
