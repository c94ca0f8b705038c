"""One control plane for all end-to-end tests; one installation of Propylon for each module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.balancer import Balancer, running_balancer
from tests.e2e.cluster import ADMIN, Cluster, running_cluster
from tests.e2e.propylon import Propylon, installed
from tests.e2e.rights import binding
from tests.e2e.shop import let_edit, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.kubectl import Kubectl

BREAKGLASS = "propylon.dev:breakglass"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def admin(cluster: Cluster) -> Kubectl:
    """Return kubectl as the administrator of the cluster."""
    return cluster.user(*ADMIN)


@pytest.fixture(scope="session")
def scheduler(cluster: Cluster) -> None:
    """Let the real scheduler bind Pods from now on; where there is no node it binds none."""
    cluster.start_scheduler()


@pytest.fixture(scope="session")
def balancer() -> Iterator[Balancer]:
    with running_balancer() as running:
        yield running


@pytest.fixture(scope="session")
def developer(cluster: Cluster, admin: Kubectl) -> Kubectl:
    """Return kubectl as Dana, who may edit the namespace `shop` and nothing else."""
    open_shop(admin)
    let_edit(admin, "developers")
    return cluster.user("dana", "developers").within("shop")


@pytest.fixture(scope="session")
def operator(cluster: Cluster, admin: Kubectl, developer: Kubectl) -> Kubectl:
    """Return kubectl as Olga, who may edit the namespace `shop`, too; Actors call her operator."""
    let_edit(admin, "operators")
    return cluster.user("olga", "operators").within("shop")


@pytest.fixture(scope="session")
def carol(cluster: Cluster, admin: Kubectl) -> Kubectl:
    """Return kubectl as somebody who broke the glass, and may do everything."""
    admin.apply(binding("breakglass", "cluster-admin", ("Group", BREAKGLASS)))
    return cluster.user("carol", BREAKGLASS)


@pytest.fixture(scope="module")
def installation(cluster: Cluster, admin: Kubectl, balancer: Balancer) -> Iterator[Propylon]:
    """Return Propylon as `kubectl apply -k` leaves it: no replica runs yet."""
    with installed(cluster, admin, balancer) as propylon:
        yield propylon


@pytest.fixture(scope="module")
def propylon(installation: Propylon) -> Propylon:
    """Return Propylon with one replica that is ready."""
    installation.start()
    return installation
