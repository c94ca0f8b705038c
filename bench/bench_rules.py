"""Microseconds of each built-in rule for an UPDATE of a Deployment with three containers.

The documents are those of `propylon init`, enforced. A developer applies a new image and leaves
out what the platform had set; the rules bring it back. Beside them, in the same run, the time that
`jsonpatch.make_patch` alone takes to compare the received object with the result.
"""

import copy
import gc
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonpatch
from rich.console import Console
from rich.table import Table

from webhook.cli.init import starters
from webhook.codec import decode_review
from webhook.model import NEVER, AdmissionRequest, Document, Facts, Get, NeedFacts, Outcome
from webhook.objects.patch import diff
from webhook.rules import RULES
from webhook.snapshot import Snapshot, build

HERE = Path(__file__).parent
REVIEW = HERE / "data" / "review.json"
GOALS = {"all_rules_us": 150.0, "vs_make_patch": 0.3}
REPEATS, ROUNDS = 300, 15
NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "labels": {"kubernetes.io/metadata.name": "shop"}},
}


def main() -> None:
    snapshot, request = rules_in_force(), update()
    facts = known_facts(request, snapshot)
    rows = {
        rule.name: fastest(lambda rule=rule: treat(rule, request, snapshot, facts))
        for rule in RULES
    }
    after = run_all(request, snapshot, facts)
    total = fastest(lambda: run_all(request, snapshot, facts))
    ours = fastest(lambda: diff(request.object, after))
    theirs = fastest(lambda: jsonpatch.make_patch(request.object, after))
    report(rows, total, ours, theirs, len(diff(request.object, after)))


def rules_in_force() -> Snapshot:
    """Return the snapshot of the commented documents that a platform team starts from."""
    texts = {
        name: text.replace("phase: warn", "phase: enforce") for name, text in starters().items()
    }
    built = build([Document(name, text) for name, text in texts.items()])
    if built.errors:
        raise SystemExit("\n".join(map(str, built.errors)))
    return built


def update() -> AdmissionRequest:
    """Return a developer's UPDATE: a new image, and nothing of what the platform had set."""
    review = json.loads(REVIEW.read_text())
    wire = review["request"]
    stored = copy.deepcopy(wire["object"])
    pod = stored["spec"]["template"]["spec"]
    pod["priorityClassName"] = "gold"
    pod["tolerations"] = [{"key": "dedicated", "operator": "Equal", "value": "web"}]
    pod["nodeSelector"] = {"pool": "web"}
    wire["object"]["spec"]["template"]["spec"]["containers"][0]["image"] = (
        "registry.example.com/shop/web:2"
    )
    wire |= {"operation": "UPDATE", "oldObject": stored}
    wire["userInfo"] = {"username": "alice", "groups": ["developers", "system:authenticated"]}
    return decode_review(json.dumps(review).encode(), 0.0, NEVER)


def known_facts(request: AdmissionRequest, snapshot: Snapshot) -> Facts:
    """Return facts that answer everything the rules ask: the Namespace is there, nothing else."""
    facts = Facts({Get("v1", "Namespace", "", request.namespace): NAMESPACE})
    while True:
        try:
            run_all(request, snapshot, facts)
        except NeedFacts as need:
            facts |= {one: None if isinstance(one, Get) else [] for one in need.lookups}
        else:
            return facts


def treat(
    rule: Any, request: AdmissionRequest, snapshot: Snapshot, facts: Facts
) -> AdmissionRequest:
    """Run both halves of a rule, as the two webhook entries do."""
    config = snapshot.configs.get(rule.name)
    if config is None:
        return request
    if rule.mutate is not None:
        outcome: Outcome = rule.mutate(request, config, facts)
        if outcome.object is not request.object:
            request = request.with_object(outcome.object)
    if rule.validate is not None:
        rule.validate(request, config, facts)
    return request


def run_all(request: AdmissionRequest, snapshot: Snapshot, facts: Facts) -> Any:
    for rule in RULES:
        request = treat(rule, request, snapshot, facts)
    return request.object


def fastest(work: Callable[[], Any]) -> float:
    """Return microseconds of one call in the fastest round."""
    best = float("inf")
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            started = time.perf_counter()
            for _ in range(REPEATS):
                work()
            best = min(best, time.perf_counter() - started)
    finally:
        gc.enable()
    return best / REPEATS * 1e6


def report(
    rows: dict[str, float], total: float, ours: float, theirs: float, operations: int
) -> None:
    table = Table("rule", "µs")
    for name, microseconds in rows.items():
        table.add_row(name, f"{microseconds:.1f}")
    table.add_row("all five", f"{total:.1f}", style="bold")
    table.add_row("our diff", f"{ours:.1f}")
    table.add_row("jsonpatch.make_patch", f"{theirs:.1f}")
    console = Console()
    console.print(table)
    console.print(
        f"a Deployment with three containers, UPDATE by a developer, {operations} operations"
    )
    figures = {
        "all_rules_us": round(total, 1),
        "vs_make_patch": round(total / theirs, 3),
        "rules_us": {name: round(one, 1) for name, one in rows.items()},
        "diff_us": round(ours, 1),
        "make_patch_us": round(theirs, 1),
        "goals": GOALS,
    }
    print(json.dumps({"bench": "rules", **figures}))


main()
