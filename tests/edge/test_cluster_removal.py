"""`propylon uninstall`: what goes, in which order, and what stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.edge.fake_api import FakeApi, forbidden, running
from webhook.cli import command_line
from webhook.cluster.removal import removals

RUN = CliRunner()
SYSTEM, POLICIES = "propylon-system", "propylon-policies"
EVERYTHING = removals(SYSTEM, POLICIES)


def invoke(api: FakeApi, folder: Path, *words: str) -> tuple[int, str]:
    """Run the command as a process of its own would: another event loop, the same API server."""

    async def serve() -> tuple[int, str]:
        async with running(api, folder):
            flags = ["uninstall", "--kubeconfig", str(folder / "kubeconfig"), *words]
            result = await asyncio.to_thread(RUN.invoke, command_line(["uninstall"]), flags)
            return result.exit_code, result.output

    return asyncio.run(serve())


@pytest.fixture
def installed() -> Callable[[], FakeApi]:
    def install() -> FakeApi:
        api = FakeApi()
        api.resources = list(dict.fromkeys(one.resource for one in EVERYTHING))
        for one in EVERYTHING:
            metadata = {"name": one.name}
            if one.namespace:
                metadata["namespace"] = one.namespace
            api.put(one.resource, {"metadata": metadata})
        return api

    return install


def deletions(api: FakeApi) -> list[str]:
    return [line.rpartition("/v1/")[2] for line in api.requests if line.startswith("DELETE")]


def test_configurations_go_first_and_documents_stay(
    installed: Callable[[], FakeApi], tmp_path: Path
) -> None:
    api = asyncio.run(_made(installed))
    code, output = invoke(api, tmp_path)
    assert (code, api.objects) == (0, {})
    assert deletions(api)[:3] == [
        "mutatingwebhookconfigurations/propylon",
        "validatingwebhookconfigurations/propylon",
        f"namespaces/{SYSTEM}/deployments/propylon",
    ]
    assert deletions(api)[-1] == f"namespaces/{SYSTEM}"
    assert f"namespaces/{POLICIES}" not in deletions(api)
    assert output.startswith("removed MutatingWebhookConfiguration propylon\n")
    assert "kubectl delete namespace propylon-policies" in output


async def _made(install: Callable[[], FakeApi]) -> FakeApi:
    return install()


def test_again_is_no_error(installed: Callable[[], FakeApi], tmp_path: Path) -> None:
    api = asyncio.run(_made(installed))
    api.objects.clear()
    code, output = invoke(api, tmp_path)
    assert code == 0
    assert output.count("was not there: ") == len(EVERYTHING)


def test_missing_rights_stop_it_with_a_reason(
    installed: Callable[[], FakeApi], tmp_path: Path
) -> None:
    api = asyncio.run(_made(installed))
    api.fail("deployments", forbidden("cannot delete deployments"))
    code, output = invoke(api, tmp_path)
    assert code == 2
    assert "propylon uninstall: not finished: DELETE" in output
    assert "cannot delete deployments" in output


def test_dry_run_only_says_what_would_go(installed: Callable[[], FakeApi], tmp_path: Path) -> None:
    api = asyncio.run(_made(installed))
    code, output = invoke(api, tmp_path, "--dry-run")
    assert (code, api.requests) == (0, [])
    assert output.count("would remove ") == len(EVERYTHING)
    assert "would remove Role propylon in propylon-policies\n" in output


def test_unusable_kubeconfig_is_named(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps({"clusters": []}))
    words = ["uninstall", "--kubeconfig", str(file)]
    result = RUN.invoke(command_line(words), words)
    assert result.exit_code == 2
    assert f"cannot use {file}" in result.output
