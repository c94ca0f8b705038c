"""Certificates and the path token of a cluster, in two Secrets that are made once.

Replicas that start together all try to create; the API server lets one win and the others read
what the winner wrote, so that there is one CA and one token.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from webhook.cluster.backoff import jittered
from webhook.cluster.client import Cluster, ClusterError
from webhook.cluster.resources import SECRETS
from webhook.model import Json
from webhook.tls.authority import (
    CertificateError,
    KeyPair,
    Material,
    check_material,
    make_material,
    renew,
)
from webhook.tls.context import ServingCertificate

logger = logging.getLogger(__name__)

TLS_SECRET = "propylon-tls"  # noqa: S105  # the name of a Secret
TOKEN_SECRET = "propylon-path-token"  # noqa: S105  # the name of a Secret
TOKEN_BYTES = 16
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}\Z")
CHECK_SECONDS = 10.0
"""So often the Secret is read, for what another replica renewed."""

RESTORE_AFTER = timedelta(seconds=60)
"""A Secret that was deleted is written again from memory after this, so that nobody is cut off.
Who wants another CA deletes it and restarts the replicas: the first to start makes a new one."""

ATTEMPTS = 5
"""Conflicts in a row: each means that another replica wrote, so the next read settles it."""


class BootstrapError(Exception):
    """A Secret that cannot be used; the text says what is wrong and how to have a new one."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class ClusterCertificate:
    """The CA and the serving certificate in the Secret `propylon-tls`.

    `await load()` once, then start `run` as a task: it renews before expiry and takes over what
    another replica renewed. `now` is the clock.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        names: Sequence[str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._names = tuple(names)
        self._now = now
        self._material: Material | None = None
        self._missing_since: datetime | None = None

    @property
    def ca_bundle(self) -> str:
        """The CA certificates as the `caBundle` of a webhook configuration."""
        assert self._material is not None, "load() comes first"
        return base64.b64encode(self._material.ca_bundle).decode()

    async def load(self) -> Material:
        """Read the Secret; make it, or what is due in it, first.

        Raise ClusterError, or BootstrapError when the Secret holds something unusable.
        """
        for _ in range(ATTEMPTS):
            try:
                self._material = await self._load()
            except ClusterError as error:
                if error.status != 409:
                    raise
            else:
                return self._material
        raise BootstrapError(f"Secret {self._namespace}/{TLS_SECRET} changes without an end")

    async def run(
        self,
        serving: ServingCertificate,
        on_change: Callable[[], None],
        interval: float = CHECK_SECONDS,
    ) -> None:
        """Keep `serving` current, for ever; call `on_change` when the CA bundle changed."""
        while True:
            await asyncio.sleep(jittered(interval))
            before = self.ca_bundle
            try:
                serving.replace((await self.load()).serving)
            except (ClusterError, BootstrapError, CertificateError) as error:
                extra = {"reason": str(error), "expiry": str(serving.expiry)}
                logger.warning("certificates not checked; the present one stays", extra=extra)
            if self.ca_bundle != before:
                on_change()

    async def _load(self) -> Material:
        found = await self._cluster.get(SECRETS, self._namespace, TLS_SECRET)
        if found is None:
            return await self._make_or_restore()
        self._missing_since = None
        material = self._material_of(found)
        renewed = self._renewed(material)
        if renewed != material:
            await self._cluster.replace(SECRETS, self._secret(renewed, found["metadata"]))
            logger.info("certificates renewed", extra={"names": self._names})
        return renewed

    async def _make_or_restore(self) -> Material:
        now = self._now()
        if self._material is not None:
            if self._missing_since is None:
                self._missing_since = now
                text = f"written again in {RESTORE_AFTER}; restart the replicas for a new CA"
                logger.warning("the Secret is gone", extra={"secret": TLS_SECRET, "next": text})
            if now - self._missing_since < RESTORE_AFTER:
                return self._material
        material = self._material or make_material(self._names, now)
        await self._cluster.create(SECRETS, self._secret(material, {}))
        logger.info("CA and serving certificate stored", extra={"names": self._names})
        return material

    def _renewed(self, material: Material) -> Material:
        """Renew until nothing is due: the authority first, then what it signs."""
        while (renewed := renew(material, self._names, self._now())) != material:
            material = renewed
        return material

    def _material_of(self, secret: Json) -> Material:
        data = {key: _decoded(text) for key, text in (secret.get("data") or {}).items()}
        serving = KeyPair(data.get("tls.crt", b""), data.get("tls.key", b""))
        material = Material(data.get("ca.crt", b""), data.get("ca.key", b""), serving)
        try:
            check_material(material)
        except CertificateError as error:
            text = f"Secret {self._namespace}/{TLS_SECRET} cannot be used: {error}"
            raise BootstrapError(f"{text}; delete it and Propylon makes a new one") from error
        return material

    def _secret(self, material: Material, metadata: Json) -> Json:
        data = {
            "tls.crt": material.serving.certificate,
            "tls.key": material.serving.key,
            "ca.crt": material.ca_bundle,
            "ca.key": material.ca_key,
        }
        place = {"name": TLS_SECRET, "namespace": self._namespace}
        return _secret({**metadata, **place}, "kubernetes.io/tls", data)


class PathToken:
    """The random last part of our paths, in the Secret `propylon-path-token`.

    `await load()` once, then start `run` as a task: a Secret that was deleted is written again, so
    that a replica that starts later does not choose another token.
    """

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.problem = ""
        """Why this replica and the others may have different tokens; "" when all is well."""
        self._cluster = cluster
        self._namespace = namespace
        self._token = ""

    async def load(self) -> str:
        """Return the token; make it (128 bits) when there is none.

        Raise ClusterError or BootstrapError.
        """
        if not self._token:
            self._token = await self._agreed(secrets.token_urlsafe(TOKEN_BYTES))
        return self._token

    async def run(self, interval: float = CHECK_SECONDS) -> None:
        """Look after the Secret, for ever."""
        while True:
            await asyncio.sleep(jittered(interval))
            try:
                is_same = await self._agreed(self._token) == self._token
                self._report("" if is_same else "another token is stored: restart this replica")
            except (ClusterError, BootstrapError) as error:
                self._report(str(error))

    async def _agreed(self, proposal: str) -> str:
        """Return the stored token; store the proposal when there is none."""
        found = await self._get()
        if found is None:
            metadata = {"name": TOKEN_SECRET, "namespace": self._namespace}
            secret = _secret(metadata, "Opaque", {"token": proposal.encode()})
            try:
                found = await self._cluster.create(SECRETS, secret)
            except ClusterError as error:
                if error.status != 409:
                    raise
                found = await self._get()
        data = (found or {}).get("data") or {}
        token = _decoded(data.get("token", "")).decode(errors="replace")
        if not TOKEN.match(token):
            text = f"Secret {self._namespace}/{TOKEN_SECRET} has no `token` of 16 to 128 letters"
            raise BootstrapError(f"{text} and digits; delete it and Propylon makes a new one")
        return token

    async def _get(self) -> Json | None:
        return await self._cluster.get(SECRETS, self._namespace, TOKEN_SECRET)

    def _report(self, problem: str) -> None:
        if problem and problem != self.problem:
            logger.warning("path token not checked", extra={"reason": problem})
        self.problem = problem


def _secret(metadata: Json, kind: str, data: dict[str, bytes]) -> Json:
    texts = {key: base64.b64encode(value).decode() for key, value in data.items()}
    api = {"apiVersion": SECRETS.api_version, "kind": SECRETS.kind}
    return {**api, "type": kind, "metadata": metadata, "data": texts}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
