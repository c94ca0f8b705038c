"""Decisions per second with 10 matching policies of 10, 100 and 1,000, and latency while reloading.

The first part calls `decide` and builds snapshots in this process. The second drives the real
server, with 1,000 policies loaded, at 30 % of its maximum rate, while one document or all of them
change on disk.
"""

import argparse
import asyncio
import gc
import itertools
import json
import os
import re
import ssl
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import uvloop
from rich.console import Console
from rich.table import Table
from servers import (
    PATH,
    POLICIES,
    REVIEW,
    cores,
    free_port,
    make_certificates,
    measure,
    propylon_command,
    started,
)

from webhook.codec import decode_review
from webhook.engine import decide
from webhook.model import NEVER, AdmissionRequest, Document, Facts, Get, Platform, Registration
from webhook.registration import registrations
from webhook.snapshot import Snapshot, build, build_in_steps

MATCHING = 10
SIZES = (10, 100, 1000)
SHARE = 0.3
BATCH = 100
CONNECTIONS = 16
BODY = REVIEW.read_bytes()
REQUEST = (
    f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n"
).encode() + BODY
SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {}}}
FACTS = Facts({Get("v1", "Namespace", "", "shop"): SHOP})
OTHERS = (
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("apps", "replicasets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
    ("", "pods"),
    ("", "services"),
    ("", "configmaps"),
    ("", "secrets"),
    ("networking.k8s.io", "ingresses"),
)
"""What the policies that do not match are about: they are the same texts for other resources."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds from when a request was due to its answer, in several spells.

    Figures are those of the median spell: one that the machine disturbed says nothing.
    """

    spells: tuple[tuple[float, ...], ...]

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(map(len, self.spells))

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(map(statistics.median, self.spells))

    @property
    def p99(self) -> float:
        """What one of a hundred requests exceeds."""
        return statistics.median(statistics.quantiles(one, n=100)[98] for one in self.spells)

    @property
    def longest(self) -> float:
        """The longest."""
        return statistics.median(map(max, self.spells))


def main() -> None:
    arguments = parse_arguments()
    rates = decisions(arguments.rounds)
    result = {
        "bench": "policies",
        **{f"decisions_per_second_10_of_{size}": round(rate) for size, rate in rates.items()},
        "loaded_1000_vs_10": round(rates[SIZES[0]] / rates[SIZES[-1]], 3),
        **steps_of_builds(),
        **reloads(arguments),
    }
    print(json.dumps(result))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="batches of each number of policies")
    parser.add_argument("--seconds", type=int, default=4, help="of the maximum rate and of before")
    parser.add_argument("--reloads", type=int, default=5, help="how often documents are changed")
    return parser.parse_args()


def texts(size: int, mark: str = "") -> dict[str, str]:
    """Return `size` documents by file name, of which the first MATCHING match the review."""
    sources = [file.read_text() for file in sorted(POLICIES.glob("*.yaml"))]
    return {f"{number:04}.yaml": text(sources, number, mark) for number in range(size)}


def text(sources: list[str], number: int, mark: str) -> str:
    source = sources[number % (MATCHING if number < MATCHING else len(sources))]
    named = re.sub(r"(name|policyName): (\S+)", rf"\1: \2-{number}", source)
    if number >= MATCHING:
        group, resource = OTHERS[number % len(OTHERS)]
        named = named.replace("[apps]", f'["{group}"]').replace("[deployments]", f"[{resource}]")
    return re.sub(r"message: .*", rf"\g<0>{mark}", named)


def decisions(rounds: int) -> dict[int, float]:
    """Measure in turn, so that a slow moment of the machine meets all sizes alike."""
    prepared = {size: prepare(size) for size in SIZES}
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(rounds + 2):
        for size, (entry, snapshot) in prepared.items():
            found[size].append(batch(entry, snapshot))
    rates = {size: 1 / statistics.median(times[2:]) for size, times in found.items()}
    table = Table("policies loaded", "matching", "decisions/s", "microseconds each")
    for size, rate in rates.items():
        table.add_row(f"{size:,}", str(MATCHING), f"{rate:,.0f}", f"{1e6 / rate:.0f}")
    Console(soft_wrap=True).print(table)
    return rates


def prepare(size: int) -> tuple[Registration, Snapshot]:
    snapshot = build([Document(name, value) for name, value in texts(size).items()])
    assert not snapshot.errors, snapshot.errors[:2]
    entry = next(one for one in registrations(snapshot) if one.policies)
    return entry, snapshot


def batch(entry: Registration, snapshot: Snapshot) -> float:
    """Return the seconds of one decision, as the mean of a batch of fresh requests."""
    requests: list[AdmissionRequest] = [decode_review(BODY, 0.0, NEVER) for _ in range(BATCH)]
    start = time.process_time()  # a decision waits for nothing; other processes do not count
    for request in requests:
        decision = decide(request, entry, snapshot, FACTS)
    seconds = (time.process_time() - start) / BATCH
    assert not decision.violations, decision
    return seconds


def steps_of_builds() -> dict[str, float]:
    """Return the length of a build and of its longest step, in ms: requests wait for a step."""
    before = build(documents(""))
    changed = {"one_changed": [*documents(" changed")[:1], *documents("")[1:]]}
    changed["all_replaced"] = documents(" changed")
    result: dict[str, float] = {}
    for name, coming in changed.items():
        rounds = [step_seconds(coming, before) for _ in range(3)]
        best = [min(times) for times in zip(*rounds, strict=True)]  # the others were disturbed
        result[f"build_{name}_ms"] = round(sum(best) * 1000, 1)
        result[f"longest_step_{name}_ms"] = round(max(best) * 1000, 2)
    return result


def documents(mark: str) -> list[Document]:
    return [Document(name, value) for name, value in texts(SIZES[-1], mark).items()]


def step_seconds(coming: list[Document], before: Snapshot) -> list[float]:
    """Return the computing time of each step, without collections: slices have their own."""
    gc.collect()
    gc.disable()
    built: list[Snapshot] = []  # to let go of it takes long

    def steps() -> Iterator[None]:
        built.append((yield from build_in_steps(coming, before, Platform())))

    times = [time.thread_time()]
    times += [time.thread_time() for _ in steps()]
    times.append(time.thread_time())
    gc.enable()
    return [after - start for start, after in pairwise(times)]


def reloads(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the latencies before and while documents change, under a part of the maximum load."""
    server_core, load_core = cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="propylon-bench-")))
        documents, health_port = folder / "documents", free_port()
        documents.mkdir()
        write(documents, texts(SIZES[-1]))
        make_certificates(folder)
        command = partial(propylon_command, policies=documents, health_port=health_port)
        port = stack.enter_context(started("propylon", folder, [server_core], command))
        maximum = measure(port, arguments.seconds, load_core).per_second
        os.sched_setaffinity(0, {load_core})
        load = Load(port, folder, maximum * SHARE)

        def changed(count: int, mark: str) -> tuple[float, ...]:
            coming = folder / "coming" / mark.strip()
            coming.mkdir(parents=True)
            write(coming, dict(list(texts(SIZES[-1], mark).items())[:count]))
            return load.during(lambda: reload(health_port, coming, documents))

        load.during(lambda: time.sleep(1))  # connections and caches
        spells: dict[str, list[tuple[float, ...]]] = {
            name: [] for name in ("before", "one changed", "all replaced")
        }
        for turn in range(arguments.reloads):  # in turn: a slow moment of the machine meets both
            for name, count in (("one changed", 1), ("all replaced", SIZES[-1])):
                spells["before"].append(load.during(lambda: time.sleep(arguments.seconds / 2)))
                spells[name].append(changed(count, f" {name}-{turn}"))
    return report(maximum, {name: Latencies(tuple(some)) for name, some in spells.items()})


def write(folder: Path, documents: dict[str, str]) -> None:
    for name, value in documents.items():
        (folder / name).write_text(value)


def reload(health_port: int, coming: Path, folder: Path) -> None:
    """Copy changed documents over the old ones; return when they are in force."""
    before = digest(health_port)
    subprocess.run(["cp", "-r", f"{coming}/.", str(folder)], check=True)
    end = time.monotonic() + 120
    while digest(health_port) == before:
        assert time.monotonic() < end, "the changed documents are not in force"
        time.sleep(0.2)


def digest(health_port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{health_port}/metrics") as answer:
        found = re.search(
            r'^propylon_snapshot_info\{digest="(\w+)"', answer.read().decode(), re.MULTILINE
        )
    assert found
    return found[1]


class Load:
    """Sends the review at a steady rate over kept connections, whether answers come or not."""

    def __init__(self, port: int, folder: Path, per_second: float) -> None:
        self.port = port
        self.context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        self.pause = 1 / per_second

    def during(self, act: Callable[[], None]) -> tuple[float, ...]:
        """Return the latencies of all requests that were due while `act` ran."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(self._send_during(act))

    async def _send_during(self, act: Callable[[], None]) -> tuple[float, ...]:
        loop, found = asyncio.get_running_loop(), list[float]()
        lines: list[Line] = []
        for _ in range(CONNECTIONS):
            _, line = await loop.create_connection(
                lambda: Line(found), "127.0.0.1", self.port, ssl=self.context
            )
            lines.append(line)
        acting = asyncio.create_task(asyncio.to_thread(act))
        due, turn = time.perf_counter(), itertools.cycle(lines)
        while not acting.done():
            while due <= time.perf_counter():  # a loop of uvloop knows only milliseconds
                next(turn).send(due)
                due += self.pause
            await asyncio.sleep(0)  # this core is ours; a timer would be late by a millisecond
        await acting
        for line in lines:
            await line.end()
        return tuple(found)


class Line(asyncio.Protocol):
    """One connection: a request at a time, the others wait; latency counts from when it was due."""

    def __init__(self, found: list[float]) -> None:
        self.waiting: deque[float] = deque()
        self._found = found
        self._received = b""
        self._idle = asyncio.Event()
        self._idle.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, due: float) -> None:
        """Send the review, at once or after those before it."""
        self.waiting.append(due)
        self._idle.clear()
        if len(self.waiting) == 1:
            self._transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Take an answer, and send what waits."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if not end or not length or len(body) < int(length[1]):
            return
        assert head.startswith(b"HTTP/1.1 200"), head
        assert b'"allowed":true' in body, body
        self._received = b""
        self._found.append((time.perf_counter() - self.waiting.popleft()) * 1000)
        if self.waiting:
            self._transport.write(REQUEST)
        else:
            self._idle.set()

    async def end(self) -> None:
        """Close the connection after the last answer."""
        await self._idle.wait()
        self._transport.close()


def report(maximum: float, phases: dict[str, Latencies]) -> dict[str, Any]:
    table = Table("at 30 % of the maximum rate", "requests", "p50 ms", "p99 ms", "longest ms")
    for name, one in phases.items():
        cells = (one.p50, one.p99, one.longest)
        table.add_row(name, f"{one.requests:,}", *(f"{cell:.2f}" for cell in cells))
    Console(soft_wrap=True).print(table)
    print(f"1,000 policies loaded, 10 match; the maximum is {maximum:,.0f} requests/s on one core")
    before = phases.pop("before")
    ratios = {name: round(one.p99 / before.p99, 2) for name, one in phases.items()}
    return {
        "maximum_requests_per_second": round(maximum),
        "p99_before_ms": round(before.p99, 3),
        **{f"p99_{name.replace(' ', '_')}_ms": round(one.p99, 3) for name, one in phases.items()},
        "p99_one_changed_vs_before": ratios["one changed"],
        "p99_all_replaced_vs_before": ratios["all replaced"],
        "p99_during_reload_vs_before": max(ratios.values()),
    }


main()
