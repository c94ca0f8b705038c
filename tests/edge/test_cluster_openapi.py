"""Schemas of custom resources from OpenAPI documents: asked for when they are new or changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge.fake_api import Failure, FakeApi
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.discovery import Discovery
from webhook.cluster.lookups import Resolver
from webhook.cluster.openapi import REFRESH_SECONDS, OpenApi
from webhook.model import NEVER, SchemaOf, Unavailable
from webhook.objects.schemas import Schema

WIDGET = ("example.com/v1", "Widget")
PATH = "/openapi/v3/apis/example.com/v1"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def serve(api: FakeApi, *fields: str, hash_value: str = "1") -> None:
    """Serve the document of one kind with these fields."""
    kind = {"group": "example.com", "version": "v1", "kind": "Widget"}
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in fields},
        "x-kubernetes-group-version-kind": [kind],
    }
    address = {"serverRelativeURL": f"{PATH}?hash={hash_value}"}
    api.pages["/openapi/v3"] = {"paths": {"apis/example.com/v1": address}}
    api.pages[PATH] = {"components": {"schemas": {"Widget": schema}}}


def fields(schema: Schema | None) -> list[str]:
    assert schema is not None
    assert schema.map is not None
    return sorted(schema.map.fields)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def schemas(cluster: Cluster, clock: Clock) -> OpenApi:
    return OpenApi(cluster, clock)


async def test_a_schema_is_read_once(api: FakeApi, schemas: OpenApi, clock: Clock) -> None:
    serve(api, "a")
    first = await schemas.find(*WIDGET)
    clock.now += REFRESH_SECONDS + 1
    assert fields(first) == ["a"]
    assert await schemas.find(*WIDGET) is first
    assert await schemas.find(*WIDGET) is first
    assert api.requests == ["GET openapi/v3", f"GET {PATH[1:]}", "GET openapi/v3"]


async def test_a_changed_document_is_read_again(
    api: FakeApi, schemas: OpenApi, clock: Clock
) -> None:
    serve(api, "a")
    await schemas.find(*WIDGET)
    serve(api, "a", "b", hash_value="2")
    assert fields(await schemas.find(*WIDGET)) == ["a"]
    clock.now += REFRESH_SECONDS + 1
    assert fields(await schemas.find(*WIDGET)) == ["a", "b"]


UNKNOWN = [("example.com/v2", "Widget"), ("example.com/v1", "Other"), ("v1", "Thing")]


@pytest.mark.parametrize(("api_version", "kind"), UNKNOWN)
async def test_unknown_kinds(api: FakeApi, schemas: OpenApi, api_version: str, kind: str) -> None:
    serve(api)
    assert await schemas.find(api_version, kind) is None


async def test_what_is_known_outlives_a_failure(
    api: FakeApi, schemas: OpenApi, clock: Clock
) -> None:
    serve(api, "a")
    await schemas.find(*WIDGET)
    clock.now += REFRESH_SECONDS + 1
    api.fail("GET openapi/v3", Failure(500))
    assert fields(await schemas.find(*WIDGET)) == ["a"]


async def test_a_failure_at_first_is_one(api: FakeApi, schemas: OpenApi) -> None:
    serve(api, "a")
    api.fail("GET openapi/v3", Failure(500))
    with pytest.raises(ClusterError):
        await schemas.find(*WIDGET)


async def test_the_resolver_answers(api: FakeApi, cluster: Cluster) -> None:
    serve(api, "a")
    resolver = Resolver(cluster, Discovery(cluster))
    lookup = SchemaOf(*WIDGET)
    assert fields((await resolver.resolve([lookup], NEVER))[lookup]) == ["a"]


async def test_the_resolver_says_what_is_wrong(api: FakeApi, cluster: Cluster) -> None:
    api.fail("GET openapi/v3", Failure(500))
    lookup = SchemaOf(*WIDGET)
    answer: Any = (await Resolver(cluster, Discovery(cluster)).resolve([lookup], NEVER))[lookup]
    assert isinstance(answer, Unavailable)
