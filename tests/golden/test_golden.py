"""What the wire shows: NNN-name.request.json → NNN-name.response.json, with the patch readable.

A folder of `data` is a webhook entry (`validate.policies`); the documents are the shipped policies and,
for the rules that need one, those of the demo. UPDATE_GOLDEN=1 writes the responses anew.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

import orjson
import pytest

from webhook.codec import decode_review, encode_review
from webhook.engine import decide
from webhook.model import (
    NEVER,
    AdmissionRequest,
    Decision,
    Facts,
    NeedFacts,
    Platform,
    Registration,
)
from webhook.registration import registrations, route
from webhook.snapshot import build
from webhook.sources.directory import load_directory
from webhook.sources.objects import DirectoryResolver, collect_objects

DATA = Path(__file__).parent / "data"
ROOT = Path(__file__).parent.parent.parent
REQUESTS = sorted(DATA.rglob("*.request.json"))
DEMO = ROOT / "webhook" / "demo"
RULES = ("actors", "hidden-fields", "spreading", "deletion-protection")
DOCUMENTS = (
    *load_directory(ROOT / "policies"),
    *(one for one in load_directory(DEMO / "documents") if Path(one.origin).stem in RULES),
)
SNAPSHOT = build(DOCUMENTS, None, Platform(cluster_name="test"))
SHOP = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": "shop",
        "labels": {
            "kubernetes.io/metadata.name": "shop",
            "environment": "production",
            "propylon.dev/lxcfs": "enabled",
        },
    },
}
OBJECTS, _ = collect_objects(load_directory(DEMO / "objects"))
RESOLVER = DirectoryResolver([*(one for one in OBJECTS if one["metadata"]["name"] != "shop"), SHOP])


def response_of(path: Path) -> Path:
    return path.with_name(path.name.replace(".request.", ".response."))


def decide_with_facts(request: AdmissionRequest, registration: Registration) -> Decision:
    """Decide; what it asks for is answered from the few objects that there are."""
    known = Facts()
    while True:
        try:
            return decide(request, registration, SNAPSHOT, known)
        except NeedFacts as need:
            known |= {lookup: RESOLVER.answer(lookup) for lookup in need.lookups}


def answer(path: Path) -> bytes:
    verb, _, entry = path.parent.name.partition(".")
    mutating = verb == "mutate"
    registration = route(registrations(SNAPSHOT), entry, mutating=mutating)
    assert registration is not None
    assert registration.stages
    request = decode_review(path.read_bytes(), 0.0, NEVER)
    decision = decide_with_facts(request, registration)
    review = orjson.loads(encode_review(request, decision, mutating))
    # The digest changes with every shipped policy; that it is there is enough here.
    assert len(review["response"]["auditAnnotations"]["snapshot"]) == 8
    review["response"]["auditAnnotations"]["snapshot"] = "digest"
    if "patch" in review["response"]:
        review["response"]["patch"] = orjson.loads(base64.b64decode(review["response"]["patch"]))
    return orjson.dumps(review, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_response_is_as_recorded(path: Path) -> None:
    found = answer(path)
    if os.environ.get("UPDATE_GOLDEN"):
        response_of(path).write_bytes(found)
    assert response_of(path).read_bytes() == found


def test_no_file_is_left_over() -> None:
    expected = {*REQUESTS, *map(response_of, REQUESTS)}
    assert {path for path in DATA.rglob("*") if path.is_file()} == expected
