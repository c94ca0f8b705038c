"""Documents → Snapshot: what is in force, what is wrong, and that bad never takes down good."""

import pytest

from webhook.model import ConfigError, Document, Platform
from webhook.snapshot import EMPTY, Snapshot, build, build_in_steps, check_documents

POLICY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: NAME
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  validations:
    - expression: EXPRESSION
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: NAME
spec:
  policyName: NAME
  validationActions: [Deny]
"""
ENV = """\
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata:
  name: NAME
spec:
  env:
    - name: CLUSTER
      value: VALUE
"""
BROKEN = "object.spec.replicas >"


def policy(name: str, expression: str = "object.spec.replicas <= 3") -> str:
    return POLICY.replace("NAME", name).replace("EXPRESSION", expression)


def env(name: str, value: str = "one") -> str:
    return ENV.replace("NAME", name).replace("VALUE", value)


def snapshot(
    texts: dict[str, str], previous: Snapshot | None = None, platform: Platform | None = None
) -> Snapshot:
    documents = [Document(origin, text) for origin, text in texts.items()]
    return build(documents, previous, platform)


def in_force(built: Snapshot) -> list[str]:
    return sorted(f"{item.kind}/{item.name}" for item in built.items)


def places(errors: tuple[ConfigError, ...]) -> list[tuple[str, int, int]]:
    return [(error.origin, error.line, error.column) for error in errors]


def test_documents_of_all_kinds_come_into_force() -> None:
    built = snapshot({"a.yaml": policy("replicas"), "b.yaml": env("cluster")})
    assert built.errors == ()
    assert [one.name for one in built.policies] == ["replicas"]
    assert [one.policy_name for one in built.bindings] == ["replicas"]
    assert list(built.configs) == ["env"]
    assert list(built.policy_sets) == ["policies"]
    assert set(built.texts) == {
        "ValidatingAdmissionPolicy/replicas",
        "ValidatingAdmissionPolicyBinding/replicas",
        "EnvInjection/cluster",
    }


def test_empty_snapshot_has_a_digest_and_nothing_else() -> None:
    assert (EMPTY.items, EMPTY.errors, EMPTY.configs) == ((), (), {})
    assert EMPTY.digest == snapshot({}).digest


def test_digest_follows_the_content_only() -> None:
    one = snapshot({"a.yaml": policy("x") + "---\n" + env("y")})
    same = snapshot({"z.yaml": env("y"), "b.yaml": "# a comment\n" + policy("x")})
    other = snapshot({"a.yaml": policy("x") + "---\n" + env("y", "two")})
    assert one.digest == same.digest
    assert one.digest != other.digest
    assert one.annotations == {"snapshot": one.digest[:8]}


def test_unchanged_text_is_not_compiled_again() -> None:
    first = snapshot({"a.yaml": policy("x"), "b.yaml": policy("y")})
    second = snapshot({"a.yaml": policy("x"), "b.yaml": policy("y", "1 < 2")}, first)
    assert second.sources[0] is first.sources[0]
    assert second.policies[0] is first.policies[0]
    assert second.policies[1] is not first.policies[1]


def test_unchanged_document_of_a_changed_text_is_not_compiled_again() -> None:
    first = snapshot({"a.yaml": f"{policy('x')}---\n{policy('y')}"})
    second = snapshot({"a.yaml": f"# moved\n{policy('y')}---\n{policy('x', '1 < 2')}"}, first)
    assert second.policies[1] is first.policies[1]
    assert second.policies[0] is not first.policies[0]
    assert second.items[0].error(("spec",), "").line == 6, "where it is now"
    again = snapshot({"a.yaml": f"{policy('x', BROKEN)}---\n{policy('y')}"}, first)
    assert again.policies == first.policies
    assert len(again.errors) == 1


def test_build_pauses_at_each_expression_and_costs_little_for_what_did_not_change() -> None:
    texts = {name: policy(name) for name in "abcdefgh"}
    first = snapshot(texts)
    count = pauses(texts)
    longer = policy("a").replace("validations:", "validations:\n    - expression: 1 < 2")
    assert pauses({**texts, "a": longer}) >= count + 5
    changed = pauses({**texts, "a": policy("a", "1 < 2")}, first)
    unchanged = pauses(texts, first)
    assert 0 < changed - unchanged <= (count - unchanged) / len(texts)


def pauses(texts: dict[str, str], previous: Snapshot | None = None) -> int:
    documents = [Document(origin, text) for origin, text in texts.items()]
    return len(list(build_in_steps(documents, previous, Platform())))


def test_expression_that_does_not_compile_keeps_the_last_good_policy() -> None:
    first = snapshot({"a.yaml": policy("x")})
    second = snapshot({"a.yaml": policy("x", BROKEN)}, first)
    assert second.policies == first.policies
    assert second.digest == first.digest
    assert places(second.errors) == [("a.yaml", 10, 41)]
    third = snapshot({"a.yaml": policy("x", BROKEN) + "# again\n"}, second)
    assert third.policies == first.policies


def test_broken_document_takes_nothing_else_down() -> None:
    built = snapshot({"a.yaml": policy("x", BROKEN) + "---\n" + env("good"), "b.yaml": policy("y")})
    assert in_force(built) == [
        "EnvInjection/good",
        "ValidatingAdmissionPolicy/y",
        "ValidatingAdmissionPolicyBinding/x",
        "ValidatingAdmissionPolicyBinding/y",
    ]
    assert len(built.errors) == 1


def test_text_that_does_not_parse_keeps_all_it_held() -> None:
    first = snapshot({"a.yaml": policy("x") + "---\n" + env("y")})
    second = snapshot({"a.yaml": "a: [1,\nb: 2}"}, first)
    assert in_force(second) == in_force(first)
    assert second.digest == first.digest
    assert [error.origin for error in second.errors] == ["a.yaml"]


def test_removed_document_and_removed_source_are_gone() -> None:
    first = snapshot({"a.yaml": policy("x") + "---\n" + env("y"), "b.yaml": env("z")})
    assert in_force(snapshot({"a.yaml": policy("x")}, first)) == [
        "ValidatingAdmissionPolicy/x",
        "ValidatingAdmissionPolicyBinding/x",
    ]


def test_broken_document_without_a_good_version_is_not_in_force() -> None:
    built = snapshot({"a.yaml": env("x").replace("CLUSTER", "not a name")})
    assert in_force(built) == []
    assert built.configs == {}
    assert len(built.errors) == 1


UNKNOWN = {
    "kind": (
        "apiVersion: propylon.dev/v1\nkind: Envinjection\nmetadata: {name: x}\n",
        (2, 7),
        "EnvInjection",
    ),
    "group": (
        "apiVersion: propylon.io/v1\nkind: EnvInjection\nmetadata: {name: x}\n",
        (2, 7),
        "allowed: Actors,",
    ),
    "version": (
        "apiVersion: propylon.dev/v2\nkind: EnvInjection\nmetadata: {name: x}\n",
        (1, 13),
        "version 'v2' is unknown; allowed: v1",
    ),
    "an object of the cluster": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
        (2, 7),
        "v1 Pod is unknown; allowed: Actors,",
    ),
}


@pytest.mark.parametrize(("text", "place", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_kinds_are_refused_with_a_list(
    text: str, place: tuple[int, int], message: str
) -> None:
    (error,) = snapshot({"a.yaml": text}).errors
    assert (error.line, error.column) == place
    assert message in error.message


def test_duplicate_name_is_an_error_on_the_later_one() -> None:
    built = snapshot({"a.yaml": env("x"), "b.yaml": env("x", "two")})
    assert [item.document.origin for item in built.items] == ["a.yaml"]
    assert places(built.errors) == [("b.yaml", 4, 9)]
    assert "already defined in a.yaml" in built.errors[0].message


def test_what_is_in_force_wins_over_an_earlier_duplicate() -> None:
    first = snapshot({"b.yaml": env("x", "two")})
    second = snapshot({"a.yaml": env("x"), "b.yaml": env("x", "two")}, first)
    assert [item.document.origin for item in second.items] == ["b.yaml"]
    assert second.digest == first.digest
    third = snapshot({"a.yaml": env("x")}, second)
    assert [item.document.origin for item in third.items] == ["a.yaml"]
    assert third.errors == ()


def test_document_may_move_to_another_source() -> None:
    first = snapshot({"a.yaml": env("x")})
    second = snapshot({"b.yaml": env("x")}, first)
    assert (second.errors, second.digest) == ((), first.digest)


def test_name_twice_in_one_text() -> None:
    built = snapshot({"a.yaml": env("x") + "---\n" + env("x", "two")})
    assert len(built.items) == 1
    assert places(built.errors) == [("a.yaml", 13, 9)]


def test_check_documents_changes_nothing_and_names_only_new_errors() -> None:
    built = snapshot({"a.yaml": env("x"), "b.yaml": "kind: 1"})
    assert check_documents([Document("c.yaml", env("y"))], built) == ()
    assert check_documents([Document("a.yaml", env("x", "two"))], built) == ()
    (error,) = check_documents([Document("c.yaml", env("x"))], built)
    assert (error.origin, error.kind, error.name) == ("c.yaml", "EnvInjection", "x")


def test_errors_between_documents_of_a_rule_are_listed() -> None:
    texts = {"a.yaml": env("a", "one"), "b.yaml": env("b", "two")}
    assert "CLUSTER" in snapshot(texts).errors[0].message


def test_new_texts_must_work_on_the_kubernetes_version() -> None:
    platform = Platform(kubernetes_version="1.30")
    recent = policy("x", "'[3, 1].sort() == [1, 3]'")
    (error,) = check_documents([Document("a.yaml", recent)], snapshot({}, None, platform))
    assert "'sort'" in error.message
    in_force = snapshot({"a.yaml": recent}, None, platform)
    assert in_force.errors == ()
    assert check_documents([Document("a.yaml", recent)], in_force) == ()
    assert check_documents([Document("b.yaml", env("y"))], in_force) == ()
    on_latest = snapshot({}, None, Platform(kubernetes_version="1.37"))
    assert check_documents([Document("a.yaml", recent)], on_latest) == ()


def test_new_mutating_texts_must_work_on_the_kubernetes_version() -> None:
    text = """
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: sorted}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}
  mutations:
    - patchType: JSONPatch
      jsonPatch: {expression: "[JSONPatch{op: 'add', path: '/x', value: [3].sort()}]"}
"""
    on_old = snapshot({}, None, Platform(kubernetes_version="1.30"))
    (error,) = check_documents([Document("a.yaml", text)], on_old)
    assert "'sort'" in error.message
