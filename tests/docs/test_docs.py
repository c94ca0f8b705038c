"""The documentation is true: every page exists, every link leads somewhere, every example runs."""

import asyncio
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from webhook.cli import COMMANDS
from webhook.kinds import KINDS
from webhook.ledger.records import Record
from webhook.ledger.store import Ledger, engine_for
from webhook.rules import MODELS
from webhook.rules.schema import file_name

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROPYLON = Path(sys.executable).parent / "propylon"
NEEDS_A_CLUSTER = {"uninstall"}
"""Commands whose examples are run by the end-to-end tests."""

NAMES = [command.name for command in COMMANDS]

LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _page(kind: str) -> str:
    return file_name(kind.removesuffix("Binding"))


@pytest.mark.parametrize("command", NAMES)
def test_every_command_has_a_page(command: str) -> None:
    assert (ROOT / "docs" / "commands" / f"{command}.md").is_file()


@pytest.mark.parametrize("kind", sorted(kind for _, kind in KINDS))
def test_every_document_kind_has_a_page(kind: str) -> None:
    assert (ROOT / "docs" / "documents" / f"{_page(kind)}.md").is_file()


def test_every_own_kind_has_a_model() -> None:
    assert {kind for group, kind in KINDS if group == "propylon.dev"} == set(MODELS)


def test_no_page_is_left_over() -> None:
    kinds = {_page(kind) for _, kind in KINDS}
    assert {path.stem for path in (ROOT / "docs" / "documents").glob("*.md")} <= kinds
    pages = {path.stem for path in (ROOT / "docs" / "commands").glob("*.md")}
    assert pages <= set(NAMES)


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=_id)
def test_decisions_are_short(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= 40


def examples() -> Iterator[tuple[str, list[str]]]:
    """Yield each block with commands: `page, block 1` and its command lines, in order."""
    for page in PAGES:
        for at, block in enumerate(BLOCK.findall(page.read_text())):
            lines = [line[2:] for line in block.splitlines() if line.startswith("$ propylon")]
            if lines and shlex.split(lines[0])[1] not in NEEDS_A_CLUSTER:
                yield f"{_id(page)} {at}", lines


EXAMPLES = dict(examples())


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A directory as a reader of the README has it: policies, certificates, a ledger."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    subprocess.run(
        [PROPYLON, "certs", "--out", "certs"], cwd=tmp_path, check=True, capture_output=True
    )
    asyncio.run(_make_ledger(f"sqlite+aiosqlite:///{tmp_path}/propylon.db"))
    return tmp_path


async def _make_ledger(url: str) -> None:
    ledger = Ledger(engine_for(url), "propylon-0")
    await ledger.open(0.0)
    await ledger.close(Record(1, 1.0, "stop"))


@pytest.mark.parametrize("lines", EXAMPLES.values(), ids=EXAMPLES)
def test_examples_run(lines: list[str], workplace: Path) -> None:
    """Every line that starts with `$ propylon` ends with exit code 0, or serves."""
    for line in lines:
        words = shlex.split(line, comments=True)
        command = [str(PROPYLON), *words[1:]]
        if words[1] == "serve":
            _serves(command, workplace)
        else:
            result = subprocess.run(
                command, cwd=workplace, capture_output=True, text=True, check=False, timeout=60
            )
            assert result.returncode == 0, result.stdout + result.stderr


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serves(command: list[str], workplace: Path) -> None:
    port, health = _free_port(), _free_port()
    ports = {"PROPYLON_PORT": str(port), "PROPYLON_HEALTH_PORT": str(health)}
    flags = ["--port", str(port), "--health-port", str(health)]
    server = subprocess.Popen(
        [*command, *flags],
        cwd=workplace,
        env={**os.environ, **ports},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        give_up = time.monotonic() + 60
        while server.poll() is None and not _is_ready(health) and time.monotonic() < give_up:
            time.sleep(0.05)
        assert server.poll() is None, server.communicate()[0]
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError, ssl.SSLError):
        return False
