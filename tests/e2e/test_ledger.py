"""What an auditor finds with `propylon report` after real commands."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import shop
from tests.e2e.processes import plain_environment, run
from tests.e2e.propylon import COMMAND, Propylon
from tests.e2e.shop import LATEST
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    import subprocess

    from tests.e2e.kubectl import Kubectl


def report(propylon: Propylon, ledger: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**plain_environment(propylon.cluster.folder), "COLUMNS": "240"}
    return run([str(COMMAND), "report", "--ledger", ledger, *arguments], environment)


@pytest.fixture(scope="module")
def ledger(propylon: Propylon, developer: Kubectl) -> str:
    """Return the ledger after a denial, a warning, a mutation and a denied dry run."""
    propylon.put_in_force("baseline", "image-tags.yaml", "requests.yaml", "env.yaml")
    refused = shop.deployment("refused", image=LATEST)
    assert developer.try_to("create", "-f", "-", documents=refused).code == 1
    tried = shop.deployment("only-tried", image=LATEST)
    assert developer.try_out(tried).code == 1
    eventually(lambda: "POD_NAME" in developer.try_out(shop.pod()).stdout, what="Pods are mutated")
    developer.run("create", "-f", "-", documents=shop.deployment("warned", requests=None))
    developer.run("delete", "deployment", "warned")
    return propylon.replicas[0].ledger


def rows(propylon: Propylon, ledger: str, *arguments: str) -> list[Any]:
    done = report(propylon, ledger, "--output", "json", *arguments)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def test_denial_is_found_with_user_and_policy(propylon: Propylon, ledger: str) -> None:
    arguments = ("--namespace", "shop", "--policy", "image-tags", "--user", "dana", "--since", "1h")
    found = eventually(
        lambda: rows(propylon, ledger, *arguments), what="the denial is in the ledger"
    )
    assert [(one["name"], one["username"]) for one in found] == [("refused", "dana")]
    assert f"these images need a fixed tag: shop ({LATEST})" in json.dumps(found)


def test_dry_run_leaves_no_trace(propylon: Propylon, ledger: str) -> None:
    everything = eventually(
        lambda: rows(propylon, ledger, "--outcome", "all"), what="the ledger holds records"
    )
    assert "only-tried" not in json.dumps(everything)


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        pytest.param("warned", "every container should request cpu and memory", id="warned"),
        pytest.param("mutated", "identity", id="mutated"),
    ],
)
def test_other_outcomes_are_found(outcome: str, word: str, propylon: Propylon, ledger: str) -> None:
    found = eventually(
        lambda: rows(propylon, ledger, "--outcome", outcome), what=f"a record of {outcome}"
    )
    assert word in json.dumps(found)


def test_table_and_csv(propylon: Propylon, ledger: str) -> None:
    table = report(propylon, ledger)
    assert table.returncode == 0, table.stderr
    assert "refused" in table.stdout
    assert "dana" in table.stdout
    lines = list(csv.DictReader(io.StringIO(report(propylon, ledger, "-o", "csv").stdout)))
    assert [line["name"] for line in lines] == ["refused"]


def test_chain_is_whole_after_a_clean_stop(propylon: Propylon, ledger: str) -> None:
    propylon.stop_all()
    verified = report(propylon, ledger, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
