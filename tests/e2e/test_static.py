"""Static registration: the entries come from files, as GitOps wants it, and no replica writes them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e import shop
from tests.e2e.propylon import CONFIGURATIONS, DATA, Propylon, command
from tests.e2e.shop import LATEST
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.kubectl import Kubectl

TOKEN = "a-token-of-this-test-only"


def succeed(folder: Path, *words: str) -> None:
    done = command(folder, *words)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def static(
    installation: Propylon, admin: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Propylon:
    """Return Propylon with rendered entries for image tags and env, and one replica."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "policies").mkdir()
    for name in ("image-tags.yaml", "env.yaml"):
        shutil.copy(DATA / "documents" / name, folder / "policies")
    succeed(folder, "certs", "--out", "certs")
    url = f"https://127.0.0.1:{installation.balancer.port}"
    flags = ("--policies", "policies", "--ca", "certs/ca.crt", "--token", TOKEN, "--url", url)
    succeed(folder, "manifests", *flags, "--out", "rendered")
    succeed(folder, "manifests", *flags, "--out", "rendered", "--check")
    for file in (folder / "rendered").glob("*.yaml"):
        admin.run("apply", "-f", str(file))
    pair = ("--tls-cert", str(folder / "certs/tls.crt"), "--tls-key", str(folder / "certs/tls.key"))
    installation.start("--registration", "static", "--token", TOKEN, *pair)
    written = installation.set_documents("baseline", "image-tags.yaml", "env.yaml")
    assert written.ok, str(written)
    return installation


def test_entries_are_those_of_the_files(static: Propylon, developer: Kubectl) -> None:
    document = shop.deployment(image=LATEST)
    eventually(
        lambda: "need a fixed tag" in developer.try_out(document).stderr,
        what="the policy denies",
    )
    for kind in CONFIGURATIONS:
        assert "ownerReferences" not in static.configuration(kind)["metadata"]
        assert all(
            entry["clientConfig"]["url"].endswith(f"/{TOKEN}")
            for entry in static.entries(kind).values()
        )
    assert static.authority().startswith("-----BEGIN CERTIFICATE-----")


def test_what_no_entry_sends_is_named(static: Propylon) -> None:
    """A policy for Services is in force, but nobody asks about Services."""
    before = static.configuration(CONFIGURATIONS[1])["metadata"]["generation"]
    assert static.set_documents("further", "services.yaml").ok
    eventually(
        lambda: "CREATE, UPDATE services in v1" in static.replicas[0].program.said(),
        what="the log names the kind",
    )
    assert static.configuration(CONFIGURATIONS[1])["metadata"]["generation"] == before
