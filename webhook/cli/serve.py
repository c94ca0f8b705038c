"""`propylon serve`: flags to Settings, then the server.

Flags win over environment variables `PROPYLON_*`; the checks are those of `webhook.settings`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from webhook.cli.flags import LEDGER_URLS
from webhook.settings import Durability, LogLevel, RegistrationMode, Settings

EMBEDDED, CLUSTER, SERVER = "From a directory", "From a cluster", "Server"

Flag = typer.Option


_Policies = Annotated[
    Path | None,
    Flag(help="Directory of documents; no cluster needed.", rich_help_panel=EMBEDDED),
]
_Objects = Annotated[
    Path | None,
    Flag(help="Directory of Namespaces, parameters and other facts.", rich_help_panel=EMBEDDED),
]
_Kubeconfig = Annotated[
    Path | None, Flag(help="Without it: the Pod's account.", rich_help_panel=CLUSTER)
]
_Namespace = Annotated[
    str | None, Flag(help="Propylon's own (default propylon-system).", rich_help_panel=CLUSTER)
]
_PolicyNamespace = Annotated[
    str | None,
    Flag(
        help="Where labelled ConfigMaps are read (default propylon-policies).",
        rich_help_panel=CLUSTER,
    ),
]
_WebhookUrl = Annotated[
    str | None,
    Flag(
        help="https://host:port for the API server, instead of the Service.",
        rich_help_panel=CLUSTER,
    ),
]
_Registration = Annotated[
    RegistrationMode | None,
    Flag(help="Who writes the webhook configurations (default dynamic).", rich_help_panel=CLUSTER),
]
_Identity = Annotated[
    str | None, Flag(help="Name of this replica (default the host's).", rich_help_panel=CLUSTER)
]
_Host = Annotated[
    str | None, Flag(help="Address of both ports (default 127.0.0.1).", rich_help_panel=SERVER)
]
_Port = Annotated[int | None, Flag(help="Admission, TLS (default 9443).", rich_help_panel=SERVER)]
_HealthPort = Annotated[
    int | None, Flag(help="Probes and metrics (default 8081).", rich_help_panel=SERVER)
]
_TlsCert = Annotated[
    Path | None, Flag(help="PEM file, followed while serving.", rich_help_panel=SERVER)
]
_TlsKey = Annotated[Path | None, Flag(help="PEM file.", rich_help_panel=SERVER)]
_ClientCa = Annotated[
    Path | None,
    Flag(help="Authority of the API server's client certificate.", rich_help_panel=SERVER),
]
_Token = Annotated[
    str | None, Flag(help="Last part of every path, when given.", rich_help_panel=SERVER)
]
_Ledger = Annotated[
    str | None,
    Flag(
        help='Database URL; "" for none (default sqlite+aiosqlite:///propylon.db).',
        rich_help_panel=SERVER,
    ),
]
_LedgerDurability = Annotated[
    Durability | None,
    Flag(
        help="sync: an answer waits for its record, and fails without it (default async).",
        rich_help_panel=SERVER,
    ),
]
_LedgerDays = Annotated[
    float | None,
    Flag(help="How long records are kept; 0: for ever (default 90).", rich_help_panel=SERVER),
]
_Prefix = Annotated[
    str | None,
    Flag(help="Of labels and annotations (default propylon.dev).", rich_help_panel=SERVER),
]
_ClusterName = Annotated[
    str | None, Flag(help="For {{cluster.name}} in documents.", rich_help_panel=SERVER)
]
_KubernetesVersion = Annotated[
    str | None, Flag(help="Gates new CEL texts, such as 1.31.", rich_help_panel=SERVER)
]
_DrainSeconds = Annotated[
    float | None,
    Flag(help="Between SIGTERM and the end of serving (default 0).", rich_help_panel=SERVER),
]
_LogLevel = Annotated[
    LogLevel | None, Flag(help="The least that is logged (default info).", rich_help_panel=SERVER)
]


def serve(
    policies: _Policies = None,
    objects: _Objects = None,
    kubeconfig: _Kubeconfig = None,
    namespace: _Namespace = None,
    policy_namespace: _PolicyNamespace = None,
    webhook_url: _WebhookUrl = None,
    registration: _Registration = None,
    identity: _Identity = None,
    host: _Host = None,
    port: _Port = None,
    health_port: _HealthPort = None,
    tls_cert: _TlsCert = None,
    tls_key: _TlsKey = None,
    client_ca: _ClientCa = None,
    token: _Token = None,
    ledger: _Ledger = None,
    ledger_durability: _LedgerDurability = None,
    ledger_days: _LedgerDays = None,
    prefix: _Prefix = None,
    cluster_name: _ClusterName = None,
    kubernetes_version: _KubernetesVersion = None,
    drain_seconds: _DrainSeconds = None,
    log_level: _LogLevel = None,
) -> None:
    """Serve the admission webhook over TLS until SIGTERM.

    Each flag is also an environment variable: --health-port is PROPYLON_HEALTH_PORT.

    Exit code 0: stopped by a signal; 1: it could not start; 2: a flag is wrong.
    """
    settings = _settings({name: one for name, one in locals().items() if one is not None})
    # uvicorn, SQLAlchemy and the rest are not loaded for a wrong flag
    from webhook.server import StartError, run

    try:
        run(settings)
    except StartError as error:
        typer.echo(f"propylon: {error}", err=True)
        raise typer.Exit(1) from None


def _settings(given: dict[str, Any]) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        for one in error.errors():
            name = str(next(iter(one["loc"]), ""))
            text = one["msg"].removeprefix("Value error, ")
            if one["type"] == "string_pattern_mismatch":
                text = WRITTEN[name]
            where = f"--{name.replace('_', '-')}: " if name else ""
            typer.echo(f"propylon serve: {where}{text}", err=True)
        raise typer.Exit(2) from None


WRITTEN = {
    "kubernetes_version": "is no Kubernetes minor; write it as 1.31",
    "ledger": f"is no URL of a ledger; {LEDGER_URLS}, or nothing for none",
    "token": "may hold letters, digits, - and _ only",
    "webhook_url": "must begin with https://; write it as https://host:port",
}
"""How the settings with a form of their own are written; values may be secret and are not told."""
