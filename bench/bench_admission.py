"""Requests per second and latency of the real server beside an empty endpoint, in one run.

Each server is pinned to the first core, the load (wrk) to another one. The two are measured in
turn, several times, because a busy machine changes from second to second; the ratio is the median
of the ratios of neighbouring measurements.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

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


def main() -> None:
    arguments = parse_arguments()
    server_core, load_core = cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="propylon-bench-")))
        make_certificates(folder)
        ports = {name: stack.enter_context(started(name, folder, server_core)) for name in COMMANDS}
        check_answers(ports["propylon"], folder)
        samples: dict[str, list[Sample]] = {name: [] for name in ports}
        for _ in range(arguments.rounds + 1):  # the first one warms up
            for name, port in ports.items():
                samples[name].append(measure(port, arguments.seconds, load_core))
    report({name: found[1:] for name, found in samples.items()})


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each server")
    for tool, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            parser.exit(1, f"bench: {tool} is missing; install it: apt-get install {package}\n")
    return parser.parse_args()


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


def empty_command(folder: Path, port: int) -> list[str]:
    return [sys.executable, str(HERE / "empty.py"), str(folder), str(port)]


def propylon_command(folder: Path, port: int) -> list[str]:
    flags = {
        "policies": POLICIES,
        "tls-cert": folder / "tls.crt",
        "tls-key": folder / "tls.key",
        "port": port,
        "health-port": 0,
        "ledger": f"sqlite+aiosqlite:///{folder / 'ledger.db'}",
    }
    return [
        *COMMAND,
        *(word for flag, value in flags.items() for word in (f"--{flag}", str(value))),
    ]


COMMANDS = {"empty": empty_command, "propylon": propylon_command}


@contextmanager
def started(name: str, folder: Path, core: int) -> Iterator[int]:
    """Start a server on one core; yield its port once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        command = ["taskset", "-c", str(core), *COMMANDS[name](folder, port)]
        process = subprocess.Popen(command, stderr=output, stdout=output)
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


def check_answers(port: int, folder: Path) -> None:
    """Make sure that all policies are in force, match and are evaluated."""
    review = json.loads(REVIEW.read_text())
    allowed = post(port, folder, REVIEW.read_bytes())
    assert allowed["allowed"] is True, allowed
    review["request"]["object"]["spec"] = {}
    review["request"]["object"]["metadata"]["labels"] = {}
    post(port, folder, json.dumps(review).encode())
    post(port, folder, REVIEW.read_bytes())  # once this is answered, the denial is in the log
    log = (folder / "propylon.log").read_text().splitlines()
    (denied,) = (entry for entry in map(json.loads, log) if entry["message"] == "denied")
    expected = len(list(POLICIES.glob("*.yaml")))
    assert len(denied["policies"]) == expected, denied["policies"]


def measure(port: int, seconds: int, core: int) -> Sample:
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    command += ["--latency", "-s", str(HERE / "load.lua"), f"https://127.0.0.1:{port}{PATH}"]
    environment = {**os.environ, "REVIEW": str(REVIEW)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    requests, microseconds, p50, p99, errors = map(float, line.split()[1:])
    assert errors == 0, done.stdout
    return Sample(requests / microseconds * 1e6, p50 / 1000, p99 / 1000)


def report(samples: dict[str, list[Sample]]) -> None:
    table = Table("server", "requests/s", "p50 ms", "p99 ms", "of the empty one")
    middle = {name: median(found) for name, found in samples.items()}
    for name, one in middle.items():
        share = ratio(samples[name], samples["empty"])
        rates = f"{one.per_second:,.0f}", f"{one.p50:.2f}", f"{one.p99:.2f}"
        table.add_row(name, *rates, f"{share:.0%}")
    count = len(list(POLICIES.glob("*.yaml")))
    Console(soft_wrap=True).print(table)
    print(f"{count} policies that match, a review of {REVIEW.stat().st_size} bytes, TLS, one core")
    result = {
        "bench": "admission",
        "vs_empty_endpoint": round(ratio(samples["propylon"], samples["empty"]), 3),
        "requests_per_second": round(middle["propylon"].per_second),
        "empty_requests_per_second": round(middle["empty"].per_second),
        "p50_ms": round(middle["propylon"].p50, 3),
        "p99_ms": round(middle["propylon"].p99, 3),
        "policies": count,
        "review_bytes": REVIEW.stat().st_size,
    }
    print(json.dumps(result))


def ratio(samples: list[Sample], others: list[Sample]) -> float:
    """Return how many requests/s against the others, measured just before."""
    pairs = zip(samples, others, strict=True)
    return statistics.median(one.per_second / other.per_second for one, other in pairs)


def median(samples: list[Sample]) -> Sample:
    return Sample(
        statistics.median(one.per_second for one in samples),
        statistics.median(one.p50 for one in samples),
        statistics.median(one.p99 for one in samples),
    )


main()
