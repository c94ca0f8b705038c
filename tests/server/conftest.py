"""A directory of policies, certificates, and a server that really runs."""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from webhook.server import run
from webhook.settings import Settings
from webhook.tls.authority import LOCAL_NAMES, make_material

POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: replicas}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  validations:
    - expression: object.spec.replicas <= 5
      message: at most 5 replicas
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: replicas}
spec: {policyName: replicas, validationActions: [Deny]}
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "replicas.yaml").write_text(POLICY)
    return folder


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Return a folder with ca.crt, tls.crt and tls.key for 127.0.0.1."""
    material = make_material(LOCAL_NAMES, datetime.now(UTC))
    (tmp_path / "ca.crt").write_bytes(material.ca_bundle)
    (tmp_path / "tls.crt").write_bytes(material.serving.certificate)
    (tmp_path / "tls.key").write_bytes(material.serving.key)
    return tmp_path


@pytest.fixture
def log() -> Iterator[list[logging.LogRecord]]:
    """Collect the records of `propylon` and put the root logger back afterwards."""
    records: list[logging.LogRecord] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    keeper, ours, root = Keeper(), logging.getLogger("propylon"), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ours.addHandler(keeper)
    yield records
    ours.removeHandler(keeper)
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


class Client:
    """The other side of a running server; used from a thread beside it."""

    def __init__(self, ports: dict[str, int], authority: Path) -> None:
        self.ports = ports
        self.context = ssl.create_default_context(cafile=str(authority))
        self.stopped = False

    def stop(self) -> None:
        """Send SIGTERM; done by the fixture when the test did not."""
        self.stopped = True
        os.kill(os.getpid(), signal.SIGTERM)

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "127.0.0.1", self.ports["port"], timeout=10, context=self.context
        )

    def post(self, path: str, review: Any) -> Any:
        connection = self.connect()
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(review), headers)
            answer = connection.getresponse()
            assert answer.status == 200
            return json.loads(answer.read())["response"]
        finally:
            connection.close()

    def health(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["health_port"], timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


Act = Callable[[Client], None]


@pytest.fixture
def serve(certificates: Path, log: list[logging.LogRecord]) -> Callable[[Settings, Act], None]:
    """Return a function that runs the server here and something else beside it, then SIGTERM.

    Signals reach the main thread only, so the server is what runs in it.
    """

    def served(settings: Settings, act: Act) -> None:
        failures: list[BaseException] = []
        seen = _Waiter()
        logging.getLogger("propylon").addHandler(seen)

        def beside() -> None:
            client = Client(seen.ports(), certificates / "ca.crt")
            try:
                act(client)
            except BaseException as error:  # noqa: BLE001 - told in the main thread
                failures.append(error)
            if not client.stopped:
                client.stop()

        thread = threading.Thread(target=beside)
        thread.start()
        try:
            run(settings)
        finally:
            thread.join()
            logging.getLogger("propylon").removeHandler(seen)
        for failure in failures:
            raise failure

    return served


class _Waiter(logging.Handler):
    """Waits for the two lines that say that the server serves with policies."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, logging.LogRecord] = {}
        self._both = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self._seen[record.message if record.args else record.getMessage()] = record
        if {"serving", "documents in force"} <= self._seen.keys():
            self._both.set()

    def ports(self) -> dict[str, int]:
        assert self._both.wait(20)
        fields = vars(self._seen["serving"])
        return {name: fields[name] for name in ("port", "health_port")}
