"""The shared values: names as Kubernetes writes them, facts, errors as text."""

import pytest

from webhook.model import (
    NEVER,
    NOTHING,
    ConfigError,
    Facts,
    Get,
    GroupVersionKind,
    GroupVersionResource,
    NeedFacts,
    Unavailable,
)

SHOP = Get("v1", "Namespace", "", "shop")


def test_names_of_the_core_group_have_no_group() -> None:
    assert GroupVersionKind("", "v1", "Pod").api_version == "v1"
    assert GroupVersionKind("apps", "v1", "Deployment").api_version == "apps/v1"
    assert GroupVersionResource("", "v1", "pods").group_resource == "pods"
    assert GroupVersionResource("apps", "v1", "deployments").group_resource == "deployments.apps"


def test_nothing_is_an_empty_mapping_that_may_be_a_default() -> None:
    assert (dict(NOTHING), len(NOTHING), NOTHING.get("x")) == ({}, 0, None)
    assert hash(NOTHING) == hash(NOTHING)


def test_no_deadline_never_expires() -> None:
    assert not NEVER.expired()


def test_facts_answer_what_they_know_and_ask_for_the_rest() -> None:
    facts = Facts({SHOP: {"kind": "Namespace"}})
    assert facts.namespace("shop") == {"kind": "Namespace"}
    with pytest.raises(NeedFacts) as need:
        facts.namespace("other")
    assert need.value.lookups == {Get("v1", "Namespace", "", "other")}


def test_an_object_that_does_not_exist_is_an_answer() -> None:
    assert (Facts() | {SHOP: None}).namespace("shop") is None


def test_sealed_facts_ask_no_more() -> None:
    assert Facts().sealed().namespace("shop") == Unavailable("the deadline of the request passed")


ERRORS: dict[str, tuple[ConfigError, str]] = {
    "place only": (ConfigError("a.yaml", "not YAML"), "a.yaml: not YAML"),
    "all": (
        ConfigError("a.yaml", "must be text", "Actors", "x", "spec.a", 3, 7, "  a: 1\n  ^"),
        "a.yaml:3:7: Actors 'x': spec.a: must be text\n  a: 1\n  ^",
    ),
}


@pytest.mark.parametrize(("error", "expected"), ERRORS.values(), ids=ERRORS)
def test_config_error_as_text(error: ConfigError, expected: str) -> None:
    assert str(error) == expected
