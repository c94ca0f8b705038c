"""EnvInjection documents: what is refused, and what the accepted ones become."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.documents import build, config, item, literal, read
from webhook.model import Platform
from webhook.rules.actors import Actors
from webhook.rules.env import RULE
from webhook.rules.env.literals import LiteralError, parse_literal, references, render
from webhook.rules.env.ordering import dependencies_first, find_cycle

HEAD = "apiVersion: propylon.dev/v1\nkind: EnvInjection\nmetadata:\n  name: r\nspec:\n"
ENV_A = "  env: [{name: A, value: a}]\n"

MISTAKES: dict[str, tuple[str, str, int, str]] = {
    "unknown field": (
        "  conflicts: keep\n" + ENV_A,
        "spec.conflicts",
        6,
        "unknown field; did you mean conflict? allowed: adopt, allowSecrets, atomic, conflict, ",
    ),
    "unknown field of an entry": (
        "  env:\n  - name: A\n    vaule: a\n    value: b\n",
        "spec.env[0].vaule",
        8,
        "unknown field; did you mean value? allowed: conflict, ifMissing, name, ",
    ),
    "unknown field of an optional part": (
        "  env:\n  - name: A\n    valueFrom:\n      fieldref: {}\n",
        "spec.env[0].valueFrom.fieldref",
        9,
        "unknown field; did you mean fieldRef? allowed: configMapKeyRef, fieldRef, ",
    ),
    "conflict": (
        "  conflict: Keep\n" + ENV_A,
        "spec.conflict",
        6,
        'must be one of keep, override, deny, append; found "Keep"',
    ),
    "phase": (
        "  phase: on\n" + ENV_A,
        "spec.phase",
        6,
        'must be one of off, audit, warn, enforce; found "on"',
    ),
    "number as value": (
        "  env:\n  - name: A\n    value: 1\n",
        "spec.env[0].value",
        8,
        "must be a text (numbers and true or false need quotes); found a number",
    ),
    "nothing to do": ("  priority: 1\n", "spec", 5, "needs env, envFrom or reservedPrefixes: "),
    "no value": ("  env: [{name: A}]\n", "spec.env[0]", 6, "must have exactly one of value and "),
    "two values": (
        (
            "  env:\n  - name: A\n    value: a\n"
            "    valueFrom: {fieldRef: {fieldPath: metadata.name}}\n"
        ),
        "spec.env[0]",
        7,
        "must have exactly one of value and valueFrom",
    ),
    "two sources": (
        (
            "  env:\n  - name: A\n    valueFrom:\n      fieldRef: {fieldPath: metadata.name}\n"
            "      resourceFieldRef: {resource: limits.cpu}\n"
        ),
        "spec.env[0].valueFrom",
        8,
        "must have exactly one of fieldRef, resourceFieldRef, configMapKeyRef and secretKeyRef",
    ),
    "no source": (
        "  env: [{name: A, valueFrom: {}}]\n",
        "spec.env[0].valueFrom",
        6,
        "must have exactly one of fieldRef, ",
    ),
    "no source of envFrom": (
        "  envFrom: [{prefix: A}]\n",
        "spec.envFrom[0]",
        6,
        "must have exactly one of configMapRef and secretRef",
    ),
    "name of a variable": (
        "  env: [{name: 1A, value: a}]\n",
        "spec.env[0].name",
        6,
        "must be letters, digits, '_', '.' and '-', not starting with a digit",
    ),
    "name with a newline": (
        '  env: [{name: "A\\n", value: a}]\n',
        "spec.env[0].name",
        6,
        "must be letters, ",
    ),
    "name twice": (
        "  env:\n  - {name: A, value: a}\n  - {name: A, value: b}\n",
        "spec.env[1].name",
        8,
        "A is given twice",
    ),
    "never inject": (
        "  env: [{name: KUBERNETES_PORT, value: a}]\n",
        "spec.env[0].name",
        6,
        "neverInject lists KUBERNETES_*; containers may break (force: true accepts)",
    ),
    "own neverInject": (
        "  neverInject: [A]\n" + ENV_A,
        "spec.env[0].name",
        7,
        "neverInject lists A; ",
    ),
    "append without a value": (
        (
            "  conflict: append\n  env:\n  - name: A\n"
            "    valueFrom: {fieldRef: {fieldPath: metadata.name}}\n"
        ),
        "spec.env[0].valueFrom",
        9,
        "cannot be appended; give a value or another conflict",
    ),
    "placeholder": (
        '  env: [{name: A, value: "x {{pod.name}}"}]\n',
        "spec.env[0].value",
        6,
        '{{pod.name}} is unknown; allowed: namespace.labels["x"], namespace.annotations["x"], ',
    ),
    "open placeholder": (
        '  env: [{name: A, value: "x {{cluster.name}"}]\n',
        "spec.env[0].value",
        6,
        "{{ without }} (character 3)",
    ),
    "limit of a literal": (
        "  env: [{name: A, value: a, onlyWithLimit: true}]\n",
        "spec.env[0].onlyWithLimit",
        6,
        "needs valueFrom.resourceFieldRef",
    ),
    "limit of a field": (
        (
            "  env:\n  - name: A\n    valueFrom: {fieldRef: {fieldPath: metadata.name}}\n"
            "    onlyWithLimit: true\n"
        ),
        "spec.env[0].onlyWithLimit",
        9,
        "needs valueFrom.resourceFieldRef",
    ),
    "field": (
        "  env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.hostname}}}]\n",
        "spec.env[0].valueFrom.fieldRef.fieldPath",
        6,
        "must be one of metadata.name, metadata.namespace, ",
    ),
    "resource": (
        "  env: [{name: A, valueFrom: {resourceFieldRef: {resource: cpu}}}]\n",
        "spec.env[0].valueFrom.resourceFieldRef.resource",
        6,
        "must be limits. or requests. with cpu, ",
    ),
    "secret": (
        "  env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n",
        "spec.env[0].valueFrom.secretKeyRef",
        6,
        "needs allowSecrets: true in this document",
    ),
    "secret as a whole": (
        "  envFrom: [{secretRef: {name: s}}]\n",
        "spec.envFrom[0].secretRef",
        6,
        "needs allowSecrets: true in this document",
    ),
    "prefix": (
        "  envFrom: [{prefix: 1, configMapRef: {name: s}}]\n".replace("1", '"1"'),
        "spec.envFrom[0].prefix",
        6,
        "must be letters, ",
    ),
    "cycle": (
        (
            "  env:\n  - {name: Z, value: $(A)}\n  - {name: A, value: $(B)}\n"
            "  - {name: B, value: $(A)}\n"
        ),
        "spec.env[1].value",
        8,
        "refers to itself: A -> B -> A",
    ),
    "refers to itself": (
        "  env: [{name: A, value: $(A)}]\n",
        "spec.env[0].value",
        6,
        "refers to itself: A -> A",
    ),
    "too many entries": (
        "  limits: {entries: 1}\n  env: [{name: A, value: a}, {name: B, value: b}]\n",
        "spec.env",
        7,
        "more entries than limits.entries allows (1)",
    ),
    "namespace selector": (
        "  match: {namespaceSelector: {matchLabels: {team: 'a b'}}}\n" + ENV_A,
        "spec.match.namespaceSelector.matchLabels.team",
        6,
        "'a b' is no label value",
    ),
    "pod selector": (
        "  match: {podSelector: {labels: {}}}\n" + ENV_A,
        "spec.match.podSelector.labels",
        6,
        "unknown field; allowed are matchLabels and matchExpressions",
    ),
}


@pytest.mark.parametrize(("spec", "path", "line", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(spec: str, path: str, line: int, message: str) -> None:
    (error,) = RULE.parse(read(HEAD + spec))
    assert (error.kind, error.name, error.path, error.line) == ("EnvInjection", "r", path, line)
    assert error.message.startswith(message)
    assert "^" in error.excerpt


NAMES: dict[str, tuple[str, bool]] = {
    "plain": ("identity-2.a", True),
    "upper case": ("Identity", False),
    "list": ("a,b", False),
    "read as a switch": ("yes", False),
    "too long": ("a" * 64, False),
}


@pytest.mark.parametrize(("name", "fits"), NAMES.values(), ids=NAMES)
def test_names_of_rules(name: str, fits: bool) -> None:
    errors = RULE.parse(item("EnvInjection", name, {"env": [literal("A", "a")]}))
    assert [one.path for one in errors] == ([] if fits else ["metadata.name"])


def test_all_mistakes_are_named_at_once() -> None:
    text = HEAD + '  env: [{name: "", value: "{{x}}"}, {name: PATH, value: a}]\n'
    assert [one.path for one in RULE.parse(read(text))] == [
        "spec.env[0].name",
        "spec.env[0].value",
        "spec.env[1].name",
    ]


ACCEPTED: dict[str, str] = {
    "forced": "  force: true\n  env: [{name: PATH, value: /bin}]\n",
    "secret": "  allowSecrets: true\n  envFrom: [{secretRef: {name: s}}]\n",
    "fields": "  env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['a/b']\"}}}]\n",
    "only reserved": "  reservedPrefixes: [{prefix: PLATFORM_}]\n",
    "reference to another rule": "  env: [{name: A, value: $(B)}]\n",
    "escaped reference": "  env: [{name: A, value: $$(A)}]\n",
}


@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(spec: str) -> None:
    assert RULE.parse(read(HEAD + spec)) == ()


def test_shipped_texts_may_have_labels() -> None:
    metadata = {"name": "r", "labels": {"team": "a"}, "annotations": {"note": "b"}}
    document = item("EnvInjection", "r", {"env": [literal("A", "a")]}, metadata=metadata)
    assert RULE.parse(document) == ()


LITERALS: dict[str, tuple[str, str, set[str]]] = {
    "plain": ("a b", "a b", set()),
    "empty": ("", "", set()),
    "references": ("$(A)-$$(B)-$(C_1)", "$(A)-$$(B)-$(C_1)", {"A", "C_1"}),
    "empty reference": ("$()", "$()", set()),
    "values": ('{{ namespace.labels["team"] }}/{{container.name}}', "core/app", set()),
    "single quotes": ("{{pod.labels['a.b/c']}}", "x", set()),
    "text": ('{{"{{"}}a}}', "{{a}}", set()),
    "reference around text": ('$({{"NAME"}})', "$(NAME)", {"NAME"}),
    "dollars of a value": ('{{namespace.annotations["note"]}}', "$$(SECRET) 5$$", set()),
}
CONTEXT = {
    "namespace": {"labels": {"team": "core"}, "annotations": {"note": "$(SECRET) 5$"}},
    "pod": {"labels": {"a.b/c": "x"}},
    "container": {"name": "app"},
}


@pytest.mark.parametrize(("text", "value", "names"), LITERALS.values(), ids=LITERALS)
def test_literals(text: str, value: str, names: set[str]) -> None:
    parsed = parse_literal(text)
    assert render(parsed, CONTEXT) == value
    assert parsed.references == names


def test_position_of_a_bad_placeholder() -> None:
    with pytest.raises(LiteralError) as caught:
        parse_literal("ab{{x}}")
    assert caught.value.position == 2


def test_references_of_the_kubelet() -> None:
    assert references("$$$(A) $(B $(C)") == {"A", "B $(C"}


ORDERS: dict[str, tuple[dict[str, set[str]], list[str]]] = {
    "independent": ({"b": set(), "a": set()}, ["b", "a"]),
    "one": ({"b": {"a"}, "c": set(), "a": set()}, ["c", "a", "b"]),
    "chain": ({"c": {"b"}, "b": {"a"}, "a": set(), "d": {"x"}}, ["a", "b", "c", "d"]),
    "several": ({"c": {"a", "b"}, "b": {"a"}, "a": set()}, ["a", "b", "c"]),
    "cycle": ({"c": set(), "b": {"a"}, "a": {"b"}}, ["c", "b", "a"]),
}


@pytest.mark.parametrize(("needs", "order"), ORDERS.values(), ids=ORDERS)
def test_dependencies_come_first(needs: dict[str, set[str]], order: list[str]) -> None:
    found = dependencies_first(list(needs), lambda one: one, lambda one: frozenset(needs[one]))
    assert found == order


@pytest.mark.parametrize(
    ("needs", "cycle"),
    [
        ({"a": {"b"}, "b": {"x"}}, ()),
        ({"a": {"a"}}, ("a",)),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}, ("b", "c")),
    ],
)
def test_cycles_are_found(needs: dict[str, set[str]], cycle: tuple[str, ...]) -> None:
    assert find_cycle({name: frozenset(others) for name, others in needs.items()}) == cycle


def rule(*env: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"env": list(env), **spec}


BETWEEN: dict[str, tuple[dict[str, dict[str, Any]], list[tuple[str, str]]]] = {
    "same value": ({"a": rule(literal("A", "1")), "b": rule(literal("A", "1"))}, []),
    "other priority": (
        {"a": rule(literal("A", "1")), "b": rule(literal("A", "2"), priority=1)},
        [],
    ),
    "both append": (
        {
            "a": rule(literal("A", "1"), conflict="append"),
            "b": rule(literal("A", "2"), conflict="append"),
        },
        [],
    ),
    "Namespaces that never meet": (
        {
            "a": rule(literal("A", "1"), match={"namespaces": ["dev", "dev-*"]}),
            "b": rule(literal("A", "2"), match={"namespaces": ["prod"]}),
        },
        [],
    ),
    "Namespaces that meet": (
        {
            "a": rule(literal("A", "1"), match={"namespaces": ["dev", "prod"]}),
            "b": rule(literal("A", "2"), match={"namespaces": ["p*"]}),
        },
        [("b", "spec.env[0].name")],
    ),
    "other level": (
        {"a": rule(literal("A", "1")), "b": rule(literal("A", "2"), level="template")},
        [],
    ),
    "off": ({"a": rule(literal("A", "1")), "b": rule(literal("A", "2"), phase="off")}, []),
    "cycle through rules": (
        {"a": rule(literal("A", "$(B)")), "b": rule(literal("X", "x"), literal("B", "$(A)"))},
        [("b", "spec.env[1].name")],
    ),
}


@pytest.mark.parametrize(("rules", "expected"), BETWEEN.values(), ids=BETWEEN)
def test_errors_between_documents(
    rules: dict[str, dict[str, Any]], expected: list[tuple[str, str]]
) -> None:
    _, errors = build(rules)
    assert [(one.name, one.path) for one in errors] == expected


def test_rules_stand_in_the_order_of_priority_and_name() -> None:
    built = config({
        "c": rule(literal("C", "")),
        "b": rule(literal("B", "")),
        "a": rule(literal("A", ""), priority=200),
        "z": rule(literal("Z", ""), priority=-1),
        "not-used": rule(literal("O", ""), phase="off"),
    })  # fmt: skip
    assert [one.name for one in built.rules] == ["z", "b", "c", "a"]


REGISTERED: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "plain": (rule(literal("A", "")), False, False),
    "ephemeral": (
        rule(literal("A", ""), match={"containers": {"kinds": ["app", "ephemeral"]}}),
        False,
        True,
    ),
    "template": (rule(literal("A", ""), level="template"), True, False),
    "deny": (rule({**literal("A", ""), "conflict": "deny"}), True, False),
    "missing values": (rule(literal("A", ""), ifMissing="deny"), True, False),
    "reserved": ({"reservedPrefixes": [{"prefix": "P_"}]}, True, False),
    "opt-out": (rule(literal("A", ""), optOutBy="platform"), True, False),
    "off": (rule(literal("A", ""), phase="off", level="template"), False, False),
}


@pytest.mark.parametrize(("spec", "templates", "ephemeral"), REGISTERED.values(), ids=REGISTERED)
def test_what_the_webhook_must_see(spec: dict[str, Any], templates: bool, ephemeral: bool) -> None:
    built = config({"r": spec})
    assert (built.needs_templates, built.needs_ephemeral) == (templates, ephemeral)


SOURCES: dict[str, tuple[dict[str, Any], Any]] = {
    "optional by default": ({"configMapRef": {"name": "m"}}, True),
    "said to be needed": ({"configMapRef": {"name": "m", "optional": False}}, None),
}


@pytest.mark.parametrize(("source", "optional"), SOURCES.values(), ids=SOURCES)
def test_sources_are_optional(source: dict[str, Any], optional: bool | None) -> None:
    built = config({"r": {"envFrom": [source]}}).rules[0]
    assert built.sources[0].element["configMapRef"].get("optional") is optional


def test_nothing_of_a_mandatory_rule_is_optional() -> None:
    spec = {
        "mandatory": True,
        "allowSecrets": True,
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "envFrom": [{"prefix": "P_", "secretRef": {"name": "s"}, "conflict": "override"}],
    }
    built = config({"r": spec}).rules[0]
    assert built.variables[0].value_from == {"secretKeyRef": {"key": "k", "name": "s"}}
    assert built.sources[0].element == {"prefix": "P_", "secretRef": {"name": "s"}}
    assert built.sources[0].at_end


def test_generation_follows_the_text_of_the_document() -> None:
    generations = [
        config({"r": rule(literal("A", value))}).rules[0].generation for value in ("1", "2", "1")
    ]
    assert generations[0] == generations[2] != generations[1]
    assert len(generations[0]) == 8


def test_build_takes_the_platform() -> None:
    built, _ = RULE.build((), Actors(), Platform(prefix="x.example", cluster_name="c"))
    assert (built.prefix, built.cluster_name, built.rules) == ("x.example", "c", ())
