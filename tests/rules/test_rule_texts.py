"""What all rules share: what they skip, switches, short texts, documents' models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.builders import pod, request
from tests.rules.documents import item
from webhook.documents import Item
from webhook.model import AdmissionRequest
from webhook.rules import MODELS, RULES
from webhook.rules.messages import audit_text, limited, shorten
from webhook.rules.schema import Metadata, Model, model_errors, parse_model, schema_of
from webhook.rules.skips import is_skipped, read_switch

DELETED: dict[str, Any] = {
    **pod(),
    "metadata": {"name": "web", "deletionTimestamp": "2026-01-01T00:00:00Z"},
}
MIRROR = pod(annotations={"kubernetes.io/config.mirror": ""})

SKIPPED: dict[str, tuple[AdmissionRequest, bool]] = {
    "Pod": (request(pod()), False),
    "on its way out": (request(DELETED, old=DELETED, operation="UPDATE"), True),
    "mirror Pod": (request(MIRROR), True),
    "made by a kubelet": (request(pod(), groups=("system:nodes",)), True),
    "CONNECT": (request(pod(), operation="CONNECT"), True),
    "status": (request(pod(), old=pod(), operation="UPDATE", sub_resource="status"), True),
    "ephemeral containers": (request(pod(), sub_resource="ephemeralcontainers"), False),
    "no object": (request(old=pod(), operation="DELETE"), False),
}


@pytest.mark.parametrize(("asked", "expected"), SKIPPED.values(), ids=SKIPPED)
def test_skip_list(asked: AdmissionRequest, expected: bool) -> None:
    assert is_skipped(asked) is expected


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (("true", "yes", "on", "1", " True "), True),
        (("false", "no", "n", "off", "0", "OFF"), False),
        (("", "maybe", "y", "2", "true,false"), None),
    ],
)
def test_switches(words: tuple[str, ...], meaning: bool | None) -> None:
    assert {read_switch(word) for word in words} == {meaning}


def test_long_texts_keep_their_ends() -> None:
    assert shorten("short") == "short"
    text = shorten("env: " + "x" * 200 + " end")
    assert len(text) == 120
    assert (text[:5], text[-4:]) == ("env: ", " end")
    assert "..." in text


def test_ten_warnings_at_most() -> None:
    assert limited("env", ["a", "b", "a"]) == ("a", "b")
    assert len(limited("env", map(str, range(10)))) == 10
    many = limited("env", map(str, range(17)))
    assert many[:-1] == tuple(map(str, range(10)))
    assert many[-1] == "env: and 7 more; see the audit annotation"


def test_audit_text_is_compact() -> None:
    assert audit_text([{"path": "spec", "names": ["ä"]}]) == '[{"path":"spec","names":["ä"]}]'


class Part(Model):
    name: str
    size: int = 0
    is_on: bool = False


class Sample(Model):
    """A document of no rule."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: Part


def sample(**spec: Any) -> Item:
    return item("Sample", "one", spec)


def test_model_of_a_correct_document() -> None:
    document, errors = parse_model(sample(name="a", isOn=True), Sample)
    assert errors == ()
    assert document is not None
    assert (document.spec.name, document.spec.is_on) == ("a", True)


MISTAKES: dict[str, tuple[dict[str, Any], str, str]] = {
    "missing": ({}, "spec.name", "is required"),
    "number for a text": (
        {"name": 1},
        "spec.name",
        "must be a text (numbers and true or false need quotes); found a number",
    ),
    "text for a switch": (
        {"name": "a", "isOn": "yes"},
        "spec.isOn",
        "must be true or false; found a text",
    ),
    "switch for a number": (
        {"name": "a", "size": True},
        "spec.size",
        "must be a whole number; found true or false",
    ),
    "nothing for a number": (
        {"name": "a", "size": None},
        "spec.size",
        "must be a whole number; found nothing",
    ),
    "map for a number": (
        {"name": "a", "size": {}},
        "spec.size",
        "must be a whole number; found a map",
    ),
    "list for a number": (
        {"name": "a", "size": []},
        "spec.size",
        "must be a whole number; found a list",
    ),
    "fraction": ({"name": "a", "size": 1.5}, "spec.size", "must be a whole number; found a number"),
    "unknown field": (
        {"name": "a", "is_on": True},
        "spec.is_on",
        "unknown field; did you mean isOn? allowed: isOn, name, size",
    ),
}


@pytest.mark.parametrize(("spec", "path", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_readable(spec: dict[str, Any], path: str, message: str) -> None:
    document, (error,) = parse_model(sample(**spec), Sample)
    assert document is None
    assert (error.path, error.message) == (path, message)
    assert error.line > 0


def test_errors_of_any_model_can_be_told() -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate_json(
            '{"apiVersion": "v1", "kind": "Sample", "metadata": 1, "spec": 2}'
        )
    errors = model_errors(sample(name="a"), Sample, caught.value)
    assert [one.path for one in errors] == ["metadata", "spec"]


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_has_a_schema(kind: str) -> None:
    schema = schema_of(MODELS[kind])
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["kind"]["const"] == kind
    assert schema["additionalProperties"] is False
    assert json.loads(json.dumps(schema)) == schema


def test_every_rule_has_a_model() -> None:
    assert [rule.kind for rule in RULES if rule.kind not in MODELS] == []
