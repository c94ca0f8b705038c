"""Several replicas: one certificate authority, one Lease holder, no request lost when one goes."""

from __future__ import annotations

import json
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import commands, shop
from tests.e2e.load import creations, under_load
from tests.e2e.propylon import (
    CONFIGURATIONS,
    DENIED,
    POLICIES,
    SYSTEM,
    Propylon,
    Replica,
    forbidden_calls,
)
from tests.e2e.reviews import connect, post, review
from tests.e2e.shop import LATEST
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.cluster import Cluster
    from tests.e2e.kubectl import Kubectl

DENIED_IMAGE = DENIED + commands.DENIED_IMAGE
DRAIN = ("--drain-seconds", "2")
"""As in the shipped Deployment, but shorter: a stopping replica lets its callers leave first."""
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
DEPLOYMENT = "apps/v1/deployments"


@pytest.fixture(scope="module")
def events_before(cluster: Cluster) -> int:
    return len(cluster.audit_events())


@pytest.fixture(scope="module")
def pair(installation: Propylon, developer: Kubectl, events_before: int) -> Propylon:
    """Return Propylon with two replicas that were started at the same moment."""
    for replica in [installation.launch(*DRAIN), installation.launch(*DRAIN)]:
        replica.wait_until_ready()
    installation.put_in_force("baseline", "image-tags.yaml", "replicas.yaml")
    return installation


def holder(propylon: Propylon) -> Replica:
    """Return the running replica that holds the Lease, as soon as one does."""

    def look() -> Replica | None:
        name = propylon.holder()
        return next((one for one in propylon.replicas if one.identity == name), None)

    found = eventually(look, what="a running replica holds the Lease", within=60)
    assert found is not None
    return found


def policies_path(propylon: Propylon) -> str:
    url: str = propylon.entries(CONFIGURATIONS[1])["policies.propylon.dev"]["clientConfig"]["url"]
    return url.removeprefix(f"https://127.0.0.1:{propylon.balancer.port}")


def denial(port: int, authority: str, path: str, body: bytes) -> Any:
    """Return the response of a replica; AssertionError while it allows."""
    answer = post(port, authority, path, body)
    assert answer.status == 200, answer
    assert answer.response["allowed"] is False
    return answer.response


def test_both_end_with_one_authority_and_serve(pair: Propylon) -> None:
    authority, path = pair.authority(), policies_path(pair)
    body = review("CREATE", shop.deployment(image=LATEST), DEPLOYMENT)
    for replica in pair.replicas:
        answer = eventually(
            partial(denial, replica.port, authority, path, body),
            what=f"{replica.identity} denies, too",
        )
        assert answer["uid"] == "e2e-1"
        assert "need a fixed tag" in answer["status"]["message"]


def test_secret_holds_what_they_serve_with(pair: Propylon) -> None:
    secret = pair.admin.get("secret", "propylon-tls", "-n", SYSTEM)
    assert {"ca.crt", "tls.crt", "tls.key"} <= secret["data"].keys()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/validate/policies", id="no-token"),
        pytest.param("/validate/policies/AAAAAAAAAAAAAAAAAAAAAA", id="wrong-token"),
        pytest.param("/", id="root"),
    ],
)
def test_nobody_else_is_answered(path: str, pair: Propylon) -> None:
    body = review("CREATE", shop.deployment(), DEPLOYMENT)
    for replica in pair.replicas:
        assert post(replica.port, pair.authority(), path, body).status == 404


def test_documents_change_under_load_without_a_lost_request(pair: Propylon) -> None:
    """Another policy comes, changes and goes; the one that denies is in force all the time."""
    document = shop.deployment(image=LATEST)
    with under_load(creations(pair.cluster, DEPLOYMENTS, document)) as load:
        for _ in range(3):
            pair.put_in_force("further", "deletion.yaml")
            pair.put_in_force("further", "probes.yaml", "requests.yaml")
            pair.withdraw("further")
            load.wait_for_more(20)
    assert dict(load.answers) == {DENIED_IMAGE: load.total}
    assert load.total > 100


def test_new_replica_replaces_the_holder_under_load(pair: Propylon) -> None:
    """A rolling update: one more comes, the holder gets SIGTERM; nothing is lost or let through."""
    document = shop.deployment(image=LATEST)
    with under_load(creations(pair.cluster, DEPLOYMENTS, document)) as load:
        old = holder(pair)
        pair.start(*DRAIN)
        assert pair.stop(old) == 0
        load.wait_for_more(20)
        assert holder(pair) is not old
    assert dict(load.answers) == {DENIED_IMAGE: load.total}


def test_killed_holder_is_succeeded(pair: Propylon, developer: Kubectl) -> None:
    """Nobody released the Lease: it runs out, and then new kinds are registered again."""
    old = holder(pair)
    pair.stop(old, signal.SIGKILL)
    assert holder(pair) is not old
    pair.put_in_force("further", "deletion.yaml")
    rules = json.dumps(pair.entries(CONFIGURATIONS[1])["policies.propylon.dev"]["rules"])
    assert '"namespaces"' in rules
    pair.withdraw("further")


def test_sigterm_answers_the_request_that_runs(pair: Propylon) -> None:
    """Half of the body is sent before SIGTERM, the rest after it."""
    replica = pair.start()
    path = policies_path(pair)
    body = review("CREATE", shop.deployment(image=LATEST), DEPLOYMENT)
    connection = connect(replica.port, pair.authority())
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:1000])
    eventually(lambda: replica.status("/readyz") == 200, what="it still serves")
    pair.drop(replica)
    replica.program.process.send_signal(signal.SIGTERM)
    eventually(lambda: replica.status("/readyz") != 200, what="it is no longer ready")
    assert replica.program.alive()
    connection.send(body[1000:])
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert (answer.status, json.loads(text)["response"]["allowed"]) == (200, False)
    assert replica.program.wait() == 0


def test_lost_secret_is_made_anew(pair: Propylon, admin: Kubectl, developer: Kubectl) -> None:
    """Repair with kubectl: the Secret goes, the replicas are started again."""
    before = pair.authority()
    admin.run("delete", "secret", "propylon-tls", "-n", SYSTEM)
    pair.stop_all()
    for replica in [pair.launch(), pair.launch()]:
        replica.wait_until_ready()
    eventually(lambda: pair.authority() != before, what="the new authority is published")
    eventually(
        lambda: DENIED_IMAGE in developer.try_out(shop.deployment(image=LATEST)).stderr,
        what="the API server trusts it",
    )
    assert admin.get("configmaps", "-n", POLICIES)["items"]


def test_shipped_rights_suffice(pair: Propylon, events_before: int) -> None:
    assert forbidden_calls(pair.cluster, events_before) == []
