"""There and back: no policy changes, whatever form it came in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.offline.texts import policy
from webhook.documents import parse_document
from webhook.model import Document
from webhook.offline import exchange
from webhook.offline.exchange import Target, cleaned, export, key_of, publish
from webhook.offline.writing import to_yaml
from webhook.publication import documents_of

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / "policies").rglob("policy.yaml"))
NATIVE = ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy")


def values_of(*texts: str) -> dict[tuple[str, str], Any]:
    items = [one for text in texts for one in parse_document(Document("x", text))[0]]
    return {one.identity: one.value for one in items}


def round_trip(*texts: str) -> str:
    documents = [Document(f"{at}.yaml", text) for at, text in enumerate(texts)]
    written = to_yaml(publish(documents, Target("team")))
    config_maps = values_of(written).values()
    return export([one for config_map in config_maps for one in documents_of(config_map)]).text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_shipped_policy_comes_back_with_its_comments(file: Path) -> None:
    text = file.read_text()
    native = {key: one for key, one in values_of(text).items() if key[0].startswith(NATIVE)}
    back = round_trip(text)
    assert values_of(back) == native
    if native == values_of(text):
        assert back == text


def test_list_from_a_cluster_comes_back_without_what_the_cluster_added() -> None:
    values = values_of(*(file.read_text() for file in FILES))
    native = {key: one for key, one in values.items() if key[0].startswith(NATIVE)}
    added = {"uid": "u", "managedFields": [{}], "resourceVersion": "5", "generation": 1}
    items = [
        {**one, "metadata": {**one["metadata"], **added}, "status": {"typeChecking": {}}}
        for one in native.values()
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    (config_map,) = publish([Document("<stdin>", text)], Target("p", "n", "example.com"))
    assert config_map["metadata"] == {
        "name": "p",
        "namespace": "n",
        "labels": {"example.com/policies": "true"},
    }
    assert "no-privileged.yaml" in config_map["data"]
    assert values_of(round_trip(text)) == native


ANNOTATED = {
    "none left": ({exchange.LAST_APPLIED: "{}"}, {}),
    "others": ({exchange.LAST_APPLIED: "{}", "a": "b"}, {"annotations": {"a": "b"}}),
    "not there": ({"a": "b"}, {"annotations": {"a": "b"}}),
}


@pytest.mark.parametrize(("annotations", "expected"), ANNOTATED.values(), ids=ANNOTATED)
def test_last_applied_is_left_out(annotations: Any, expected: Any) -> None:
    assert cleaned({"metadata": {"annotations": annotations}}) == {"metadata": expected}


MIXED = {
    "own kind between": policy("a") + "---\napiVersion: propylon.dev/v1\nkind: Actors\n"
    "metadata: {name: x}\n",
    "end marker": "---\n" + policy("a") + "...\n---\n" + policy("b"),
    "start marker": "---\n" + policy("a"),
    "empty documents": "---\n---\n" + policy("a") + "\n---\n",
}


@pytest.mark.parametrize("text", MIXED.values(), ids=MIXED)
def test_any_file_comes_back(text: str) -> None:
    native = {key: one for key, one in values_of(text).items() if key[0].startswith(NATIVE)}
    assert values_of(round_trip(text, policy("other"))) == native | values_of(policy("other"))


KEYS = {
    "policies/no-latest/policy.yaml": "no-latest.policy.yaml",
    "/a.yml": "a.yaml",
    "<stdin>": "stdin.yaml",
    "../Käse (1).json": "K-se-1-.yaml",
    "": "policies.yaml",
}


@pytest.mark.parametrize(("origin", "key"), KEYS.items())
def test_key_of_a_file(origin: str, key: str) -> None:
    assert key_of(origin) == key


def test_same_keys_are_numbered_and_large_data_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MOST_BYTES", 1100)
    texts = [Document("p.yaml", policy(f"p{at}")) for at in range(5)]
    found = publish(texts, Target("team"))
    assert [one["metadata"]["name"] for one in found] == ["team", "team-2", "team-3"]
    keys = [key for one in found for key in one["data"]]
    assert keys == ["p.yaml", "p-2.yaml", "p-3.yaml", "p-4.yaml", "p-5.yaml"]
    assert publish([], Target("team")) == ()


TEXTS = st.text() | st.sampled_from(
    ("yes", "1e3", "0o17", "1:20", "~", "", " a", "a ", "a: b", "# a", "a #b", "null", ".inf", "=")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_what_is_written_reads_the_same_in_every_reader(value: Any) -> None:
    text = to_yaml([{"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "v": value}])
    assert yaml.safe_load(text)["v"] == value
    items, errors = parse_document(Document("x", text))
    assert errors == ()
    assert items[0].value["v"] == value
