"""The real server as a process of its own, and AdmissionReviews sent to it over TLS."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from webhook.tls.authority import LOCAL_NAMES, make_material

COMMAND = (sys.executable, "-c", "from webhook.cli import main; main()")
CLUSTER_NAME = "demo"
STOP_SECONDS = 20


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """The running server: where it listens and which authority signed its certificate."""

    port: int
    authority: Path

    def post(self, entry: str, review: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a review over TLS; return the `response` of the answer."""
        context = ssl.create_default_context(cafile=str(self.authority))
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=10, context=context
        )
        try:
            body, headers = json.dumps(review), {"Content-Type": "application/json"}
            connection.request("POST", f"/{entry}?timeout=10s", body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise DemoError(f"/{entry} answered HTTP {answer.status}: {text.strip()}")
        response: Mapping[str, Any] = json.loads(text)["response"]
        return response


@contextmanager
def running_server(policies: Path, objects: Path, folder: Path, ledger: str) -> Iterator[Server]:
    """Start `propylon serve` on free ports, wait until it serves, stop it with SIGTERM.

    Certificates go into `folder`. Raise DemoError, with the server's own words, when it ends early.
    """
    material = make_material(LOCAL_NAMES, datetime.now(UTC))
    files = {"ca.crt": material.ca_bundle, "tls.crt": material.serving.certificate}
    for name, content in {**files, "tls.key": material.serving.key}.items():
        (folder / name).write_bytes(content)
    flags = {
        "policies": policies,
        "objects": objects,
        "tls-cert": folder / "tls.crt",
        "tls-key": folder / "tls.key",
        "port": 0,
        "health-port": 0,
        "ledger": ledger,
        "cluster-name": CLUSTER_NAME,
    }
    words = [word for flag, value in flags.items() for word in (f"--{flag}", str(value))]
    command = [*COMMAND, "serve", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own
    try:
        yield Server(_wait_until_serving(process), folder / "ca.crt")
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)


def _wait_until_serving(process: subprocess.Popen[str]) -> int:
    """Read the server's log until policies are in force and the port is open; return the port."""
    assert process.stderr is not None
    seen: dict[str, dict[str, Any]] = {}
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("{"):
            entry = json.loads(line)
            seen[entry["message"]] = entry
        if {"documents in force", "serving"} <= seen.keys():
            return int(seen["serving"]["port"])
    raise DemoError(f"the server did not start:\n{''.join(lines)}")
