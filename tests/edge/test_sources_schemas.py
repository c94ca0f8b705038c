"""Schemas of custom resources from definitions in the objects' directory."""

from __future__ import annotations

from typing import Any

import pytest

from webhook.model import NEVER, SchemaOf
from webhook.sources.objects import DirectoryResolver

VERSION = {"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"spec": {}}}}}


def definition(name: str, *versions: Any) -> Any:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {"group": "example.com", "names": {"kind": "Widget"}, "versions": list(versions)},
    }


BROKEN = {**definition("broken"), "spec": None}
STRANGE = definition("strange", {"name": "v1", "schema": {"openAPIV3Schema": "x"}})

CASES: dict[str, tuple[list[Any], str, bool]] = {
    "defined": ([definition("a", VERSION)], "example.com/v1", True),
    "another version": ([definition("a", VERSION)], "example.com/v2", False),
    "a broken definition beside it": ([BROKEN, definition("z", VERSION)], "example.com/v1", True),
    "a strange schema": ([STRANGE], "example.com/v1", False),
    "nothing": ([], "example.com/v1", False),
}


@pytest.mark.parametrize(("objects", "api_version", "is_known"), CASES.values(), ids=CASES)
async def test_schemas(objects: list[Any], api_version: str, is_known: bool) -> None:
    lookup = SchemaOf(api_version, "Widget")
    answer = (await DirectoryResolver(objects).resolve([lookup], NEVER))[lookup]
    assert (answer is not None) is is_known
    if is_known:
        assert sorted(answer.map.fields) == ["apiVersion", "kind", "metadata", "spec"]
