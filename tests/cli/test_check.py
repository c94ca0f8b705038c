"""`propylon check`: what a person sees, and what CI reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import call
from tests.offline.texts import policy

BROKEN = policy("tall", "objekt.spec.tall == 1 && object.x.foo()")
INDENTED = "\n".join(f"      {line}" for line in BROKEN.splitlines())
CONFIG_MAP = f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: team, namespace: propylon-policies, labels: {{propylon.dev/policies: "true"}}}}
data:
  notes.txt: anything
  tall.yaml: |
{INDENTED}
"""


def test_all_errors_have_line_column_and_caret(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(BROKEN)
    result = call("check", tmp_path)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"error: {file}:10:19: ValidatingAdmissionPolicy 'tall': spec.vali")
    assert lines[1:3] == [
        "    - expression: objekt.spec.tall == 1 && object.x.foo()",
        " " * 18 + "^",
    ]
    assert f"{file}:10:" in lines[4]
    assert lines[-1] == "2 documents checked, 2 errors"


def test_good_documents_have_exit_code_0(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(policy())
    result = call("check", tmp_path / "a.yaml")
    assert (result.exit_code, result.stdout) == (0, "2 documents checked, no errors\n")


def test_half_of_a_pair_is_noted(tmp_path: Path) -> None:
    alone, other = policy("one").split("---\n")[0], policy("two").split("---\n")[1]
    (tmp_path / "a.yaml").write_text(f"{alone}---\n{other}")
    result = call("check", tmp_path)
    assert result.exit_code == 0
    assert "no ValidatingAdmissionPolicyBinding names it: it does nothing" in result.stdout
    assert "there is no ValidatingAdmissionPolicy 'two' here" in result.stdout


EXCEPTION = """\
apiVersion: propylon.dev/v1
kind: PolicyException
metadata: {name: legacy}
spec:
  waives:
    - WAIVED
  subject: {users: [alice]}
  match: {namespaces: [shop]}
  reason: because
  ticket: CHG-1
  expires: "EXPIRES"
"""
NOTES = {
    "a policy that is here": ("{kind: ValidatingAdmissionPolicy, name: tall}", "2999", ""),
    "another policy": (
        "{kind: ValidatingAdmissionPolicy, name: small}",
        "2999",
        "spec.waives[0]: there is no ValidatingAdmissionPolicy 'small' here: waiving it does nothing",
    ),
    "a rule without documents": (
        "{kind: LxcfsInjection}",
        "2999",
        "spec.waives[0]: there is no LxcfsInjection here: waiving it does nothing",
    ),
    "expired": (
        "{kind: ValidatingAdmissionPolicy, name: tall}",
        "2020",
        "spec.expires: 2020-01-01T00:00:00Z is over: it does nothing; remove it",
    ),
}


@pytest.mark.parametrize(("waived", "year", "note"), NOTES.values(), ids=NOTES)
def test_idle_exceptions_are_noted(waived: str, year: str, note: str, tmp_path: Path) -> None:
    text = EXCEPTION.replace("WAIVED", waived).replace("EXPIRES", f"{year}-01-01T00:00:00Z")
    (tmp_path / "a.yaml").write_text(f"{policy('tall')}---\n{text}")
    result = call("check", tmp_path)
    assert result.exit_code == 0
    assert (note in result.stdout) if note else ("note" not in result.stdout)


@pytest.mark.parametrize(
    "waived", ["3", "{kind: Nonsense}", "{}", "{kind: [x]}", "{kind: EnvInjection, name: {}}"]
)
def test_a_broken_exception_is_an_error(waived: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(EXCEPTION.replace("WAIVED", waived))
    assert call("check", tmp_path).exit_code == 1


def test_config_map_is_looked_into_from_standard_input() -> None:
    result = call("check", "-", stdin=CONFIG_MAP)
    assert result.exit_code == 1
    assert result.stdout.startswith("error: <stdin>:16:25: ValidatingAdmissionPolicy 'tall'")
    assert CONFIG_MAP.splitlines()[15] in result.stdout


VERSIONS = {"": 0, "1.36": 0, "1.28": 1}


@pytest.mark.parametrize(("version", "code"), VERSIONS.items(), ids=VERSIONS)
def test_version_gates_new_texts(version: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(policy("ip", "isIP(object.metadata.name)"))
    result = call("check", tmp_path, "--kubernetes-version", version)
    assert result.exit_code == code
    assert ("undeclared reference to 'isIP'" in result.stdout) == bool(code)


def test_json_has_every_field(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BROKEN)
    result = call("check", tmp_path, "--output", "json")
    value = json.loads(result.stdout)
    assert (value["checked"], len(value["errors"]), value["notes"]) == (2, 2, [])
    first = value["errors"][0]
    assert (first["line"], first["column"], first["name"]) == (10, 19, "tall")
    assert first["path"] == "spec.validations[0].expression"


WRONG = {
    "no such file": (("/no/such.yaml",), "/no/such.yaml: No such file or directory; give a file"),
    "version": (("/", "--kubernetes-version", "new"), "'new' is no Kubernetes minor"),
    "nothing": ((), "Missing argument"),
}


@pytest.mark.parametrize(("words", "text"), WRONG.values(), ids=WRONG)
def test_wrong_words_have_exit_code_2(words: tuple[str, ...], text: str) -> None:
    result = call("check", *words)
    assert result.exit_code == 2
    assert text in result.stderr


def test_odd_documents_are_errors_and_no_crash(tmp_path: Path) -> None:
    odd = policy().replace("spec:\n  policyName: tall\n  validationActions: [Deny]", "spec: 5")
    (tmp_path / "a.yaml").write_text(odd)
    assert call("check", tmp_path).exit_code == 1
