"""The published JSON Schemas are those of the models, and say what `propylon check` says.

UPDATE_GOLDEN=1 writes them anew.
"""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from webhook.rules import MODELS
from webhook.rules.schema import file_name

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "schemas"
sys.path.insert(0, str(ROOT / "scripts"))

from document_schemas import schemas, write  # type: ignore[import-not-found] # noqa: E402

MODELINE = "# yaml-language-server: $schema=../schemas/{}\n"


def test_files_are_those_of_the_models() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        write()
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    wanted = schemas()
    assert sorted(found) == sorted(wanted), "missing or left over: UPDATE_GOLDEN=1 writes anew"
    changed = [name for name, text in wanted.items() if found[name] != text]
    assert changed == [], "not the model's: UPDATE_GOLDEN=1 writes them anew"


def test_writing_removes_what_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "gone.json").write_text("{}")
    write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(schemas())


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_page_names_the_schema(kind: str) -> None:
    name = file_name(kind)
    page = (ROOT / "docs" / "documents" / f"{name}.md").read_text(encoding="utf-8")
    assert MODELINE.format(f"{name}.json") in page
    assert f"](../schemas/{name}.json)" in page


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_schema_names_its_kind_and_forbids_unknown_fields(kind: str) -> None:
    schema = json.loads(schemas()[f"{file_name(kind)}.json"])
    assert schema["properties"]["apiVersion"]["const"] == "propylon.dev/v1"
    assert schema["properties"]["kind"]["const"] == kind
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_references_lead_somewhere(kind: str) -> None:
    text = schemas()[f"{file_name(kind)}.json"]
    named = set(re.findall(r'"#/\$defs/([^"]+)"', text))
    assert named == set(json.loads(text).get("$defs", {}))
