"""The README's examples of rules and policies: what kubectl prints, what objects then have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from webhook.codec import encode_review
from webhook.demo.apiserver import Answer, Request
from webhook.demo.kubectl import lines
from webhook.model import Document, Platform
from webhook.objects.equality import same
from webhook.offline.judging import Judgement, judge
from webhook.offline.requests import request_about
from webhook.registration import registrations
from webhook.rules import RULES
from webhook.snapshot import build
from webhook.sources.objects import DirectoryResolver

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = re.compile(r"^##+ ([^\n]+)\n(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(yaml)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
ALICE = {"username": "alice", "groups": ["system:authenticated"]}
NODES = [
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"n{at}",
            "labels": {"kubernetes.io/hostname": f"n{at}", "topology.kubernetes.io/zone": f"z{at}"},
        },
    }
    for at in range(3)
]


@dataclass(frozen=True)
class Example:
    """The blocks of one section: its documents, parts of an object afterwards, and a console."""

    documents: str
    parts: list[dict[str, Any]]
    consoles: list[str]


def _example(text: str) -> Example:
    blocks = BLOCK.findall(text)
    yamls = [block for language, block in blocks if language]
    documents = [block for block in yamls if "apiVersion:" in block.splitlines()[0]]
    parts = [yaml.safe_load(block) for block in yamls if block not in documents]
    return Example("".join(documents), parts, [block for language, block in blocks if not language])


SECTIONS = dict(SECTION.findall(README))
(WEB,) = [yaml.safe_load(_example(SECTIONS["The five rules"]).documents)]
RULE_SECTIONS = {title: _example(text) for title, text in SECTIONS.items() if title[1:3] == ", "}
EXAMPLES = {**RULE_SECTIONS, "CEL policies": _example(SECTIONS["CEL policies"])}


def _judge(documents: str, value: Any, old: Any = None) -> Judgement:
    snapshot = build([Document("README.md", documents)], None, Platform())
    assert snapshot.errors == ()
    request = request_about(value, old, user=ALICE)
    answer = DirectoryResolver(NODES).answer
    return judge(request, registrations(snapshot), snapshot, answer)


def _printed(documents: str, command: str) -> list[str]:
    is_apply = command.startswith("kubectl apply -f web.yaml")
    value, old = (WEB, None) if is_apply else (None, WEB)
    judgement = _judge(documents, value, old)
    answer = Answer(judgement.object_after, warnings=list(judgement.warnings))
    for entry, decision in judgement.entries:
        if not decision.allowed:
            review = orjson.loads(encode_review(judgement.request, decision, entry.mutating))
            answer.denials.append((entry.name, review["response"]["status"]))
            break  # the API server tells one
    request = Request(ALICE, judgement.request.operation, value, old)
    return [one.text for one in lines(request, answer, "web.yaml" if is_apply else "")]


def test_every_rule_has_an_example() -> None:
    titles = [title[3:].partition(":")[0] for title in RULE_SECTIONS]
    assert sorted(titles) == sorted(rule.kind for rule in RULES)
    assert [title[0] for title in RULE_SECTIONS] == list("ABCDE")


def test_every_page_for_users_is_linked() -> None:
    docs = Path(__file__).parents[2] / "docs"
    pages = [*docs.glob("*.md"), *docs.glob("commands/*.md"), *docs.glob("documents/*.md")]
    missing = [str(page.relative_to(docs.parent)) for page in pages]
    assert [page for page in missing if f"]({page})" not in README] == []


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_example_is_true(example: Example) -> None:
    assert example.consoles or example.parts
    for console in example.consoles:
        command, *expected = console.splitlines()
        assert _printed(example.documents, command.removeprefix("$ ")) == expected
    for part in example.parts:
        spec = WEB["spec"]["template"]["spec"]
        is_pod = "topologySpreadConstraints" not in part
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "w", "namespace": "shop"}}
        after = _judge(example.documents, {**pod, "spec": spec} if is_pod else WEB).object_after
        found = after["spec"]["containers"][0] if is_pod else after["spec"]["template"]["spec"]
        assert all(same(found[key], value) for key, value in part.items()), found
