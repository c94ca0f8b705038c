"""`propylon uninstall`: out of the way first, then gone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.flags import fail
from webhook.cluster.client import ClusterError, connect
from webhook.cluster.removal import removals, remove


def uninstall(
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Of an administrator; default: $KUBECONFIG, ~/.kube/config.")
    ] = None,
    namespace: Annotated[
        str, typer.Option(help="Propylon's own namespace; it is deleted with all that it holds.")
    ] = "propylon-system",
    policy_namespace: Annotated[
        str, typer.Option(help="Where the documents are; they stay.")
    ] = "propylon-policies",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove Propylon from a cluster.

    The two webhook configurations go first, so that nothing waits for a server that is stopping.
    Then go the Deployment, the roles and the namespace. The documents in the policy namespace
    stay. Run it again after an interruption: what is gone already is no error.

    Exit code 0: removed; 2: the API server refused or was not reached, and not everything is gone.
    """
    if dry_run:
        for one in removals(namespace, policy_namespace):
            typer.echo(f"would remove {one}")
        return
    try:
        asyncio.run(_uninstall(kubeconfig, namespace, policy_namespace))
    except ClusterError as error:
        fail("uninstall", f"not finished: {error}")
    typer.echo(f"the documents stay; to remove them: kubectl delete namespace {policy_namespace}")


async def _uninstall(kubeconfig: Path | None, namespace: str, policy_namespace: str) -> None:
    cluster = connect(kubeconfig)
    try:
        async for one in remove(cluster, namespace, policy_namespace):
            typer.echo(f"{'removed' if one.was_there else 'was not there:'} {one}")
    finally:
        await cluster.close()
