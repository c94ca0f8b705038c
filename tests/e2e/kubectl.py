"""The real kubectl as a subprocess: what it printed, what it said on stderr, how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.e2e.processes import plain_environment, run

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """The end of one kubectl call."""

    command: str
    code: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether it ended with 0."""
        return self.code == 0

    @property
    def warnings(self) -> list[str]:
        """The texts of the lines that kubectl starts with `Warning: `."""
        lines = self.stderr.splitlines()
        return [line.removeprefix("Warning: ") for line in lines if line.startswith("Warning: ")]

    @property
    def object(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.stdout)

    def __str__(self) -> str:
        """Return all of it, for the message of a failed assertion."""
        return f"$ {self.command}\n{self.stdout}{self.stderr}(exit code {self.code})"


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with one user's configuration and, perhaps, a namespace."""

    program: Path
    kubeconfig: Path
    cache: Path
    namespace: str = ""

    def within(self, namespace: str) -> Kubectl:
        """Return the same with `--namespace`."""
        return replace(self, namespace=namespace)

    def command(self, *arguments: str) -> list[str]:
        """Return the words of a call."""
        place = ["--namespace", self.namespace] if self.namespace else []
        return [str(self.program), *place, *arguments]

    def environment(self) -> dict[str, str]:
        """Return the environment of a call."""
        return {
            **plain_environment(self.cache),
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.cache),
        }

    def try_to(self, *arguments: str, documents: Any = None) -> Result:
        """Run kubectl; `documents` (text, an object or a list of objects) is its standard input."""
        command, text = self.command(*arguments), _as_text(documents)
        done = run(command, self.environment(), text=text)
        return Result(f"kubectl {' '.join(arguments)}", done.returncode, done.stdout, done.stderr)

    def run(self, *arguments: str, documents: Any = None) -> Result:
        """Run kubectl and insist on success."""
        result = self.try_to(*arguments, documents=documents)
        assert result.ok, str(result)
        return result

    def try_out(self, documents: Any, *arguments: str) -> Result:
        """Create objects as a dry run, which every webhook sees, and return the outcome."""
        words = ("create", "--dry-run=server", "-o", "json", "-f", "-")
        return self.try_to(*words, *arguments, documents=documents)

    def lacks(self, *what: str) -> bool:
        """Tell whether the API server says that there is no such object."""
        return "(NotFound)" in self.try_to("get", *what).stderr

    def apply(self, documents: Any, *arguments: str) -> Result:
        """Apply objects and insist on success."""
        return self.run("apply", "-f", "-", *arguments, documents=documents)

    def get(self, *arguments: str) -> Any:
        """Return an object, or a List, as the API server stores it; AssertionError without it."""
        return self.run("get", *arguments, "-o", "json").object


def _as_text(documents: Any) -> str | None:
    if documents is None or isinstance(documents, str):
        return documents
    if isinstance(documents, list):
        documents = {"apiVersion": "v1", "kind": "List", "items": documents}
    return json.dumps(documents)
