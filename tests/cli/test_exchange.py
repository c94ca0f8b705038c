"""`propylon export` and `propylon import`: files, standard input, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.calling import call
from tests.offline.texts import policy

OWN = "apiVersion: propylon.dev/v1\nkind: Actors\nmetadata: {name: x}\nspec: {}\n"


def test_there_and_back(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"# why\n{policy()}")
    imported = call("import", tmp_path, "--name", "team", "--out", tmp_path / "team.yml")
    assert imported.exit_code == 0, imported.stderr
    assert imported.stderr == "imported into 1 ConfigMap with 1 key\n"
    assert imported.stdout == ""
    config_map = yaml.safe_load((tmp_path / "team.yml").read_text())
    assert config_map["metadata"]["name"] == "team"
    exported = call("export", tmp_path / "team.yml")
    assert (exported.exit_code, exported.stdout) == (0, f"# why\n{policy()}")
    assert exported.stderr == "exported 2 objects\n"


def test_import_reads_standard_input() -> None:
    result = call("import", stdin=policy())
    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout)["data"] == {"stdin.yaml": policy()}


def test_own_kinds_are_left_out_and_named(tmp_path: Path) -> None:
    result = call("export", "-", stdin=OWN)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "left out: Actors 'x' has no native form\nexported no objects\n"


REFUSED: dict[str, tuple[tuple[str, ...], str, int, str]] = {
    "export errors": (("export", "-"), policy("a", "x"), 1, "nothing was exported: 1 error"),
    "import errors": (("import",), policy("a", "x"), 1, "nothing was imported: 1 error"),
    "import other": (("import",), OWN.replace("Actors", "Pod"), 1, "Pod is unknown; allowed: "),
    "import nothing": (("import",), "", 2, "there is no object in what was given"),
    "export no file": (("export", "/no/such"), "", 2, "propylon export: /no/such: No such file"),
    "import no file": (("import", "/no/such"), "", 2, "propylon import: /no/such: No such file"),
    "name": (("import", "--name", "A"), policy(), 2, "--name 'A': a lowercase RFC 1123"),
    "cannot write": (("import", "--out", "/no/such/f"), policy(), 2, "/no/such/f: No such file"),
}


@pytest.mark.parametrize(("words", "stdin", "code", "text"), REFUSED.values(), ids=REFUSED)
def test_refused(words: tuple[str, ...], stdin: str, code: int, text: str) -> None:
    result = call(*words, stdin=stdin)
    assert result.exit_code == code
    assert text in " ".join(result.stderr.replace("│", " ").split())
