"""Requests per second and latency of the real server beside an empty endpoint, in one run.

Each server is pinned to the first core, the load (wrk) to another one. The two are measured in
turn, several times, because a busy machine changes from second to second; the ratio is the median
of the ratios of neighbouring measurements. A third server has no policy that matches: what it
takes is HTTP and the parsing of the review, what the real one takes beyond that is the policies.
"""

import argparse
import json
import shutil
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table
from servers import (
    POLICIES,
    REVIEW,
    Sample,
    cores,
    empty_command,
    make_certificates,
    measure,
    post,
    propylon_command,
    started,
)

OTHER = "01-image-tags.yaml", "deployments", "statefulsets"
"""A policy, the resource it is about, and another one: what is left when nothing matches."""


def idle_command(folder: Path, port: int) -> list[str]:
    """Return the command of a server that parses the review and has no policy for it."""
    name, resource, other = OTHER
    policies = folder / "idle"
    policies.mkdir()
    (policies / name).write_text((POLICIES / name).read_text().replace(resource, other))
    return propylon_command(folder, port, policies)


COMMANDS = {"empty": empty_command, "nothing matches": idle_command, "propylon": propylon_command}


def main() -> None:
    arguments = parse_arguments()
    server_core, load_core = cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="propylon-bench-")))
        make_certificates(folder)
        ports = {
            name: stack.enter_context(started(name, folder, [server_core], command))
            for name, command in COMMANDS.items()
        }
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
        "nothing_matches_vs_empty": round(ratio(samples["nothing matches"], samples["empty"]), 3),
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
