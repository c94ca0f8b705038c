"""The smallest valid AdmissionReview, and one tweak at a time."""

import copy
from typing import Any

import orjson

GONE: Any = object()

REVIEW: dict[str, Any] = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "requestKind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "requestResource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "name": "web",
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "alice", "groups": ["devs", "system:authenticated"]},
        "object": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
            "spec": {"replicas": 3},
        },
        "oldObject": None,
        "dryRun": False,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
    },
}


def tweaked(*path_and_value: Any) -> dict[str, Any]:
    """Return the review with one place changed; GONE removes the key."""
    *path, last, value = path_and_value
    review: dict[str, Any] = copy.deepcopy(REVIEW)
    place = review
    for key in path:
        place = place[key]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return review


def body(*path_and_value: Any) -> bytes:
    """Return the review as bytes, with one place changed."""
    return orjson.dumps(tweaked(*path_and_value) if path_and_value else REVIEW)
