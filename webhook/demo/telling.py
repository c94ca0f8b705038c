"""Prints what was played: what was done, what the person saw, what Propylon did."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from webhook.demo.playing import Played
from webhook.demo.scenes import Scene
from webhook.demo.yaml_diff import diff, one_line

STYLES = {"warning": "yellow", "error": "red", "result": "green"}
DIFF_STYLES = {"+": "green", "-": "red"}


def tell(console: Console, number: int, played: Played) -> None:
    """Print one scene; colours respect NO_COLOR and whether anybody looks."""
    scene = played.scene
    console.print(Text(f"{number}. {scene.rule}: {scene.title}", style="bold"))
    for text in _actions(scene):
        console.print(Text(f"   {text}"))
    for line in played.lines:
        console.print(Text(f"   {line.text}", style=STYLES[line.kind]))
    if scene.story:
        console.print(Text(f"   {scene.story}", style="italic"))
    for text in _changes(played):
        console.print(Text(f"   {text}", style=DIFF_STYLES.get(text[:1], "")))
    for surprise in played.surprises:
        console.print(Text(f"   NOT AS TOLD: {surprise}", style="bold red"))
    console.print()


def _changes(played: Played) -> Iterator[str]:
    """Yield what each entry changed; of a scene that is about something else only their names."""
    if not played.scene.changed and played.changes:
        entries = " and ".join(one.entry for one in played.changes)
        yield f"Changed by {entries}, as in the scenes before."
        return
    for change in played.changes:
        yield f"What {change.entry} changed:"
        yield from diff(change.before, change.after)


def _actions(scene: Scene) -> Iterator[str]:
    if scene.edits:
        edits = ", ".join(f"{path}: {one_line(value)}" for path, value in scene.edits.items())
        yield f"# the file now says {edits}"
    yield f"{scene.user.name}$ {scene.command}"
