"""`propylon gitops-ignore`: settings that keep GitOps tools from fighting rule A."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from webhook.cli.hidden_fields import config_of, load_snapshot
from webhook.rules.hide.gitops import argo_cd, flux

ARGO_CD = """\
# Argo CD: merge this into ConfigMap argocd-cm. Add the sync option RespectIgnoreDifferences=true to
# the Applications, so that a sync does not send these fields either.
"""
FLUX = """\
# Flux: the Kustomizations need nothing, they compare with the webhook's own answer.
# HelmReleases with drift detection: merge this. Fields inside of lists cannot be named here; take
# them out of the charts' values.
"""


class Tool(StrEnum):
    """Whose settings."""

    ALL = "all"
    ARGO_CD = "argocd"
    FLUX = "flux"


def gitops_ignore(
    tool: Annotated[Tool, typer.Option(help="Whose settings to print.")] = Tool.ALL,
    policies: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Directory with documents; default: the built-in catalogue.",
        ),
    ] = None,
    prefix: Annotated[str, typer.Option(help="Of labels and annotations.")] = "propylon.dev",
) -> None:
    """Print the Argo CD and Flux settings for the fields that rule A hides.

    Fields that it refuses are not listed: those must be taken out of Git.

    Exit code 0: printed; 2: a document has errors or cannot be read.
    """
    config = config_of(load_snapshot("gitops-ignore", policies, prefix), prefix)
    texts = []
    if tool in (Tool.ALL, Tool.ARGO_CD):
        texts.append(ARGO_CD + _yaml(_config_map(argo_cd(config))))
    if tool in (Tool.ALL, Tool.FLUX):
        texts.append(FLUX + _yaml({"spec": {"driftDetection": {"ignore": flux(config)}}}))
    typer.echo("---\n".join(texts), nl=False)


def _config_map(data: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": "argocd"},
        "data": data,
    }


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
