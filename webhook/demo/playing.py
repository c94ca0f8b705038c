"""Plays scenes on the server: from what is stored to a request, from the answer to what is seen."""

from __future__ import annotations

import copy
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from webhook.demo.apiserver import Answer, Change, Request, handle
from webhook.demo.kubectl import Line, lines
from webhook.demo.scenes import Scene, Verb
from webhook.demo.serving import COMMAND, Server
from webhook.demo.yaml_diff import diff
from webhook.model import Registration
from webhook.sources.directory import load_directory
from webhook.sources.objects import collect_objects

DATA = Path(__file__).parent
OBJECTS = DATA / "objects"
POD_HASH = "7c9d8f6b5"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where scenes are played: the server, its entries, and what is stored by name."""

    server: Server
    entries: Sequence[Registration]
    policies: Path
    stored: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Played:
    """What a scene gave: the lines at the terminal, and what each entry changed."""

    scene: Scene
    lines: tuple[Line, ...]
    changes: tuple[Change, ...] = ()

    @property
    def surprises(self) -> tuple[str, ...]:
        """What is not as the scene tells it; nothing when all is well."""
        return tuple(_surprises(self))


def stored_objects() -> dict[str, Any]:
    """Return what is in the cluster before the first scene, by name."""
    objects, _ = collect_objects(load_directory(OBJECTS))
    return {one["metadata"]["name"]: one for one in objects}


def play(stage: Stage, scene: Scene) -> Played:
    """Play one scene; what was admitted is stored."""
    if scene.verb is Verb.VIEW:
        return Played(scene, tuple(_view(stage, scene)))
    request = REQUESTS[scene.verb](scene, stage.stored.get(scene.name))
    answer = handle(stage.server, stage.entries, request)
    _store(stage, scene, answer)
    file = f"{scene.name}.yaml" if request.operation == "CREATE" else ""
    updated = "replaced" if scene.verb is Verb.REPLACE else "configured"
    told = tuple(lines(request, answer, file, updated))
    return Played(scene, told, tuple(answer.changes) if answer.allowed else ())


def _store(stage: Stage, scene: Scene, answer: Answer) -> None:
    if answer.allowed and scene.verb is Verb.DELETE:
        del stage.stored[scene.name]
    elif answer.allowed and scene.verb is not Verb.CREATE_POD:
        stage.stored[scene.name] = answer.value


def _apply(scene: Scene, stored: Any) -> Request:
    """Merge, as kubectl does on the client, what the file says into what is stored."""
    if stored is None:
        return Request(scene.user.info, "CREATE", _file(scene))
    return Request(scene.user.info, "UPDATE", _edited(stored, scene.edits), stored)


def _replace(scene: Scene, stored: Any) -> Request:
    return Request(scene.user.info, "UPDATE", _file(scene), stored)


def _delete(scene: Scene, stored: Any) -> Request:
    return Request(scene.user.info, "DELETE", old=stored)


def _create_pod(scene: Scene, stored: Any) -> Request:
    return Request(scene.user.info, "CREATE", pod_of(stored))


REQUESTS: Mapping[Verb, Callable[[Scene, Any], Request]] = {
    Verb.APPLY: _apply,
    Verb.REPLACE: _replace,
    Verb.DELETE: _delete,
    Verb.CREATE_POD: _create_pod,
}


def _file(scene: Scene) -> Any:
    text = (DATA / "manifests" / f"{scene.name}.yaml").read_text(encoding="utf-8")
    return _edited(yaml.safe_load(text), scene.edits)


def _edited(value: Any, edits: Mapping[str, Any]) -> Any:
    edited = copy.deepcopy(value)
    for path, wanted in edits.items():
        *parents, last = path.split(".")
        place = edited
        for key in parents:
            place = place[key]
        place[last] = wanted
    return edited


def pod_of(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Pod that the ReplicaSet controller creates, as it reaches webhooks.

    Owned by the ReplicaSet, and with what the API server's own plugins add before.
    """
    template = copy.deepcopy(deployment["spec"]["template"])
    name = f"{deployment['metadata']['name']}-{POD_HASH}"
    namespace = deployment["metadata"]["namespace"]
    template["metadata"] |= {"name": f"{name}-x2x9q", "namespace": namespace}
    template["metadata"]["labels"]["pod-template-hash"] = POD_HASH
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name}
    flags = {"uid": str(uuid.uuid4()), "controller": True, "blockOwnerDeletion": True}
    template["metadata"]["ownerReferences"] = [owner | flags]
    return {"apiVersion": "v1", "kind": "Pod", **template}


def _view(stage: Stage, scene: Scene) -> Iterator[Line]:
    """Run the real command on the stored object."""
    words = ("view", "--file", "-", "--explain", "--policies", str(stage.policies))
    done = subprocess.run(  # noqa: S603 - our own
        [*COMMAND, *words],
        input=yaml.safe_dump(stage.stored[scene.name]),
        capture_output=True,
        text=True,
        check=False,
    )
    yield from (Line("result", text) for text in done.stdout.splitlines())
    yield from (Line("error", text) for text in done.stderr.splitlines())


def _surprises(played: Played) -> Iterator[str]:
    told, scene = [line.text for line in played.lines], played.scene
    if len(told) != len(scene.told):
        yield f"{len(told)} lines were told, not {len(scene.told)}"
    for part, line in zip(scene.told, told, strict=False):
        if part not in line:
            yield f"told was {line!r}, without {part!r}"
    diffs = (line for one in played.changes for line in diff(one.before, one.after))
    changed = {f"{line[0]} {line[1:].strip()}" for line in diffs}
    yield from (f"nothing changed {line!r}" for line in scene.changed if line not in changed)
