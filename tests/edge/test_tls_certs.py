"""`propylon certs`: four files, safe to run again."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from webhook.cli import command_line
from webhook.tls.authority import KeyPair, check_material, check_pair, covers
from webhook.tls.authority import Material as Everything

RUN = CliRunner()


def certs(*words: str) -> tuple[int, str]:
    result = RUN.invoke(command_line(["certs"]), ["certs", *words])
    return result.exit_code, result.output


def material(folder: Path) -> Everything:
    ca, ca_key, certificate, key = (
        (folder / name).read_bytes() for name in ("ca.crt", "ca.key", "tls.crt", "tls.key")
    )
    return Everything(ca, ca_key, KeyPair(certificate, key))


def test_four_files_that_belong_together(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "certs"
    code, output = certs("--out", str(folder), "--name", "10.0.0.9", "--name", "webhook.example")
    assert code == 0
    assert sorted(one.name for one in folder.iterdir()) == [
        "ca.crt",
        "ca.key",
        "tls.crt",
        "tls.key",
    ]
    made = material(folder)
    check_material(made)
    names = ["propylon.propylon-system.svc", "127.0.0.1", "10.0.0.9", "webhook.example"]
    assert covers(made.serving.certificate, names)
    assert f"serving certificate: {folder}/tls.crt" in output
    for file in ("ca.key", "tls.key"):
        assert stat.S_IMODE((folder / file).stat().st_mode) == 0o600


def test_again_keeps_the_authority(tmp_path: Path) -> None:
    certs("--out", str(tmp_path))
    before = material(tmp_path)
    assert certs("--out", str(tmp_path), "--namespace", "platform")[0] == 0
    after = material(tmp_path)
    assert (after.ca_bundle, after.ca_key) == (before.ca_bundle, before.ca_key)
    assert after.serving != before.serving
    assert covers(after.serving.certificate, ["propylon.platform.svc"])
    check_material(after)


def test_foreign_key_is_refused_and_nothing_written(tmp_path: Path) -> None:
    certs("--out", str(tmp_path / "other"))
    certs("--out", str(tmp_path / "mine"))
    (tmp_path / "other" / "ca.key").rename(tmp_path / "mine" / "ca.key")
    before = (tmp_path / "mine" / "tls.crt").read_bytes()
    code, output = certs("--out", str(tmp_path / "mine"))
    assert code == 2
    assert "remove both of its files" in output
    assert (tmp_path / "mine" / "tls.crt").read_bytes() == before
    check_pair(material(tmp_path / "mine").serving)


REFUSED = {
    "a name that no certificate can hold": (["--name", "bücher"], "cannot be in a certificate"),
    "half an authority": ([], "ca.key"),
}


@pytest.mark.parametrize(("words", "text"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said(words: list[str], text: str, tmp_path: Path) -> None:
    if not words:
        certs("--out", str(tmp_path))
        (tmp_path / "ca.key").unlink()
    code, output = certs("--out", str(tmp_path), *words)
    assert code == 2
    assert "propylon certs: " in output
    assert text in output


def test_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, output = certs("--out", str(tmp_path / "file"))
    assert code == 2
    assert "File exists" in output
