"""The embedded server over real TLS: documents from a directory, no cluster.

Certificates are swapped while it serves, SIGTERM drains, and what is no AdmissionReview gets a
clear refusal and never a verdict.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.e2e import shop
from tests.e2e.load import under_load
from tests.e2e.processes import free_port, start
from tests.e2e.propylon import COMMAND, DATA, Replica
from tests.e2e.reviews import JSON, ask, connect, post, review, shown_certificate
from tests.e2e.shop import LATEST
from tests.e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.load import Session

PATH = "/validate/policies"
DEPLOYMENT = "apps/v1/deployments"
DENIABLE = review("CREATE", shop.deployment(image=LATEST), DEPLOYMENT)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusted(authority: trustme.CA) -> str:
    """Return the certificate of the authority as PEM text."""
    return authority.cert_pem.bytes().decode()


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    """Return a folder with policies and a serving certificate."""
    (tmp_path / "policies").mkdir()
    shutil.copy(DATA / "documents" / "image-tags.yaml", tmp_path / "policies")
    write_certificate(tmp_path, authority)
    return tmp_path


def write_certificate(folder: Path, authority: trustme.CA) -> None:
    """Put a new pair in the place of the old one, each file at once."""
    certificate = authority.issue_cert("127.0.0.1")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    for name, content in (("key", certificate.private_key_pem.bytes()), ("crt", chain)):
        (folder / f"new.{name}").write_bytes(content)
        (folder / f"new.{name}").rename(folder / f"tls.{name}")


@pytest.fixture
def server(folder: Path) -> Iterator[Replica]:
    port, health_port = free_port(), free_port()
    ledger = f"sqlite+aiosqlite:///{folder / 'ledger.db'}"
    options = {
        "policies": str(folder / "policies"),
        "tls-cert": str(folder / "tls.crt"),
        "tls-key": str(folder / "tls.key"),
        "host": "127.0.0.1",
        "port": str(port),
        "health-port": str(health_port),
        "ledger": ledger,
    }
    words = [word for flag, value in options.items() for word in (f"--{flag}", value)]
    program = start("embedded", [str(COMMAND), "serve", *words], folder)
    running = Replica("embedded", port, health_port, ledger, program)
    try:
        yield running.wait_until_ready()
    finally:
        program.stop()


def denials(server: Replica, trusted: str) -> Session:
    """Return what asks for a verdict over one connection that is kept."""

    @contextlib.contextmanager
    def session() -> Iterator[Callable[[], str]]:
        with contextlib.closing(connect(server.port, trusted)) as connection:

            def one() -> str:
                answer = ask(connection, PATH, DENIABLE)
                return f"{answer.status} {answer.response['allowed']}"

            yield one

    return session


def test_review_is_denied(server: Replica, trusted: str) -> None:
    answer = post(server.port, trusted, f"{PATH}?timeout=10s", DENIABLE)
    assert answer.status == 200
    assert answer.response["uid"] == "e2e-1"
    assert answer.response["status"]["code"] == 403
    assert "patch" not in answer.response
    allowed = post(server.port, trusted, PATH, review("CREATE", shop.deployment(), DEPLOYMENT))
    assert allowed.response["allowed"] is True
    assert not {"status", "warnings", "patch", "patchType"} & allowed.response.keys()


def test_certificate_is_swapped_while_serving(
    server: Replica, trusted: str, folder: Path, authority: trustme.CA
) -> None:
    before = shown_certificate(server.port)
    with under_load(denials(server, trusted)) as load:
        write_certificate(folder, authority)
        eventually(
            lambda: shown_certificate(server.port) != before,
            what="new connections see the new certificate",
            within=30,
        )
        load.wait_for_more(20)
    assert dict(load.answers) == {"200 False": load.total}
    assert post(server.port, trusted, PATH, DENIABLE).status == 200


def test_half_a_pair_is_not_taken(
    server: Replica, trusted: str, folder: Path, authority: trustme.CA
) -> None:
    """A certificate that does not fit its key leaves the old pair in use."""
    before = shown_certificate(server.port)
    other = authority.issue_cert("127.0.0.1")
    (folder / "tls.crt").write_bytes(other.cert_chain_pems[0].bytes())
    eventually(
        lambda: "does not belong to the certificate" in server.program.said(),
        what="the log says why",
        within=30,
    )
    assert shown_certificate(server.port) == before
    assert post(server.port, trusted, PATH, DENIABLE).status == 200


def test_changed_directory_is_in_force(server: Replica, trusted: str, folder: Path) -> None:
    policy = folder / "policies" / "image-tags.yaml"
    text = policy.read_text()
    policy.write_text(text.replace("validationActions: [Deny, Audit]", "validationActions: [Warn]"))
    answer = eventually(
        lambda: (got := post(server.port, trusted, PATH, DENIABLE)).response["allowed"] and got,
        what="the policy only warns",
    )
    assert answer
    assert "need a fixed tag" in answer.response["warnings"][0]
    policy.write_text("kind: [broken")
    eventually(lambda: "image-tags.yaml" in server.program.said(), what="the log names the file")
    assert post(server.port, trusted, PATH, DENIABLE).response["warnings"]


def test_sigterm_answers_the_request_that_runs(server: Replica, trusted: str) -> None:
    connection = connect(server.port, trusted)
    connection.putrequest("POST", PATH)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(DENIABLE)))
    connection.endheaders(DENIABLE[:1000])
    idle = connect(server.port, trusted)
    assert ask(idle, PATH, DENIABLE).status == 200
    server.program.process.send_signal(signal.SIGTERM)
    eventually(lambda: server.status("/readyz") != 200, what="it is no longer ready")
    assert server.program.alive()
    connection.send(DENIABLE[1000:])
    answer = connection.getresponse()
    assert json.loads(answer.read())["response"]["allowed"] is False
    connection.close()
    idle.close()
    assert server.program.wait() == 0


BAD = {
    "no-json": (b"{oops", JSON, 400, "JSON"),
    "empty": (b"", JSON, 400, ""),
    "no-object": (b"[]", JSON, 400, ""),
    "other-kind": (b'{"apiVersion": "v1", "kind": "Pod"}', JSON, 400, "AdmissionReview"),
    "no-request": (
        b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}',
        JSON,
        400,
        "request",
    ),
    "text": (DENIABLE, {"Content-Type": "text/plain"}, 415, "application/json"),
    "too-big": (b" " * (16 * 1024 * 1024 + 1), JSON, 413, "16"),
}


@pytest.mark.parametrize(("body", "headers", "status", "word"), BAD.values(), ids=BAD.keys())
def test_bad_input_gets_no_verdict(
    body: bytes, headers: dict[str, str], status: int, word: str, server: Replica, trusted: str
) -> None:
    connection = connect(server.port, trusted)
    try:
        answer = ask(connection, PATH, body, headers)
    finally:
        connection.close()
    assert answer.status == status, answer
    assert word in answer.text
    assert '"allowed"' not in answer.text
    assert post(server.port, trusted, PATH, DENIABLE).response["allowed"] is False
