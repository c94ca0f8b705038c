"""Reads the OpenAPI v3 documents of a running kube-apiserver into the bundled set of schemas.

Only what merging needs is kept: no descriptions, no validation. The result depends on
the version of the server alone, so running it twice changes nothing.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.e2e.cluster import ADMIN, running_cluster

TARGET = Path("webhook/objects/built_in_schemas.json.gz")

KEPT = (
    "type",
    "format",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
)

MANY = 10
"""A type that belongs to more kinds than this is an envelope (DeleteOptions), not an object."""


def reduced(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without what merging does not need."""
    result = {key: node[key] for key in KEPT if key in node}
    target = node.get("$ref") or (node["allOf"][0]["$ref"] if "allOf" in node else None)
    if target:
        result["$ref"] = target.rpartition("/")[2]
    if node.get("default") not in (None, {}):
        result["default"] = node["default"]
    if "properties" in node:
        properties = sorted(node["properties"].items())
        result["properties"] = {key: reduced(one) for key, one in properties}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), Mapping):
            result[key] = reduced(node[key])
        elif key in node:
            result[key] = node[key]
    return result


def bundle(documents: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the content of the bundle: definitions, and their names by `apiVersion kind`."""
    definitions: dict[str, Any] = {}
    kinds: dict[str, str] = {}
    for document in documents:
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            definitions[name] = reduced(schema)
            served = schema.get("x-kubernetes-group-version-kind", ())
            if len(served) <= MANY:
                for one in served:
                    api_version = f"{one['group']}/{one['version']}".lstrip("/")
                    kinds[f"{api_version} {one['kind']}"] = name
    return {"definitions": definitions, "kinds": kinds}


def read_documents(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Start a control plane and yield the document of each group and version."""
    with running_cluster(folder) as cluster:
        admin = cluster.user(*ADMIN)
        paths = json.loads(admin.run("get", "--raw", "/openapi/v3").stdout)["paths"]
        for path, entry in sorted(paths.items()):
            if path.startswith("api"):
                address = entry["serverRelativeURL"]
                yield json.loads(admin.run("get", "--raw", address).stdout)


def main() -> None:
    """Write the bundle."""
    with tempfile.TemporaryDirectory() as folder:
        content = bundle(read_documents(Path(folder)))
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{TARGET}: {len(content['kinds'])} kinds, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
