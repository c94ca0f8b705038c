"""Wrong input to every command: what, where, what next; no traceback, and the documented exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import call
from webhook.cli import COMMANDS

POLICY = """
apiVersion: propylon.dev/v1
kind: EnvInjection
metadata: {name: a}
spec: {env: [{name: A, value: new}]}
"""
FILES: dict[str, bytes] = {
    "binary": b"a: \x00\x1b[2J\xff\xfe\n",
    "escapes": b"a: \x1b[31mred\n",
    "broken": b"a: [1\nb: {",
    "no object": b"spec: 3\n",
    "no metadata": b"apiVersion: v1\nkind: Pod\nmetadata: nope\n",
    "list": b"a: 1\n---\n- x\n",
}
READERS: dict[str, tuple[str, ...]] = {
    "check": ("check",),
    "export": ("export",),
    "import": ("import",),
    "scan": ("scan", "--policies", "{policies}"),
    "view": ("view", "--file"),
    "view --diff": ("view", "--file", "{good}", "--diff"),
    "eval": ("eval", "object.a", "--object"),
    "test": ("test",),
}
PASSED_OVER = {("scan", "no object"), ("scan", "list")}
"""A directory of manifests holds other YAML, too."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.yaml").write_text(POLICY)
    (tmp_path / "good.yaml").write_text(POLICY)
    return tmp_path


def _words(words: tuple[str, ...], place: Path) -> list[str]:
    return [one.format(policies=place / "policies", good=place / "good.yaml") for one in words]


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
@pytest.mark.parametrize("reader", READERS)
def test_unreadable_content_is_named_with_its_place(
    reader: str, content: bytes, place: Path, request: pytest.FixtureRequest
) -> None:
    what = request.node.callspec.id.rpartition("-")[2]
    path = place / "wrong.yaml"
    path.write_bytes(content)
    result = call(*_words(READERS[reader], place), path)
    if any((reader, name) in PASSED_OVER and content == FILES[name] for name in FILES):
        assert "no Kubernetes object" in result.stderr
        return
    assert result.exit_code in {1, 2}, what
    assert "wrong.yaml" in result.output or "request.object" in result.output
    assert isinstance(result.exception, SystemExit)
    assert "\x1b" not in result.output
    assert "\x00" not in result.output


@pytest.mark.parametrize("reader", READERS)
def test_missing_file_is_named(reader: str, place: Path) -> None:
    result = call(*_words(READERS[reader], place), place / "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml" in result.output.replace("\n", "")
    assert isinstance(result.exception, SystemExit)


DIRECTORIES: dict[str, tuple[str, ...]] = {
    "scan": ("scan", "{good}", "--policies"),
    "scan --objects": ("scan", "{good}", "--policies", "{policies}", "--objects"),
    "view": ("view", "-f", "{good}", "--policies"),
    "manifests": ("manifests", "--policies"),
    "gitops-ignore": ("gitops-ignore", "--policies"),
    "serve": ("serve", "--policies"),
    "serve --objects": ("serve", "--policies", "{policies}", "--objects"),
}


@pytest.mark.parametrize("words", DIRECTORIES.values(), ids=DIRECTORIES)
@pytest.mark.parametrize("name", ["good.yaml", "nowhere"])
def test_what_must_be_a_directory_is_one(words: tuple[str, ...], name: str, place: Path) -> None:
    result = call(*_words(words, place), place / name)
    assert result.exit_code == 2
    text = " ".join(result.output.replace("│", " ").split())
    assert "is a file" in text or "does not exist" in text


NOTHING: dict[str, tuple[tuple[str, ...], int, str]] = {
    "check": (
        ("check", "-"),
        0,
        "note: no documents in -; of a directory, *.yaml below it is read",
    ),
    "export": (("export", "-"), 0, "exported no objects"),
    "import": (("import", "-"), 2, "there is no object in what was given"),
    "scan": (("scan", "-", "--policies", "{policies}"), 0, "note: there was no Kubernetes object"),
    "view": (("view", "-f", "-"), 2, "standard input: there is no object in it; give a manifest"),
    "eval": (("eval", "1", "--object", "-"), 2, "holds 0 objects; give a file with one"),
}


@pytest.mark.parametrize(("words", "code", "text"), NOTHING.values(), ids=NOTHING)
def test_empty_standard_input(words: tuple[str, ...], code: int, text: str, place: Path) -> None:
    result = call(*_words(words, place))
    assert result.exit_code == code
    assert text in result.stderr


HINTS = {
    "apps/v1, Deployment": "note: to see what documents say about other objects: propylon scan FILE",
    "v1, ConfigMap": "note: a ConfigMap with documents has the label propylon.dev/policies",
}


@pytest.mark.parametrize(("kind", "hint"), HINTS.items(), ids=HINTS)
def test_objects_that_are_no_documents_get_a_hint(kind: str, hint: str) -> None:
    api_version, _, name = kind.partition(", ")
    text = f"apiVersion: {api_version}\nkind: {name}\nmetadata: {{name: web}}\n"
    result = call("check", "-", stdin=f"{text}---\n{text}")
    assert result.exit_code == 1
    assert "is unknown; allowed: Actors" in result.stdout
    assert result.stderr.count(hint) == 1
    assert call("check", "-", "-o", "json", stdin=text).stdout.startswith("{")


@pytest.mark.parametrize("name", [one.name for one in COMMANDS])
def test_unknown_flags_are_refused(name: str) -> None:
    result = call(name, "--bogus")
    assert result.exit_code == 2
    assert "No such option" in result.output


@pytest.mark.parametrize("name", [one.name for one in COMMANDS])
def test_help_tells_the_exit_codes_in_whole_paragraphs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = call(name, "--help").output
    (line,) = [one.strip() for one in text.splitlines() if one.strip().startswith("Exit code 0")]
    assert line.endswith(".")


@pytest.mark.parametrize("words", [("scan",), ("uninstall",)], ids=" ".join)
def test_no_cluster_is_said(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    result = call(*words)
    assert result.exit_code == 2
    assert "Configuration file /nowhere not found" in result.stderr


def test_scan_without_cluster_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert "give manifests and --policies DIR" in call("scan").stderr


def test_missing_ledger_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "propylon.db"
    result = call("report", "--ledger", f"sqlite+aiosqlite:///{file}")
    assert result.exit_code == 2
    assert f"there is no ledger {file} here" in result.stderr
    assert not file.exists()


def test_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    file.write_text("not a database, but long enough to be looked at " * 20)
    result = call("report", "--ledger", f"sqlite+aiosqlite:///{file}")
    assert result.exit_code == 2
    assert "cannot be read: file is not a database; see --ledger" in result.stderr


FORMS: dict[str, tuple[tuple[str, ...], str]] = {
    "version": (
        ("--kubernetes-version", "v1.30.1"),
        "--kubernetes-version: is no Kubernetes minor",
    ),
    "ledger": (("--ledger", "secret"), "--ledger: is no URL of a ledger; write sqlite+aiosqlite:"),
    "token": (("--token", "secret/"), "--token: may hold letters, digits, - and _ only"),
    "url": (("--webhook-url", "http://secret"), "--webhook-url: must begin with https://"),
}


@pytest.mark.parametrize(("words", "text"), FORMS.values(), ids=FORMS)
def test_settings_with_a_form_say_it_and_not_the_value(
    words: tuple[str, ...], text: str, place: Path
) -> None:
    result = call("serve", "--policies", place / "policies", *words)
    assert result.exit_code == 2
    assert f"propylon serve: {text}" in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.parametrize("words", [("verify",), ("uses",), ("text", "d", "EnvInjection/a")])
def test_ledger_may_be_named_behind_the_subcommand(words: tuple[str, ...], tmp_path: Path) -> None:
    missing = f"sqlite+aiosqlite:///{tmp_path}/none.db"
    for arranged in (("--ledger", missing, *words), (*words, "--ledger", missing)):
        result = call("report", *arranged)
        assert result.exit_code == 2
        assert "none.db here" in result.stderr


def test_url_that_is_none_of_a_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROPYLON_LEDGER", "nonsense")
    result = call("report")
    assert result.exit_code == 2
    assert "--ledger: is no URL of a ledger; write sqlite+aiosqlite:///FILE" in result.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_what_a_terminal_cannot_show_is_no_reason_to_fail(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from webhook.cli import main; main()", "eval", '"中"'],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    expected = '"中"' if encoding == "utf-8" else '"\\u4e2d"'
    assert done.stdout.decode() == f"{expected}\n"
