"""`propylon demo`: a real HTTPS server, real AdmissionReviews over TLS, answers for a person.

The server is a process of its own, started like any other; `webhook/demo` plays the API server.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import typer
from rich.console import Console

from webhook.demo.playing import DATA, OBJECTS, Stage, play, stored_objects
from webhook.demo.scenes import SCENES
from webhook.demo.serving import CLUSTER_NAME, COMMAND, DemoError, running_server
from webhook.demo.telling import tell
from webhook.model import Platform
from webhook.offline.screen import counted
from webhook.registration import registrations
from webhook.snapshot import build
from webhook.sources.directory import load_directory

DOCUMENTS = DATA / "documents"


def demo() -> None:
    """Show the five rules and CEL policies at work: a real server, reviews over TLS, no cluster.

    The API server and kubectl are played; the server, its documents and its ledger are real.

    Exit code 0: every scene went as it is told; 1: one did not, or the server did not start.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="propylon-demo-") as folder:
            surprises = _play_all(Path(folder))
    except DemoError as error:
        typer.echo(f"propylon demo: {error}", err=True)
        raise typer.Exit(1) from None
    if surprises:
        typer.echo(f"propylon demo: {counted(surprises, 'scene')} not as told", err=True)
        raise typer.Exit(1)


def _play_all(folder: Path) -> int:
    """Play every scene and print it, then the ledger; return how many were not as told."""
    console = Console(highlight=False, soft_wrap=True)
    ledger = f"sqlite+aiosqlite:///{folder / 'ledger.db'}"
    snapshot = build(load_directory(DOCUMENTS), None, Platform(cluster_name=CLUSTER_NAME))
    surprises = 0
    with running_server(DOCUMENTS, OBJECTS, folder, ledger) as server:
        console.print(f"The webhook serves https://127.0.0.1:{server.port} with {DOCUMENTS}\n")
        stage = Stage(server, registrations(snapshot), DOCUMENTS, stored_objects())
        for number, scene in enumerate(SCENES, 1):
            played = play(stage, scene)
            tell(console, number, played)
            surprises += bool(played.surprises)
    console.print(
        "[bold]What the ledger kept of it[/] ($ propylon report --outcome denied --outcome warned)"
    )
    words = ("report", "--ledger", ledger, "--outcome", "denied", "--outcome", "warned")
    subprocess.run([*COMMAND, *words], check=True)  # noqa: S603 - our own
    return surprises
