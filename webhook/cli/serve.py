"""`propylon serve`: flags to Settings, then the server.

Flags win over environment variables `PROPYLON_*`; the checks are those of `webhook.settings`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from webhook.settings import LogLevel, RegistrationMode, Settings

EMBEDDED, CLUSTER, SERVER = "From a directory", "From a cluster", "Server"

Flag = typer.Option


def serve(
    policies: Annotated[
        Path | None,
        Flag(help="Directory of documents; no cluster needed.", rich_help_panel=EMBEDDED),
    ] = None,
    objects: Annotated[
        Path | None,
        Flag(help="Directory of Namespaces, parameters and other facts.", rich_help_panel=EMBEDDED),
    ] = None,
    kubeconfig: Annotated[
        Path | None, Flag(help="Without it: the Pod's account.", rich_help_panel=CLUSTER)
    ] = None,
    namespace: Annotated[
        str | None, Flag(help="Propylon's own [propylon-system].", rich_help_panel=CLUSTER)
    ] = None,
    policy_namespace: Annotated[
        str | None,
        Flag(
            help="Where labelled ConfigMaps are read [propylon-policies].", rich_help_panel=CLUSTER
        ),
    ] = None,
    webhook_url: Annotated[
        str | None,
        Flag(
            help="https://host:port for the API server, instead of the Service.",
            rich_help_panel=CLUSTER,
        ),
    ] = None,
    registration: Annotated[
        RegistrationMode | None,
        Flag(help="Who writes the webhook configurations [dynamic].", rich_help_panel=CLUSTER),
    ] = None,
    identity: Annotated[
        str | None, Flag(help="Name of this replica [the host's].", rich_help_panel=CLUSTER)
    ] = None,
    host: Annotated[str | None, Flag(help="[127.0.0.1]", rich_help_panel=SERVER)] = None,
    port: Annotated[int | None, Flag(help="Admission, TLS [9443].", rich_help_panel=SERVER)] = None,
    health_port: Annotated[
        int | None, Flag(help="Probes and metrics [8081].", rich_help_panel=SERVER)
    ] = None,
    tls_cert: Annotated[
        Path | None, Flag(help="PEM file, followed while serving.", rich_help_panel=SERVER)
    ] = None,
    tls_key: Annotated[Path | None, Flag(help="PEM file.", rich_help_panel=SERVER)] = None,
    client_ca: Annotated[
        Path | None,
        Flag(help="Authority of the API server's client certificate.", rich_help_panel=SERVER),
    ] = None,
    token: Annotated[
        str | None, Flag(help="Last part of every path, when given.", rich_help_panel=SERVER)
    ] = None,
    ledger: Annotated[
        str | None,
        Flag(
            help='Database URL; "" for none [sqlite+aiosqlite:///propylon.db].',
            rich_help_panel=SERVER,
        ),
    ] = None,
    prefix: Annotated[
        str | None, Flag(help="Of labels and annotations [propylon.dev].", rich_help_panel=SERVER)
    ] = None,
    cluster_name: Annotated[
        str | None, Flag(help="For {{cluster.name}} in documents.", rich_help_panel=SERVER)
    ] = None,
    kubernetes_version: Annotated[
        str | None, Flag(help="Gates new CEL texts, such as 1.31.", rich_help_panel=SERVER)
    ] = None,
    drain_seconds: Annotated[
        float | None,
        Flag(help="Between SIGTERM and the end of serving [0].", rich_help_panel=SERVER),
    ] = None,
    log_level: Annotated[LogLevel | None, Flag(help="[info]", rich_help_panel=SERVER)] = None,
) -> None:
    """Serve the admission webhook over TLS until SIGTERM.

    Each flag is also an environment variable: --health-port is PROPYLON_HEALTH_PORT.
    """
    given = {name: value for name, value in locals().items() if value is not None}
    settings = _settings(given)
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
            flag = "".join(f"--{part}".replace("_", "-") for part in one["loc"][:1])
            text = one["msg"].removeprefix("Value error, ")
            typer.echo(
                f"propylon serve: {flag}: {text}" if flag else f"propylon serve: {text}", err=True
            )
        raise typer.Exit(2) from None
