"""What a LxcfsInjection document becomes: frozen values that the treatment reads.

No checks here: `parsing.py` has made them, `building.py` fills these.
"""

from __future__ import annotations

from dataclasses import dataclass

from webhook.model import Json
from webhook.rules.actors import Actors
from webhook.rules.lxcfs.settings import LxcfsInjectionSpec


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to mount: from where on the node, and to where in the container.

    `propagation` is "" for none; `hashed_names` are used when another volume has the name.
    """

    volume_name: str
    hashed_names: tuple[str, ...]
    host_path: str
    host_type: str
    mount_path: str
    propagation: str = ""

    def volume(self, name: str) -> dict[str, Json]:
        """Return the volume under this name."""
        return {"name": name, "hostPath": {"path": self.host_path, "type": self.host_type}}

    def mount(self, volume_name: str) -> dict[str, Json]:
        """Return the read-only mount of the volume with this name."""
        mount = {"name": volume_name, "mountPath": self.mount_path, "readOnly": True}
        return {**mount, "mountPropagation": self.propagation} if self.propagation else mount


@dataclass(frozen=True, slots=True)
class Config:
    """The document in force; `generation` names its content, `sources` are in mounting order."""

    name: str
    generation: str
    prefix: str
    settings: LxcfsInjectionSpec
    sources: tuple[Source, ...]
    actors: Actors

    @property
    def judges_templates(self) -> bool:
        """Whether templates must be looked at: some writers may not opt out there."""
        return self.settings.phase != "off" and self.settings.opt_out_by != "anyone"

    @property
    def document(self) -> str:
        """How a Decision names the document that changed the object."""
        return f"LxcfsInjection/{self.name}"
