"""The whole server in this process: real TLS, real signals, the ledger, the health port."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import signal
import socket
import sqlite3
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.builders import deployment, review
from tests.server.conftest import POLICY, Act, Client
from webhook.model import Document
from webhook.server import StartError, _log_switches, run
from webhook.settings import Settings
from webhook.snapshot import build
from webhook.sources.store import SnapshotStore

Serve = Callable[[Settings, Act], None]


def settings(folder: Path, certificates: Path, **further: Any) -> Settings:
    values = {
        "policies": folder,
        "tls_cert": certificates / "tls.crt",
        "tls_key": certificates / "tls.key",
        "port": 0,
        "health_port": 0,
        "ledger": "",
        **further,
    }
    return Settings(**values)


def test_server_judges_records_and_stops(
    serve: Serve, policies: Path, certificates: Path, log: list[logging.LogRecord]
) -> None:
    file = certificates / "ledger.db"

    def act(client: Client) -> None:
        allowed = client.post("/validate/policies?timeout=5s", review(deployment(replicas=3)))
        assert allowed["allowed"] is True
        denied = client.post("/validate/policies", review(deployment(replicas=9)))
        assert denied["allowed"] is False
        assert client.health("/healthz") == (200, "ok\n")
        assert client.health("/readyz") == (200, "ok\n")
        text = client.health("/metrics")[1]
        assert 'outcome="denied",verb="validate"} 1.0' in text
        assert "propylon_documents 2.0" in text
        assert "propylon_document_errors 0.0" in text
        assert (
            f'propylon_snapshot_info{{digest="{denied["auditAnnotations"]["snapshot"]}"}}' in text
        )

    serve(settings(policies, certificates, ledger=f"sqlite+aiosqlite:///{file}"), act)
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("select outcome, username from records order by sequence")
        assert rows.fetchall() == [("start", ""), ("denied", "alice"), ("stop", "")]
        ((head,),) = database.execute("select hash from records where outcome = 'stop'")
    (closed,) = (vars(one) for one in log if one.getMessage() == "the ledger is closed")
    assert closed["head"] == head


def test_tls_is_1_2_or_newer(serve: Serve, policies: Path, certificates: Path) -> None:
    def act(client: Client) -> None:
        old = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        client.context = old
        with pytest.raises(ssl.SSLError):
            client.post("/validate/policies", review(deployment()))

    serve(settings(policies, certificates), act)


def test_certificate_is_made_where_none_is_given(
    serve: Serve, policies: Path, certificates: Path, log: list[logging.LogRecord]
) -> None:
    def act(client: Client) -> None:
        made = next(vars(one) for one in log if one.getMessage().startswith("made a certificate"))
        client.context = ssl.create_default_context(cafile=made["ca"])
        response = client.post("/validate/policies/secret", review(deployment(replicas=1)))
        assert response["allowed"] is True

    serve(settings(policies, certificates, tls_cert=None, tls_key=None, token="secret"), act)


def test_changed_document_is_in_force_and_a_broken_one_is_not(
    serve: Serve, policies: Path, certificates: Path, log: list[logging.LogRecord]
) -> None:
    def act(client: Client) -> None:
        switches = _Switches()
        logging.getLogger("propylon.server").addHandler(switches)
        file = policies / "replicas.yaml"
        file.write_text(POLICY.replace("<= 5", "<= 50"))
        switches.wait()
        assert client.post("/validate/policies", review(deployment(replicas=9)))["allowed"] is True
        file.write_text(POLICY.replace("<= 5", "<="))
        switches.wait()
        assert client.post("/validate/policies", review(deployment(replicas=9)))["allowed"] is True
        assert "propylon_document_errors 1.0" in client.health("/metrics")[1]
        logging.getLogger("propylon.server").removeHandler(switches)
        refused = [vars(one) for one in log if one.getMessage() == "document refused"]
        assert f"{file}:10:" in refused[-1]["problem"]

    serve(settings(policies, certificates), act)


class _Switches(logging.Handler):
    """Waits for the next time that documents come in force."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: queue.SimpleQueue[None] = queue.SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "documents in force":
            self._seen.put(None)

    def wait(self) -> None:
        self._seen.get(timeout=20)


def test_stop_finishes_what_was_begun(serve: Serve, policies: Path, certificates: Path) -> None:
    """SIGTERM between head and body of a request: unready at once, answered nevertheless."""

    def act(client: Client) -> None:
        body = json.dumps(review(deployment(replicas=9))).encode()
        connection = client.connect()
        connection.putrequest("POST", "/validate/policies")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:100])
        client.post("/validate/policies", review(deployment()))  # the head has arrived by now
        client.stop()
        while client.health("/readyz")[0] == 200:
            pass
        assert client.health("/readyz") == (503, "stop: draining\n")
        assert client.health("/healthz") == (200, "ok\n")
        connection.send(body[100:])
        answer = connection.getresponse()
        assert json.loads(answer.read())["response"]["allowed"] is False
        connection.close()
        second = client.connect()
        second.request("POST", "/validate/policies", body, {"Content-Type": "application/json"})
        assert second.getresponse().getheader("connection") == "close"
        second.close()

    serve(settings(policies, certificates, drain_seconds=2.0), act)


def test_failing_ledger_is_said_and_changes_no_verdict(
    serve: Serve, policies: Path, certificates: Path, log: list[logging.LogRecord]
) -> None:
    file = certificates / "ledger.db"

    def act(client: Client) -> None:
        switches = _Switches()
        logging.getLogger("propylon.server").addHandler(switches)
        with closing(sqlite3.connect(file)) as database:
            for table in ("snapshot_documents", "records"):
                database.execute(f"drop table {table}")
        (policies / "replicas.yaml").write_text(POLICY.replace("<= 5", "<= 2"))
        switches.wait()
        logging.getLogger("propylon.server").removeHandler(switches)
        assert client.post("/validate/policies", review(deployment(replicas=2)))["allowed"] is True

    serve(settings(policies, certificates, ledger=f"sqlite+aiosqlite:///{file}"), act)
    messages = [one.getMessage() for one in log]
    assert "the ledger did not take the documents" in messages
    assert "the ledger was not closed: a possible loss" in messages


def test_second_signal_does_not_wait_and_the_ledger_is_closed(
    serve: Serve, policies: Path, certificates: Path, tmp_path: Path, log: list[Any]
) -> None:
    def act(client: Client) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        while client.health("/readyz")[0] == 200:
            pass  # the fixture sends the second one

    ledger = f"sqlite+aiosqlite:///{tmp_path}/ledger.db"
    serve(settings(policies, certificates, drain_seconds=60.0, ledger=ledger), act)
    assert "the ledger is closed" in [one.getMessage() for one in log]


def test_taken_port_is_said(policies: Path, certificates: Path, log: list[Any]) -> None:
    assert log == []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for name in ("port", "health_port"):
            with pytest.raises(StartError, match=rf"cannot listen on 127.0.0.1 port {port}: "):
                run(settings(policies, certificates, **{name: port}))


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "ledger that cannot be opened": (
        {"ledger": "sqlite+aiosqlite:////no/such/x.db"},
        "unable to open",
    ),
    "no kubeconfig": ({"policies": None, "kubeconfig": "{here}/tls.key"}, "tls.key"),
    "IPv6 only": ({"host": "::ffff:1.2.3.4"}, "cannot listen on ::ffff:1.2.3.4 port 0"),
    "certificate that is none": ({"tls_cert": "{here}/tls.key"}, "not a PEM certificate"),
    "objects that cannot be read": ({"objects": "{here}/broken"}, "broken"),
}


@pytest.mark.parametrize(("change", "text"), UNUSABLE.values(), ids=UNUSABLE)
def test_start_that_is_impossible_says_why(
    change: dict[str, Any], text: str, policies: Path, certificates: Path, log: list[Any]
) -> None:
    assert log == []
    (certificates / "broken").mkdir()
    (certificates / "broken" / "x.yaml").write_text("a: [")
    filled = {
        name: value.format(here=certificates) if isinstance(value, str) else value
        for name, value in change.items()
    }
    with pytest.raises(StartError, match=text):
        run(settings(policies, certificates, **filled))


async def test_each_switch_and_each_refused_document_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "propylon.server")
    store, broken = SnapshotStore(), build([Document("a", "a: ["), Document("b", "b: [")])
    task = asyncio.create_task(_log_switches(store))
    store.publish(broken, ())
    for _ in range(5):  # turns of the loop, for the task
        await asyncio.sleep(0)
    task.cancel()
    assert [one.message for one in caplog.records] == [
        "documents in force",
        "document refused",
        "document refused",
    ]
