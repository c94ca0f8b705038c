"""Fetches cel-spec's suite from its npm package into a cache and reads its cases.

The package also carries the syntax tree, the checked tree and the type that cel-go gives to each
expression. Nothing of it is kept in the project.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = "@bufbuild/cel-spec"
VERSION = "0.6.1"
PARTS = ("parsing", "checking", "comprehension", "conformance")
DUMP = """
import { writeFileSync } from "node:fs";
const [folder, target] = process.argv.slice(1);
const found = {};
for (const part of ["parsing", "checking", "comprehension", "conformance"]) {
  found[part] = (await import(`${folder}/dist/esm/testdata/${part}.js`)).tests;
}
writeFileSync(target, JSON.stringify(found));
"""


class SuiteMissingError(Exception):
    """The suite is not cached and cannot be fetched; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its place in the suite, what cel-go made of it, and the test as it is written.

    tree, checked: None where cel-go refused to parse or to check; `error` says why.
    """

    path: str
    text: str
    tree: str | None
    checked: str | None
    kind: str | None
    error: str
    test: Mapping[str, Any]

    @property
    def part(self) -> str:
        """Return which of the parts of the package it is from."""
        return self.path.partition("/")[0]


def cache_folder() -> Path:
    """Return the folder for what is fetched or built."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "propylon"


def read_suite() -> list[Case]:
    """Return all cases; fetch the package first where it is not cached."""
    cached = cache_folder() / f"cel-spec-{VERSION}.json"
    if not cached.exists():
        _fetch(cached)
    parts = json.loads(cached.read_text())
    return [case for part in PARTS for case in _cases(parts[part], part)]


def _fetch(target: Path) -> None:
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise SuiteMissingError("npm and node are not installed")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        _run(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], folder)
        (archive,) = folder.glob("*.tgz")
        with tarfile.open(archive) as files:
            files.extractall(folder, filter="data")
        command = ["node", "--input-type=module", "--eval", DUMP]
        _run([*command, str(folder / "package"), str(folder / "suite.json")], folder)
        (folder / "suite.json").replace(target)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SuiteMissingError(f"{command[0]} failed: {last}")


def _cases(suite: Mapping[str, Any], path: str) -> Iterator[Case]:
    for index, test in enumerate(suite.get("tests", ())):
        original = test["original"]
        yield Case(
            f"{path}/{original.get('name', index)}",
            original["expr"],
            test.get("ast"),
            test.get("checkedAst"),
            test.get("type"),
            test.get("error", ""),
            original,
        )
    for inner in suite.get("suites", ()):
        yield from _cases(inner, f"{path}/{inner['name']}")
