"""Settings of `propylon serve`: flags first, then environment variables `PROPYLON_*`, then these.

Frozen and checked once, at the start. No defaults that depend on the machine are read elsewhere.
"""

from __future__ import annotations

import os
import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from webhook.model import Platform


class RegistrationMode(StrEnum):
    """Who writes the webhook configurations: the lease holder, or the operator once."""

    DYNAMIC = "dynamic"
    STATIC = "static"


class Durability(StrEnum):
    """Whether an answer waits until its record is stored."""

    ASYNC = "async"
    SYNC = "sync"


class LogLevel(StrEnum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ValueError(f"{path} does not exist")
    return path


def _directory(path: Path) -> Path:
    if not _existing(path).is_dir():
        raise ValueError(f"{path} is a file; give the directory that it lies in")
    return path


LEDGER_URL = r"^$|^(sqlite\+aiosqlite|postgresql\+psycopg)://"

ExistingPath = Annotated[Path, AfterValidator(_existing)]
ExistingDirectory = Annotated[Path, AfterValidator(_directory)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """Everything that `propylon serve` can be told.

    With `policies` the documents come from a directory and no cluster is needed; without it they
    come from the ConfigMaps of the cluster that `kubeconfig`, or the Pod's account, leads to.
    """

    model_config = SettingsConfigDict(env_prefix="PROPYLON_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Port = 9443
    health_port: Port = 8081
    policies: ExistingDirectory | None = None
    objects: ExistingDirectory | None = None
    tls_cert: ExistingPath | None = None
    tls_key: ExistingPath | None = None
    client_ca: ExistingPath | None = None
    token: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$")
    kubeconfig: ExistingPath | None = None
    namespace: str = "propylon-system"
    policy_namespace: str = "propylon-policies"
    webhook_url: str = Field(default="", pattern=r"^(https://.+)?$")
    registration: RegistrationMode = RegistrationMode.DYNAMIC
    identity: str = Field(default_factory=socket.gethostname)
    ledger: str = Field(default="sqlite+aiosqlite:///propylon.db", pattern=LEDGER_URL)
    ledger_durability: Durability = Durability.ASYNC
    ledger_days: Annotated[float, Field(ge=0)] = 90.0
    prefix: str = "propylon.dev"
    cluster_name: str = ""
    kubernetes_version: str = Field(default="", pattern=r"^(\d+\.\d+)?$")
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0
    log_level: LogLevel = LogLevel.INFO

    @property
    def platform(self) -> Platform:
        """What rules and policies may know of the installation."""
        return Platform(
            prefix=self.prefix,
            cluster_name=self.cluster_name,
            own_namespace=self.namespace,
            policy_namespace=self.policy_namespace,
            kubernetes_version=self.kubernetes_version,
        )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both or neither")
        if self.policies is None and self.objects is not None:
            raise ValueError("objects needs policies: in a cluster, facts come from the cluster")
        if self.policies is None and self.kubeconfig is None and not _in_cluster():
            raise ValueError(
                "nothing says where policies come from: give --policies DIR, or --kubeconfig FILE, "
                "or run in a Pod"
            )
        return self


def _in_cluster() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ
