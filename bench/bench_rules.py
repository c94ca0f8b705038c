"""Microseconds of each built-in rule for an UPDATE of a live Deployment with three containers.

The documents are those of `propylon init`, enforced; both halves of each rule run, as the API
server calls them: all that change the object, then all that judge the result. The stored
object (`data/live.json`) is what a cluster holds: defaults, managedFields, status, annotations,
the constraints of rule D, and what the platform team patched in. A developer releases a new image
of one container, by two writes. `kubectl apply` sends a patch, and the received object has all
that others set; this is how people write, and it is what `all_rules_us` and `vs_make_patch` count.
`kubectl replace` of the manifest leaves all that out, so that the rules have to bring it back; its
times stand beside, as `replace`.

`vs_make_patch` compares with `jsonpatch.make_patch` on the pair of objects that the request brings
and the rules compare: the stored and the received one. On the other pair, the received object and
the result, it has little to do: it passes over equal elements of lists, and no container differs.
That time is printed as well, beside our own `diff` of that pair.
"""

import copy
import gc
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonpatch
from rich.console import Console
from rich.table import Table

from webhook.cli.init import CASES, starters
from webhook.codec import decode_review
from webhook.model import NEVER, AdmissionRequest, Document, Facts, Get, List, NeedFacts, Outcome
from webhook.objects.patch import diff
from webhook.rules import RULES
from webhook.snapshot import Snapshot, build

DATA = Path(__file__).parent / "data"
GOALS = {"all_rules_us": 150.0, "vs_make_patch": 0.3}
REPEATS, ROUNDS = 10, 400
NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "labels": {"kubernetes.io/metadata.name": "shop"}},
}
NODES = [
    {
        "metadata": {
            "name": f"node-{at}",
            "labels": {
                "kubernetes.io/hostname": f"node-{at}",
                "topology.kubernetes.io/zone": f"zone-{at % 3}",
            },
        },
        "spec": {},
    }
    for at in range(12)
]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds for one write: each rule, all five, our diff, make_patch on both pairs."""

    rules: dict[str, float]
    total: float
    diff: float
    pair: float
    result: float
    operations: int


def main() -> None:
    snapshot = rules_in_force()
    stored = json.loads((DATA / "live.json").read_text())
    writes = {"apply": applied(stored), "replace": replaced(stored)}
    report({name: measured(update(stored, one), snapshot) for name, one in writes.items()})


def rules_in_force() -> Snapshot:
    """Return the snapshot of the commented documents that a platform team starts from."""
    texts = {
        name: text.replace("phase: warn", "phase: enforce")
        for name, text in starters().items()
        if name != CASES
    }
    built = build([Document(name, text) for name, text in texts.items()])
    if built.errors:
        raise SystemExit("\n".join(map(str, built.errors)))
    return built


def applied(stored: Any) -> Any:
    """Return the live object with the patch that `kubectl apply` makes for the new release."""
    made = copy.deepcopy(stored)
    annotations = made["metadata"]["annotations"]
    annotations[LAST_APPLIED] = annotations[LAST_APPLIED].replace(":4.12.0", ":4.13.0")
    return released(made)


def replaced(stored: Any) -> Any:
    """Return the manifest of the new release as `kubectl replace` sends it, defaults filled in."""
    made = json.loads((DATA / "review.json").read_text())["request"]["object"]
    made["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"]
    made["metadata"]["managedFields"] = copy.deepcopy(stored["metadata"]["managedFields"])
    return released(made)


def released(value: Any) -> Any:
    """Write the new release into an object: the image of one container, and who wrote it when."""
    containers = value["spec"]["template"]["spec"]["containers"]
    containers[0]["image"] = containers[0]["image"].replace(":4.12.0", ":4.13.0")
    value["metadata"]["managedFields"][0]["time"] = "2026-11-21T09:00:00Z"
    return value


def update(stored: Any, written: Any) -> AdmissionRequest:
    """Return the developer's UPDATE as it is decoded from the wire."""
    review = json.loads((DATA / "review.json").read_text())
    review["request"] |= {"operation": "UPDATE", "object": written, "oldObject": stored}
    groups = ["developers", "system:authenticated"]
    review["request"]["userInfo"] = {"username": "alice", "groups": groups}
    return decode_review(json.dumps(review).encode(), 0.0, NEVER)


def measured(request: AdmissionRequest, snapshot: Snapshot) -> Times:
    """Return the times of one write."""
    facts = known_facts(request, snapshot)
    rules = dict.fromkeys((rule.name for rule in RULES), 0.0)
    before = request
    for rule in RULES:
        rules[rule.name] += fastest(lambda: changed(rule, before, snapshot, facts))  # noqa: B023
        before = changed(rule, before, snapshot, facts)
    for rule in RULES:
        rules[rule.name] += fastest(lambda: judge(rule, before, snapshot, facts))  # noqa: B023
    received, after = request.object, before.object
    return Times(
        rules,
        fastest(lambda: run_all(request, snapshot, facts)),
        fastest(lambda: diff(received, after)),
        fastest(lambda: jsonpatch.make_patch(request.old_object, received)),
        fastest(lambda: jsonpatch.make_patch(received, after)),
        len(diff(received, after)),
    )


def known_facts(request: AdmissionRequest, snapshot: Snapshot) -> Facts:
    """Return facts that answer all the rules ask: Namespace and nodes are there, nothing else."""
    namespace = Get("v1", "Namespace", "", request.namespace)
    facts = Facts({namespace: NAMESPACE, List("v1", "Node", ""): NODES})
    while True:
        try:
            run_all(request, snapshot, facts)
        except NeedFacts as need:
            facts |= {one: None if isinstance(one, Get) else [] for one in need.lookups}
        else:
            return facts


def changed(
    rule: Any, request: AdmissionRequest, snapshot: Snapshot, facts: Facts
) -> AdmissionRequest:
    """Return the request after the first half of a rule."""
    if rule.mutate is None:
        return request
    outcome: Outcome = rule.mutate(request, snapshot.configs[rule.name], facts)
    if outcome.object is request.object:
        return request
    return request.with_object(outcome.object)


def judge(rule: Any, request: AdmissionRequest, snapshot: Snapshot, facts: Facts) -> None:
    """Run the second half of a rule."""
    if rule.validate is not None:
        rule.validate(request, snapshot.configs[rule.name], facts)


def run_all(request: AdmissionRequest, snapshot: Snapshot, facts: Facts) -> None:
    for rule in RULES:
        request = changed(rule, request, snapshot, facts)
    for rule in RULES:
        judge(rule, request, snapshot, facts)


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


def report(found: dict[str, Times]) -> None:
    table = Table("µs", *(f"kubectl {name}" for name in found))
    for rule in RULES:
        table.add_row(rule.name, *(f"{one.rules[rule.name]:.1f}" for one in found.values()))
    table.add_row("all five", *(f"{one.total:.1f}" for one in found.values()), style="bold")
    table.add_row("make_patch(stored, received)", *(f"{one.pair:.1f}" for one in found.values()))
    table.add_row("make_patch(received, result)", *(f"{one.result:.1f}" for one in found.values()))
    table.add_row("our diff(received, result)", *(f"{one.diff:.1f}" for one in found.values()))
    table.add_row("operations", *(str(one.operations) for one in found.values()))
    Console().print(table)
    apply, replace = (figures(found[name]) for name in ("apply", "replace"))
    print(json.dumps({"bench": "rules", **apply, "replace": replace, "goals": GOALS}))


def figures(times: Times) -> dict[str, Any]:
    return {
        "all_rules_us": round(times.total, 1),
        "vs_make_patch": round(times.total / times.pair, 3),
        "rules_us": {name: round(one, 1) for name, one in times.rules.items()},
        "make_patch_us": round(times.pair, 1),
        "make_patch_result_us": round(times.result, 1),
        "diff_us": round(times.diff, 1),
    }


main()
