"""Public policies, judged natively by a real API server and then by Propylon: the same answers.

Every request that passes without a policy is compared field by field; the others are listed with
the server's reason. The cases lie beside the project; without them this is skipped.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e import parity
from tests.e2e.api import connected
from tests.e2e.balancer import running_balancer
from tests.e2e.cluster import ADMIN, running_cluster
from tests.e2e.corpus import FILE, read_groups
from tests.e2e.propylon import installed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.parity import Outcome

if not FILE.exists():
    pytest.skip(f"no public cases: {FILE} is missing", allow_module_level=True)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Judge everything twice, in a cluster of its own: hundreds of namespaces come and stay."""
    folder = tmp_path_factory.mktemp("parity")
    with running_cluster(folder) as cluster, connected(cluster) as api:
        groups, found = read_groups(), parity.Outcome()
        parity.prepare(api, groups)
        groups = parity.accepted(api, groups, found)
        cases = parity.passing(api, [case for group in groups for case in group.cases], found)
        found.count(groups, cases)
        parity.install_natively(api, groups)
        native = parity.judge(api, cases)
        parity.remove_natively(api, groups)
        admin = cluster.user(*ADMIN)
        with running_balancer() as balancer, installed(cluster, admin, balancer) as propylon:
            admin.apply(parity.grant(groups))
            propylon.start()
            parity.install_in_propylon(api, groups)
            parity.compare(cases, native, parity.judge(api, cases), found)
            refused = [group for group, _ in found.refused.values()]
            found.refused_natively_only += parity.accepted_by_propylon(api, refused)
        yield found


def test_answers_are_the_same(
    outcome: Outcome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [*map(str, outcome.differences), *(": ".join(one) for one in outcome.listed.items())]
    report = tmp_path / "parity.txt"
    report.write_text("\n".join(lines))
    with capsys.disabled():
        sys.stdout.write(f"\n{outcome.summary()}\n  all of them: {report}\n")
    different = [str(one) for one in outcome.differences if not one.allowed]
    assert not different, "\n".join(different)


def test_policies_that_the_server_refuses_are_refused(outcome: Outcome) -> None:
    assert outcome.refused_natively_only == []


def test_the_cases_are_many(outcome: Outcome) -> None:
    assert outcome.documents >= 150
    assert len(outcome.equal) >= 1500
