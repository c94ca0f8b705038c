"""The API server goes away and comes back: Propylon goes on, and catches up by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e import shop
from tests.e2e.propylon import CONFIGURATIONS
from tests.e2e.reviews import post, review
from tests.e2e.shop import LATEST

if TYPE_CHECKING:
    from tests.e2e.kubectl import Kubectl
    from tests.e2e.propylon import Propylon


def test_api_server_restarts(developer: Kubectl, propylon: Propylon) -> None:
    """Watches break and lists are stale; what is in force stays, and changes arrive afterwards."""
    propylon.put_in_force("baseline", "image-tags.yaml")
    cluster, replica, authority = propylon.cluster, propylon.replicas[0], propylon.authority()
    url = propylon.entries(CONFIGURATIONS[1])["policies.propylon.dev"]["clientConfig"]["url"]
    path = url.removeprefix(f"https://127.0.0.1:{propylon.balancer.port}")
    kubeconfig = propylon.kubeconfig()
    body = review("CREATE", shop.deployment(image=LATEST), "apps/v1/deployments")
    cluster.kill("kube-apiserver")
    try:
        assert post(replica.port, authority, path, body).response["allowed"] is False
        late = propylon.launch(kubeconfig=kubeconfig)
        assert post(replica.port, authority, path, body).response["allowed"] is False
    finally:
        cluster.start_again("kube-apiserver")
    late.wait_until_ready()
    propylon.put_in_force("further", "replicas.yaml")
    for changes, words in (
        ({"image": LATEST}, "need a fixed tag"),
        ({"replicas": 50}, "at most 20 replicas"),
    ):
        document = shop.deployment(**changes)
        tried = developer.try_out(document)
        assert words in tried.stderr
    assert replica.program.alive()
