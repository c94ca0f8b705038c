"""How often a Deployment has rolled out, as its real controller shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.kubectl import Kubectl

HASH = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Revisions:
    """The generation that the controller has seen, and the hashes of all templates so far."""

    generation: int
    hashes: frozenset[str]


def revisions(kubectl: Kubectl, name: str = "web-shop") -> Revisions:
    """Return what there is once the controller has seen the newest generation."""
    return eventually(lambda: _seen(kubectl, name), what=f"the controller has seen {name}")


def _seen(kubectl: Kubectl, name: str) -> Revisions | None:
    selector = f"app.kubernetes.io/name={name}"
    found = kubectl.get("deployments,replicasets", "-l", selector)["items"]
    made, *sets = sorted(found, key=lambda one: str(one["kind"]))
    generation: int = made["metadata"]["generation"]
    if made["kind"] != "Deployment" or made["status"].get("observedGeneration") != generation:
        return None
    return Revisions(generation, frozenset(one["metadata"]["labels"][HASH] for one in sets))
