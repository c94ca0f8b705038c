"""Judges admission cases of public policy suites: each as an AdmissionReview through `decide`.

Prints agreement per source, each disagreement with its reason, and as its last line one JSON
object with `cases` and `agree`. Where the answers of a real API server lie beside the file
(`native-*.jsonl`), whole messages and warnings are compared with them as well.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from webhook.codec import decode_review, encode_review
from webhook.documents import Item, parse_document
from webhook.engine import decide
from webhook.model import (
    NEVER,
    Access,
    AdmissionRequest,
    Document,
    Facts,
    Get,
    List,
    Lookup,
    NeedFacts,
    Platform,
    Registration,
    SchemaOf,
    Scope,
    Unavailable,
)
from webhook.objects.patch import apply
from webhook.objects.schemas import custom_schema
from webhook.objects.selectors import matches, parse_selector
from webhook.policy import (
    build_mutating_policy_set,
    build_policy_set,
    group_policies,
    parse_binding,
    parse_mutating_binding,
    parse_mutating_policy,
    parse_policy,
)
from webhook.registration import registrations
from webhook.snapshot import Snapshot, build

Case = Mapping[str, Any]

PLATFORM = Platform(policies_leave_out=())
"""Native policies look into kube-system as well, so these cases must too."""

ROUNDS = 5
FORBIDDEN = re.compile(r'[a-z0-9./-]+ "[^"]*" is forbidden: ')
"""The start of a native denial; a webhook's has its name there."""

OWN_WARNING = re.compile(r'299 - "(Validation failed for ValidatingAdmissionPolicy .*)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a case; `note` says how it was judged if not in the plain way."""

    allowed: bool
    message: str = ""
    warnings: tuple[str, ...] = ()
    object: Any = None
    note: str = ""


class CannotJudgeError(Exception):
    """A case that cannot be put; `str()` says why."""


@dataclass(slots=True)
class Score:
    """Counts per source and kind, and the disagreements in words."""

    cases: Counter[tuple[str, str]] = field(default_factory=Counter)
    agreed: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    native: Counter[str] = field(default_factory=Counter)

    def pair(self, kind: str) -> list[int]:
        """Return how many cases of a kind agree, and how many there are."""
        return [
            sum(count for key, count in counter.items() if key[1] == kind)
            for counter in (self.agreed, self.cases)
        ]

    def summary(self) -> dict[str, Any]:
        """Return the object of the last line."""
        return {
            "cases": self.cases.total(),
            "agree": self.agreed.total(),
            "validating": self.pair("validating"),
            "mutating": self.pair("mutating"),
            "native": [self.native["agree"], self.native.total()],
        }


def read_lines(path: Path) -> Iterator[Any]:
    """Read a `.jsonl` or `.jsonl.gz` file."""
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    yield from (json.loads(line) for line in text.splitlines() if line.strip())


def answer_case(case: Case) -> Answer:
    """Put one case; raise CannotJudgeError when its documents cannot be read."""
    snapshot, note = _snapshot(case)
    request = decode_review(_review(case["request"]), 0.0, NEVER)
    entry = _entry(snapshot, mutating=case["kind"] == "mutating")
    if entry is None:
        raise CannotJudgeError("no webhook entry asks for this policy")
    response = json.loads(_decide(request, entry, snapshot, case))["response"]
    patch = json.loads(base64.b64decode(response.get("patch", "W10=")))
    return Answer(
        response["allowed"],
        response.get("status", {}).get("message", ""),
        tuple(response.get("warnings", ())),
        apply(patch, request.object),
        note,
    )


def _snapshot(case: Case) -> tuple[Snapshot, str]:
    """Return the Snapshot of policy and binding, and a note.

    A policy that the API server's validation refuses is judged as upstream's engine judges it
    when it is stored all the same: so were the verdicts of the corpus found.
    """
    documents = [Document(key, json.dumps(case[key])) for key in ("policy", "binding")]
    snapshot = build(documents, platform=PLATFORM)
    if not snapshot.errors:
        return snapshot, ""
    (policy,), (binding,) = (parse_document(one)[0] for one in documents)
    error = snapshot.errors[0]
    stored = _stored_mutating if case["kind"] == "mutating" else _stored_validating
    changes = stored(policy, binding)
    if changes is None:
        raise CannotJudgeError(f"document refused: {error.path}: {error.message}")
    note = f"judged as a stored policy, although refused: {error.message}"
    return replace(snapshot, **changes), note


def _stored_validating(policy_item: Item, binding_item: Item) -> dict[str, Any] | None:
    policy, binding = parse_policy(policy_item)[0], parse_binding(binding_item)[0]
    if policy is None or binding is None:
        return None
    groups = group_policies([policy], [binding])
    sets = {one.path: build_policy_set(one.policies, [binding]) for one in groups}
    return {"groups": groups, "policy_sets": sets}


def _stored_mutating(policy_item: Item, binding_item: Item) -> dict[str, Any] | None:
    policy = parse_mutating_policy(policy_item)[0]
    binding = parse_mutating_binding(binding_item)[0]
    if policy is None or binding is None:
        return None
    groups = group_policies([policy], [binding])
    sets = {one.path: build_mutating_policy_set(one.policies, [binding]) for one in groups}
    return {"mutating_groups": groups, "mutating_policy_sets": sets}


def _review(request: Mapping[str, Any]) -> bytes:
    """Return the AdmissionReview as the API server sends it: no empty texts."""
    optional = {key: request[key] for key in ("name", "namespace", "subResource") if request[key]}
    wire = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": request["kind"],
        "resource": request["resource"],
        "requestKind": request["kind"],
        "requestResource": request["resource"],
        **optional,
        "operation": request["operation"],
        "userInfo": request["userInfo"],
        "object": request["object"],
        "oldObject": request["oldObject"],
        "dryRun": False,
        "options": None,
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": wire}
    return json.dumps(review).encode()


def _entry(snapshot: Snapshot, *, mutating: bool) -> Registration | None:
    entries = registrations(snapshot)
    found = (one for one in entries if one.policies and one.mutating is mutating)
    return next(found, None)


def _decide(
    request: AdmissionRequest, entry: Registration, snapshot: Snapshot, case: Case
) -> bytes:
    facts = Facts()
    for _ in range(ROUNDS):
        try:
            decision = decide(request, entry, snapshot, facts)
            return encode_review(request, decision, entry.mutating)
        except NeedFacts as need:
            facts |= {lookup: _look_up(lookup, case) for lookup in need.lookups}
    raise CannotJudgeError("facts are asked for again and again")


def _look_up(lookup: Lookup, case: Case) -> Any:
    """Answer from the objects of a case, as a cluster that holds nothing else."""
    if isinstance(lookup, Access):
        return Unavailable("there is no cluster to ask")
    if isinstance(lookup, SchemaOf):
        return custom_schema({"x-kubernetes-preserve-unknown-fields": True})
    objects = [
        one
        for one in (*case["cluster"], *case["params"])
        if (one["apiVersion"], one["kind"]) == (lookup.api_version, lookup.kind)
    ]
    if isinstance(lookup, Scope):
        ref = case["binding"]["spec"].get("paramRef") or {}
        return bool(ref.get("namespace")) or any(_namespace(one) for one in objects)
    inside = [one for one in objects if lookup.namespace in {"", _namespace(one)}]
    if isinstance(lookup, Get):
        return next((one for one in inside if one["metadata"]["name"] == lookup.name), None)
    return _selected(inside, lookup, case)


def _namespace(value: Mapping[str, Any]) -> str:
    return str(value["metadata"].get("namespace", ""))


def _selected(objects: Iterable[Any], lookup: List, case: Case) -> list[Any]:
    """Select by the selector of the binding, whose text the lookup holds."""
    if not lookup.label_selector:
        return list(objects)
    selector = parse_selector(case["binding"]["spec"]["paramRef"]["selector"])
    return [one for one in objects if matches(selector, one["metadata"].get("labels"))]


def disagreement(case: Case, answer: Answer) -> str | None:
    """Return in words where an answer is not the expected one."""
    expected = case["expect"]
    if answer.allowed is not expected["allowed"]:
        verdict = "allowed" if answer.allowed else f"denied: {answer.message}"
        return f"should be {'allowed' if expected['allowed'] else 'denied'}, was {verdict}"
    if expected["message"] and expected["message"] not in answer.message:
        return f"message lacks {expected['message']!r}: {answer.message}"
    for text in expected.get("warnings", ()):
        if not any(text in warning for warning in answer.warnings):
            return f"no warning has {text!r}: {list(answer.warnings)}"
    return _object_disagreement(expected, answer)


def _object_disagreement(expected: Case, answer: Answer) -> str | None:
    wanted, part = expected["object"], expected.get("contains")
    if wanted is not None and _without_empty(answer.object) != _without_empty(wanted):
        return f"object is {json.dumps(answer.object)}, not {json.dumps(wanted)}"
    if part is not None and not _contains(answer.object, part):
        return f"object {json.dumps(answer.object)} lacks {json.dumps(part)}"
    return None


def _without_empty(value: Any) -> Any:
    """Return a value without nulls, empty maps and empty lists."""
    if isinstance(value, dict):
        pairs = ((key, _without_empty(one)) for key, one in value.items())
        return {key: one for key, one in pairs if one not in (None, {}, [])}
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    return value


def _contains(value: Any, part: Any) -> bool:
    """Compare maps by the keys of the part, lists element by element."""
    if isinstance(part, dict):
        return isinstance(value, dict) and all(
            key in value and _contains(value[key], one) for key, one in part.items()
        )
    if isinstance(part, list):
        return (
            isinstance(value, list) and len(value) == len(part) and all(map(_contains, value, part))
        )
    return bool(value == part)


SERVER_REASONS = (
    (r"no params found for policy binding", "the server had not seen the parameter yet"),
    (r"failed to find resource referenced by paramKind", "the server had not seen the CRD yet"),
    (r"^kubescape/controls/C-0026/tests/00", "the policy was not in force at the server yet"),
    (r"/ensure-readonly-hostpath/", "the server's cel-go 0.26 takes orValue of a plain value"),
    (r"/require-deployments-have-multiple-replicas/", "the server defaults spec.replicas"),
)
"""Why a real server answers otherwise than the policy alone: (id and message, reason)."""


def native_disagreement(native: Case, answer: Answer) -> str | None:
    """Return in words where an answer differs from that of a real API server."""
    message = FORBIDDEN.sub("", native["message"], count=1)
    if (native["outcome"] == "allowed") is not answer.allowed:
        return f"natively {native['outcome']}: {message or answer.message}"
    if message != answer.message:
        return f"natively the message is {message!r}, not {answer.message!r}"
    found = (OWN_WARNING.match(one.replace('\\"', '"')) for one in native["warnings"])
    warnings = [one[1] for one in found if one]
    if warnings != list(answer.warnings):
        return f"natively the warnings are {warnings}, not {list(answer.warnings)}"
    return None


def judge_case(score: Score, case: Case, native: Case | None) -> None:
    """Judge one case against its expectation and against the API server's answer."""
    key = case["source"].partition("@")[0], case["kind"]
    score.cases[key] += 1
    try:
        answer = answer_case(case)
    except CannotJudgeError as error:
        score.disagreements.append(f"{case['id']}\n  {error}")
        return
    problem = disagreement(case, answer)
    if problem is None:
        score.agreed[key] += 1
    else:
        score.disagreements.append(f"{case['id']}\n  {problem}")
    if answer.note:
        score.notes[answer.note] += 1
    if native is not None:
        _judge_native(score, case, answer, native)


def _judge_native(score: Score, case: Case, answer: Answer, native: Case) -> None:
    """Compare with the API server; a difference with a reason of the server's is only counted."""
    problem = native_disagreement(native, answer)
    text = case["id"] + " " + native["message"]
    reason = next((why for pattern, why in SERVER_REASONS if re.search(pattern, text)), None)
    score.native["agree" if problem is None else reason or "differs"] += 1
    if problem is not None and reason is None:
        score.disagreements.append(f"{case['id']} (native)\n  {problem}")


def judge_file(path: Path) -> Score:
    """Judge all cases of a file."""
    native = {
        line["id"]: line for beside in path.parent.glob("native-*") for line in read_lines(beside)
    }
    score = Score()
    for case in read_lines(path):
        judge_case(score, case, native.get(case["id"]))
    return score


def main(argv: Sequence[str]) -> int:
    """Judge one file; return 0 when nothing disagrees."""
    score = judge_file(Path(argv[0]))
    for key, cases in sorted(score.cases.items()):
        print(f"{score.agreed[key]:6} of {cases:6}  {' '.join(key)}")
    for note, count in sorted(score.notes.items()):
        print(f"{count:6} {note}")
    for note, count in sorted(score.native.items()):
        print(f"{count:6} compared with a real API server: {note}")
    for text in score.disagreements:
        print(text)
    print(json.dumps(score.summary()))
    return 1 if score.disagreements else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
