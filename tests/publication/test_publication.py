"""A ConfigMap with documents is checked before it is stored."""

from typing import Any

import pytest

from tests.builders import request
from webhook.engine import decide, decide_in_steps
from webhook.model import Action, Document, Facts, Registration
from webhook.publication import documents_of, publishes
from webhook.registration import registrations, route
from webhook.snapshot import EMPTY, build
from webhook.steps import finish

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


@pytest.mark.parametrize(
    "stored",
    [*ALLOWED.values(), *(config_map(data) for data, _ in REFUSED.values())],
    ids=[*ALLOWED, *REFUSED],
)
def test_judging_in_steps_is_the_same(stored: Any) -> None:
    asked, facts = request(stored), Facts()
    steps = decide_in_steps(asked, entry(), IN_FORCE, facts)
    assert finish(steps) == decide(asked, entry(), IN_FORCE, facts)


def test_only_documents_take_steps() -> None:
    grants = route(registrations(EMPTY), "documents-grants", mutating=False)
    asked, facts = request(config_map({"a.yaml": "a: ["})), Facts()
    assert grants is not None
    steps = decide_in_steps(asked, grants, IN_FORCE, facts)
    assert finish(steps) == decide(asked, grants, IN_FORCE, facts)


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
    assert decision.overridden_by == ("break-glass",)
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


EXCEPTION = """
apiVersion: propylon.dev/v1
kind: PolicyException
metadata: {name: NAME}
spec:
  waives: [KIND]
  subject: {users: [alice]}
  match: {namespaces: [shop]}
  reason: because
  ticket: CHG-1
  expires: "2999-01-01T00:00:00Z"
"""
PROTECTION = """
apiVersion: propylon.dev/v1
kind: DeletionProtection
metadata: {name: main}
spec: {mayOverride: {users: [olga]}}
"""
ENGINEERS = """
apiVersion: propylon.dev/v1
kind: Actors
metadata: {name: main}
spec: {platform: {groups: [engineers]}, operators: {users: [otto]}}
"""
POLICY = "{kind: ValidatingAdmissionPolicy, name: replicas}"
LIFTING = "{kind: DeletionProtection}"


def waiving(kind: str = POLICY, name: str = "legacy", **fields: Any) -> Any:
    text = EXCEPTION.replace("NAME", name).replace("KIND", kind)
    return config_map({"a.yaml": text}, **fields)


WAIVERS: dict[str, tuple[str, tuple[str, ...], Any, Any, bool]] = {
    "developer": ("alice", (), waiving(), None, False),
    "operator": ("otto", (), waiving(), None, False),
    "platform by default": ("root", ("system:masters",), waiving(), None, True),
    "platform by document": ("erin", ("engineers",), waiving(), None, True),
    "broken glass": ("alice", ("propylon.dev:breakglass",), waiving(), None, True),
    "GitOps": (
        "system:serviceaccount:argocd:argocd-application-controller",
        (),
        waiving(),
        None,
        True,
    ),
    "mayOverride, protection": ("olga", (), waiving(LIFTING), None, True),
    "mayOverride, more": ("olga", (), waiving(f"{LIFTING}, {POLICY}"), None, False),
    "another, protection": ("alice", (), waiving(LIFTING), None, False),
    "malformed": ("olga", (), waiving("x"), None, False),
    "without a list": (
        "olga",
        (),
        config_map({"a.yaml": EXCEPTION.replace("[KIND]", "3")}),
        None,
        False,
    ),
    "stored before": ("alice", (), waiving(), waiving(), True),
    "changed": ("alice", (), waiving(), waiving(name="old"), False),
    "published now": ("alice", (), waiving(), waiving(labels={}), False),
    "not published": ("alice", (), waiving(labels={}), None, True),
    "removed": ("alice", (), config_map({}), waiving(), True),
}


@pytest.mark.parametrize(("user", "groups", "new", "old", "allowed"), WAIVERS.values(), ids=WAIVERS)
def test_exceptions_are_written_by_who_may_waive(
    user: str, groups: tuple[str, ...], new: Any, old: Any, allowed: bool
) -> None:
    snapshot = build([Document("a", PROTECTION), Document("b", ENGINEERS)])
    found = route(registrations(snapshot), "documents-grants", mutating=False)
    assert found is not None
    operation = "CREATE" if old is None else "UPDATE"
    asked = request(new, old=old, operation=operation, user=user, groups=groups)
    decision = decide(asked, found, snapshot, Facts())
    assert decision.allowed is allowed
    if not allowed:
        assert f"{user!r} counts as" in decision.message
        assert "breakglass, delegate, platform, system may (Actors)" in decision.message
        assert decision.code == 403


def test_nobody_waives_by_breaking_the_glass_on_documents() -> None:
    """The annotation lets broken documents be stored, not exceptions by anybody."""
    stored = waiving()
    stored["metadata"]["annotations"] = {"propylon.dev/break-glass": "INC-7"}
    assert not decide(request(stored), entry(), IN_FORCE, Facts()).allowed


def test_an_exception_spells_its_kind() -> None:
    """The entry that must not fail looks for the word."""
    text = EXCEPTION.replace("PolicyException", '"Policy\\u0045xception"').replace("KIND", POLICY)
    stored = config_map({"a.yaml": text})
    decision = decide(request(stored, groups=("system:masters",)), entry(), IN_FORCE, Facts())
    assert "must be written plainly, without escapes" in decision.message
