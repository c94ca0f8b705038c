"""What the benchmarks share: servers pinned to a core, their certificates, the load of wrk."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from webhook.tls.authority import LOCAL_NAMES, make_material

HERE = Path(__file__).parent
REVIEW = HERE / "data" / "review.json"
POLICIES = HERE / "policies"
PATH = "/validate/policies?timeout=10s"
CONNECTIONS = 16
COMMAND = (sys.executable, "-c", "from webhook.cli import main; main()", "serve")


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement; latencies in milliseconds."""

    per_second: float
    p50: float
    p99: float


def cores() -> tuple[int, int]:
    """Return a core for the server and one for the load."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        print(
            "bench: only one core: server and load share it, the figures say little",
            file=sys.stderr,
        )
    return usable[0], usable[-1]


def make_certificates(folder: Path) -> None:
    material = make_material(LOCAL_NAMES, datetime.now(UTC))
    (folder / "ca.crt").write_bytes(material.ca_bundle)
    (folder / "tls.crt").write_bytes(material.serving.certificate)
    (folder / "tls.key").write_bytes(material.serving.key)


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def empty_command(folder: Path, port: int) -> list[str]:
    return [sys.executable, str(HERE / "empty.py"), str(folder), str(port)]


def propylon_command(
    folder: Path, port: int, policies: Path = POLICIES, health_port: int = 0
) -> list[str]:
    flags = {
        "policies": policies,
        "tls-cert": folder / "tls.crt",
        "tls-key": folder / "tls.key",
        "port": port,
        "health-port": health_port,
        "ledger": f"sqlite+aiosqlite:///{folder / policies.name}.db",
    }
    return [
        *COMMAND,
        *(word for flag, value in flags.items() for word in (f"--{flag}", str(value))),
    ]


@contextmanager
def started(
    name: str, folder: Path, usable: Iterable[int], command: Callable[[Path, int], list[str]]
) -> Iterator[int]:
    """Start a server on some cores; yield its port once it answers. Its log is `<name>.log`."""
    port = free_port()
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        words = ["taskset", "-c", ",".join(map(str, usable)), *command(folder, port)]
        process = subprocess.Popen(words, stderr=output, stdout=output)
    try:
        wait_until_it_answers(process, port, folder, log)
        yield port
    finally:
        process.terminate()
        process.wait(40)


def wait_until_it_answers(
    process: subprocess.Popen[bytes], port: int, folder: Path, log: Path
) -> None:
    while process.poll() is None:
        try:
            post(port, folder, REVIEW.read_bytes())
        except (OSError, AssertionError):
            continue
        return
    sys.exit(f"bench: the server ended:\n{log.read_text()}")


def post(port: int, folder: Path, body: bytes) -> Any:
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        connection.request("POST", PATH, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return json.loads(answer.read())["response"]
    finally:
        connection.close()


def measure(port: int, seconds: int, core: int) -> Sample:
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    command += ["--latency", "-s", str(HERE / "load.lua"), f"https://127.0.0.1:{port}{PATH}"]
    environment = {**os.environ, "REVIEW": str(REVIEW)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    requests, microseconds, p50, p99, errors = map(float, line.split()[1:])
    assert errors == 0, done.stdout
    return Sample(requests / microseconds * 1e6, p50 / 1000, p99 / 1000)
