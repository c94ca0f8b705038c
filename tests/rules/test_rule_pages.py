"""The pages about documents: their examples are accepted, and every field is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from webhook.documents import parse_document
from webhook.model import Document
from webhook.rules import MODELS
from webhook.snapshot import build

PAGES = Path(__file__).parents[2] / "docs" / "documents"
EXAMPLE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
EXAMPLES = [
    (page.name, text)
    for page in sorted(PAGES.glob("*.md"))
    for text in EXAMPLE.findall(page.read_text())
]
MODEL_PAGES = {
    "Actors": "actors.md",
    "EnvInjection": "env-injection.md",
    "HiddenFields": "hidden-fields.md",
}


@pytest.mark.parametrize(("page", "text"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_examples_are_accepted(page: str, text: str) -> None:
    document = Document(page, text)
    items, errors = parse_document(document)
    assert items
    assert errors == ()
    assert build([document]).errors == ()


def fields_of(model: type[BaseModel]) -> set[str]:
    """Return the names of all fields, as they are written in documents."""
    schema = model.model_json_schema(by_alias=True)
    parts = (schema, *schema["$defs"].values())
    return {name for part in parts for name in part.get("properties", ())}


@pytest.mark.parametrize(("kind", "page"), MODEL_PAGES.items(), ids=MODEL_PAGES)
def test_every_field_is_named(kind: str, page: str) -> None:
    text = (PAGES / page).read_text()
    # metadata is the same for all kinds; apiVersion of a field is never worth writing
    known = {"apiVersion", "kind", "metadata", "spec", "name", "labels", "annotations"}
    missing = {
        name for name in fields_of(MODELS[kind]) - known if not re.search(rf"\b{name}\b", text)
    }
    assert missing == set()
