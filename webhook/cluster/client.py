"""Requests to the API server: plain JSON values in and out, one readable error.

lightkube makes the connection (kubeconfig or ServiceAccount, TLS, token rotation) and the
requests, for any kind as a generic resource; answers are read here, because facts are plain JSON.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2
import orjson
import yaml
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.core.generic_client import ALL_NS, BasicRequest, GenericAsyncClient
from lightkube.generic_resource import (
    GenericGlobalResource,
    GenericNamespacedResource,
    create_api_info,
)
from lightkube.types import PatchType

from webhook.cluster.resources import Resource
from webhook.model import Json

FIELD_MANAGER = "propylon"
"""The owner of what Propylon writes by server-side apply."""

PAGE = 500
"""Objects per answer of a list."""

TIMEOUT = httpx2.Timeout(10.0)
WATCH_SECONDS = 60
"""The API server ends a watch after this, and it is opened again from where it was."""

WATCH_TIMEOUT = httpx2.Timeout(10.0, read=WATCH_SECONDS + 15.0)
"""So a longer silence is a dead connection; bookmarks alone are too rare to tell."""


UNUSABLE = (
    ConfigError,
    OSError,  # the file, or the CA that it names
    yaml.YAMLError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,  # so lightkube says that the context has no user
)
"""What lightkube raises about a kubeconfig file, whatever is wrong with it."""


class ClusterError(Exception):
    """The API server refused a request or could not be reached; the text is for people.

    `status` is the HTTP status, 0 when there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects of a list and the version from which a watch goes on."""

    items: tuple[Json, ...]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `remaining` is how many objects follow, as far as the API server says."""

    items: tuple[Json, ...]
    resource_version: str
    remaining: int = 0


class Cluster:
    """The API server.

    `server.py` gets one from `connect`, gives it to everything else, and closes it at the end.
    """

    def __init__(self, client: GenericAsyncClient) -> None:
        self._client = client

    async def get(self, resource: Resource, namespace: str, name: str) -> Json | None:
        """Return the object, or None when there is none of that name."""
        request = self._prepare("get", resource, namespace, name=name)
        try:
            return await self._answer(request)
        except ObjectNotFoundError:
            return None

    async def list(self, resource: Resource, namespace: str = "", labels: str = "") -> Listing:
        """Return all objects ("" means all namespaces) that the label selector text matches."""
        items: list[Json] = []
        version = ""
        async for page in self.pages(resource, namespace, labels):
            items.extend(page.items)
            version = page.resource_version
        return Listing(tuple(items), version)

    async def some(
        self, resource: Resource, namespace: str, labels: str, limit: int
    ) -> tuple[Json, ...]:
        """Return at most so many of these objects: the first page of a list."""
        first = await anext(self.pages(resource, namespace, labels, limit))
        return first.items

    async def pages(
        self, resource: Resource, namespace: str = "", labels: str = "", size: int = 0
    ) -> AsyncIterator[Page]:
        """Yield the same objects, so many at a time; 0 means PAGE."""
        token = None
        while True:
            params = {
                "labelSelector": labels or None,
                "limit": str(size or PAGE),
                "continue": token,
            }
            answer = await self._answer(self._prepare("list", resource, namespace, params=params))
            page, token = _page(answer, resource)
            yield page
            if not token:
                return

    async def create(self, resource: Resource, value: Json) -> Json:
        """Create the object; ClusterError with status 409 when it exists already."""
        return await self._answer(self._prepare("post", resource, value=value))

    async def replace(self, resource: Resource, value: Json) -> Json:
        """Replace the object; status 409 when its resourceVersion is no longer the newest."""
        return await self._answer(self._prepare("put", resource, value=value))

    async def apply(self, resource: Resource, value: Json) -> Json:
        """Write these fields by server-side apply and take them from other managers."""
        metadata = value["metadata"]
        request = self._client.prepare_request(
            "patch",
            generic(resource),
            value,
            metadata["name"],
            metadata.get("namespace"),
            params={"fieldManager": FIELD_MANAGER, "force": "true"},
            headers={"Content-Type": PatchType.APPLY.value},
        )
        return await self._answer(request)

    async def delete(self, resource: Resource, namespace: str, name: str) -> bool:
        """Delete the object; tell whether there was one."""
        request = self._prepare("delete", resource, namespace, name=name)
        try:
            await self._answer(request)
        except ObjectNotFoundError:
            return False
        return True

    async def fetch(self, path: str) -> Json:
        """Return what a path outside of the resources answers: discovery, `version`."""
        return await self._answer(BasicRequest("GET", path))

    @asynccontextmanager
    async def watch(
        self, resource: Resource, namespace: str, labels: str, version: str
    ) -> AsyncIterator[AsyncIterator[Json]]:
        """Open a watch from that resourceVersion; the iterator yields the raw events."""
        params = {
            "labelSelector": labels or None,
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        request = self._client.prepare_request(
            "list", generic(resource), None, None, _scope(resource, namespace), True, params=params
        )
        request.timeout = WATCH_TIMEOUT
        response = await self._send(request, stream=True)
        try:
            if not response.is_success:
                await response.aread()
                raise _refusal(request, response)
            yield _events(response)
        except httpx2.HTTPError as error:
            raise ClusterError(f"the watch of {resource.name} broke: {_text(error)}") from error
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()  # type: ignore[no-untyped-call]  # lightkube leaves it bare

    def _prepare(
        self,
        method: str,
        resource: Resource,
        namespace: str = "",
        *,
        name: str | None = None,
        value: Json = None,
        params: Mapping[str, str | None] | None = None,
    ) -> BasicRequest:
        kind = generic(resource)
        body = None if value is None else kind(value)
        place = _scope(resource, namespace) if value is None else None
        return self._client.prepare_request(
            method, kind, body, name, place, params=dict(params or {})
        )

    async def _answer(self, request: BasicRequest) -> Json:
        response = await self._send(request)
        if not response.is_success:
            raise _refusal(request, response)
        try:
            return orjson.loads(response.content)
        except ValueError as error:
            raise ClusterError(f"{_line(request)}: the answer is not JSON") from error

    async def _send(self, request: BasicRequest, *, stream: bool = False) -> httpx2.Response:
        built = self._client.build_adapter_request(request)
        try:
            response: httpx2.Response = await self._client.send(built, stream=stream)  # type: ignore[no-untyped-call]  # lightkube leaves it bare
        except (httpx2.HTTPError, ConfigError) as error:
            where = f"{built.url.host}:{built.url.port or 443}"
            text = f"{_line(request)}: no answer from {where} ({_text(error)})"
            raise ClusterError(text) from error
        return response


class ObjectNotFoundError(ClusterError):
    """The kind exists, an object of that name does not."""


def connect(kubeconfig: Path | None = None) -> Cluster:
    """Return the cluster of a kubeconfig file, or of the ServiceAccount of this Pod.

    Without either, $KUBECONFIG and ~/.kube/config are tried. Nothing is sent yet. Raise
    ClusterError when there is no usable configuration.
    """
    try:
        config = _find_config(kubeconfig)
        client = GenericAsyncClient(ConnectionParams(timeout=TIMEOUT), config)
    except UNUSABLE as error:
        where = kubeconfig or "the kubeconfig of this environment"
        raise ClusterError(f"cannot use {where}: {_text(error)}") from error
    return Cluster(client)


@lru_cache(maxsize=1000)
def generic(resource: Resource) -> Any:
    """Return lightkube's class for a resource.

    It is not put into lightkube's registry: a CustomResourceDefinition may come back with another
    scope, and the registry refuses that for ever.
    """
    base = GenericNamespacedResource if resource.namespaced else GenericGlobalResource
    info = create_api_info(resource.group, resource.version, resource.kind, resource.plural)
    return type(resource.kind, (base,), {"_api_info": info})


def _find_config(kubeconfig: Path | None) -> KubeConfig:
    if kubeconfig is not None:
        return KubeConfig.from_file(kubeconfig)
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return KubeConfig.from_service_account()
    return KubeConfig.from_env()


def _scope(resource: Resource, namespace: str) -> str | None:
    if not resource.namespaced:
        return None
    return namespace or ALL_NS


def _page(page: Json, resource: Resource) -> tuple[Page, str]:
    """Return one answer to a list, and its continue token.

    Objects get the two fields that lists of built-in kinds leave out.
    """
    kind = {"apiVersion": resource.api_version, "kind": resource.kind}
    try:
        metadata = page["metadata"]
        items = [{**kind, **one} for one in page.get("items") or () if one["metadata"]["name"]]
        remaining = int(metadata.get("remainingItemCount") or 0)
        found = Page(tuple(items), str(metadata["resourceVersion"]), remaining)
        return found, metadata.get("continue") or ""
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ClusterError(f"the answer to a list of {resource.name} is no list") from error


async def _events(response: httpx2.Response) -> AsyncIterator[Json]:
    async for line in response.aiter_lines():
        if line:
            yield _event(line)


def _event(line: str) -> Json:
    try:
        event = orjson.loads(line)
        known = event["type"] == "ERROR" or event["object"]["metadata"]["resourceVersion"]
    except (ValueError, LookupError, TypeError) as error:
        raise ClusterError(f"no watch event: {line[:80]!r}") from error
    if not known:
        raise ClusterError(f"a watch event without resourceVersion: {line[:80]!r}")
    return event


def _refusal(request: BasicRequest, response: httpx2.Response) -> ClusterError:
    """Make the error of an answer that is not a success, with the API server's own text."""
    status = _status(response)
    message = str(status.get("message") or response.text[:200].strip() or "no reason given")
    code = response.status_code
    if code == 404 and (status.get("details") or {}).get("name"):
        return ObjectNotFoundError(message, code)
    advice = "; allow it in Propylon's ClusterRole or Role" if code == 403 else ""
    return ClusterError(f"{_line(request)}: HTTP {code}: {message}{advice}", code)


def _status(response: httpx2.Response) -> dict[str, Any]:
    """Return the Status object of an answer; {} when it holds something else."""
    try:
        value = orjson.loads(response.content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) and value.get("kind") == "Status" else {}


def _line(request: BasicRequest) -> str:
    return f"{request.method} {request.url}"


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
