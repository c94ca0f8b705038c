"""A ConfigMap with documents is checked before it is stored."""

from typing import Any

import pytest

from tests.builders import request
from webhook.engine import decide
from webhook.model import Action, Document, Facts, Registration
from webhook.publication import documents_of, publishes
from webhook.registration import registrations, route
from webhook.snapshot import EMPTY, build

GOOD = "apiVersion: propylon.dev/v1\nkind: EnvInjection\nmetadata: {name: NAME}\nspec:\n  env: [{name: A, value: b}]\n"
LABELS = {"propylon.dev/policies": "true"}


def config_map(data: Any, labels: Any = LABELS, namespace: str = "propylon-policies") -> Any:
    metadata = {"name": "team", "namespace": namespace, "labels": labels, "resourceVersion": "7"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def entry() -> Registration:
    found = route(registrations(EMPTY), "documents", mutating=False)
    assert found is not None
    return found


IN_FORCE = build(
    [Document("ConfigMap propylon-policies/other, key a.yaml", GOOD.replace("NAME", "taken"))]
)

ALLOWED: dict[str, Any] = {
    "good": config_map({"a.yaml": GOOD.replace("NAME", "new")}),
    "no label": config_map({"a.yaml": "kind: nonsense"}, labels={}),
    "label is not true": config_map(
        {"a.yaml": "kind: nonsense"}, labels={"propylon.dev/policies": "no"}
    ),
    "labels malformed": config_map({"a.yaml": "kind: nonsense"}, labels=["x"]),
    "other keys": config_map({"README.md": "kind: nonsense"}),
    "no data": config_map(None),
}


@pytest.mark.parametrize("stored", ALLOWED.values(), ids=ALLOWED)
def test_allowed(stored: Any) -> None:
    assert decide(request(stored), entry(), IN_FORCE, Facts()).allowed


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "unknown kind": (
        {"a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"},
        "ConfigMap propylon-policies/team, key a.yaml:2:7: Pod 'x': kind: v1 Pod is unknown",
    ),
    "repeated name": (
        {"a.yaml": GOOD.replace("NAME", "taken")},
        "already defined in ConfigMap propylon-policies/other, key a.yaml",
    ),
    "not YAML": (
        {"a.yaml": "a: [1"},
        "documents: this ConfigMap has an error; what is in force stays:",
    ),
    "two errors": (
        {"a.yaml": GOOD.replace("NAME", "taken"), "b.yaml": "[]"},
        "documents: this ConfigMap has 2 errors; what is in force stays:",
    ),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_with_every_error_and_its_place(data: dict[str, str], message: str) -> None:
    decision = decide(request(config_map(data)), entry(), IN_FORCE, Facts())
    assert not decision.allowed
    assert (decision.code, decision.reason) == (422, "Invalid")
    assert message in decision.message


BROKEN = {"a.yaml": "a: [1"}


def in_emergency(reason: Any) -> Any:
    stored = config_map(BROKEN)
    stored["metadata"]["annotations"] = {"propylon.dev/break-glass": reason}
    return stored


def test_break_glass_stores_a_broken_document_and_says_so() -> None:
    decision = decide(request(in_emergency("INC-7: restore first")), entry(), IN_FORCE, Facts())
    assert decision.allowed
    assert decision.warnings == (
        "documents: stored with errors (break-glass: INC-7: restore first); what is in force stays",
    )
    (violation,) = decision.violations
    assert (violation.action, violation.found) == (Action.WARN, "break-glass: INC-7: restore first")
    assert "this ConfigMap has an error" in violation.message


@pytest.mark.parametrize("reason", ["", "  ", None, 3])
def test_break_glass_needs_a_reason(reason: Any) -> None:
    decision = decide(request(in_emergency(reason)), entry(), IN_FORCE, Facts())
    assert not decision.allowed


def test_update_of_what_is_in_force_is_no_duplicate() -> None:
    (document,) = documents_of(config_map({"a.yaml": GOOD.replace("NAME", "x")}))
    built = build([document])
    changed = config_map({"a.yaml": GOOD.replace("NAME", "x").replace("b}", "c}")})
    assert decide(request(changed), entry(), built, Facts()).allowed


def test_document_may_move_to_another_key() -> None:
    before = config_map({"a.yaml": GOOD.replace("NAME", "x")})
    after = config_map({"b.yaml": GOOD.replace("NAME", "x")})
    moved = request(after, old=before, operation="UPDATE")
    assert decide(moved, entry(), build(documents_of(before)), Facts()).allowed
    copied = request(after, operation="CREATE")
    assert not decide(copied, entry(), build(documents_of(before)), Facts()).allowed


def test_documents_of_a_config_map() -> None:
    stored = config_map({"b.yaml": "two", "a.yaml": "one", "c.txt": "no", "d.yaml": 3})
    assert documents_of(stored) == (
        Document("ConfigMap propylon-policies/team, key a.yaml", "one", "7"),
        Document("ConfigMap propylon-policies/team, key b.yaml", "two", "7"),
    )


@pytest.mark.parametrize("value", [None, [], {"metadata": 3}, {"metadata": {"labels": 3}}])
def test_malformed_object_publishes_nothing(value: Any) -> None:
    assert not publishes(value, "propylon.dev")


GRANT = """
apiVersion: propylon.dev/v1
kind: DeletionGrant
metadata: {name: NAME}
spec:
  who: {users: [alice]}
  target: {kind: Deployment, namespace: shop, name: web}
  reason: moving away
  expires: "2026-01-01T00:00:00Z"
  createdBy: CREATOR
"""


def granting(creator: str = "alice", name: str = "move", **fields: Any) -> Any:
    text = GRANT.replace("NAME", name).replace("CREATOR", creator)
    return config_map({"a.yaml": "---\n" + text}, **fields)


GRANTS: dict[str, tuple[Any, Any, bool]] = {
    "one's own": (granting(), None, True),
    "in the name of another": (granting("bob"), None, False),
    "stored before": (granting("bob"), granting("bob"), True),
    "changed": (granting("bob", "other"), granting("bob"), False),
    "published now": (granting("bob"), granting("bob", labels={}), False),
    "not published": (granting("bob", labels={}), None, True),
}


@pytest.mark.parametrize("path", ["documents", "documents-grants"])
@pytest.mark.parametrize(("new", "old", "allowed"), GRANTS.values(), ids=GRANTS)
def test_grants_are_written_by_who_answers_for_them(
    new: Any, old: Any, allowed: bool, path: str
) -> None:
    protection = "apiVersion: propylon.dev/v1\nkind: DeletionProtection\nmetadata: {name: a}\n"
    snapshot = build([Document("a", protection)])
    found = route(registrations(snapshot), path, mutating=False)
    assert found is not None
    operation = "CREATE" if old is None else "UPDATE"
    asked = request(new, old=old, operation=operation, user="alice")
    decision = decide(asked, found, snapshot, Facts())
    assert decision.allowed is allowed
    if not allowed:
        assert "spec.createdBy: must be 'alice', the user who writes this grant" in decision.message
        assert decision.code == 403
