"""Runs the cases of `tests.yaml` files with the policies beside them, through the real engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from webhook.codec import BadReview
from webhook.model import ConfigError, Document, Json, Platform, Registration
from webhook.offline.cases import Case, find_cases, parse_cases
from webhook.offline.checking import check_inputs
from webhook.offline.expectations import differences
from webhook.offline.inputs import read_file, read_inputs
from webhook.offline.judging import Judgement, answers_from, judge, matched_policies
from webhook.offline.manifests import is_storable
from webhook.offline.observing import Observer, observe
from webhook.offline.requests import request_about
from webhook.registration import registrations
from webhook.snapshot import Snapshot, build
from webhook.sources.directory import SourceError
from webhook.sources.objects import plain_namespace

CLUSTER_NAME = "test"
"""What `{{cluster.name}}` is in cases."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One `tests.yaml`: its cases with their lines, and the policies beside it."""

    file: Path
    cases: tuple[tuple[Case, int], ...]
    snapshot: Snapshot
    entries: tuple[Registration, ...]

    @property
    def name(self) -> str:
        """The folder of the policies."""
        return self.file.parent.name or str(self.file.parent)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case; `failures` say what was not as expected, `note` what is odd."""

    suite: str
    case: str
    file: str
    line: int
    failures: tuple[str, ...]
    note: str = ""

    @property
    def passed(self) -> bool:
        """Everything was as expected."""
        return not self.failures


def load_suites(
    path: Path, version: str = "", observers: Sequence[Observer] = ()
) -> tuple[tuple[Suite, ...], tuple[ConfigError, ...]]:
    """Read every `tests.yaml` at or below a path with its policies; return all errors as well.

    Raise SourceError when there is none, or one cannot be read.
    """
    files = find_cases(path)
    if not files:
        raise SourceError(
            f"{path}: no tests.yaml here or below; docs/commands/test.md has an example"
        )
    suites: list[Suite] = []
    errors: list[ConfigError] = []
    for file in files:
        suite, found = _load(file, version, observers)
        errors.extend(found)
        if not found:
            suites.append(suite)
    return tuple(suites), tuple(errors)


def _load(
    file: Path, version: str, observers: Sequence[Observer]
) -> tuple[Suite, tuple[ConfigError, ...]]:
    cases, errors = parse_cases(Document(str(file), read_file(file)))
    inputs = read_inputs([file.parent])
    errors = (*errors, *check_inputs(inputs, version).errors)
    platform = Platform(cluster_name=CLUSTER_NAME, kubernetes_version=version)
    snapshot = build([one.document for one in inputs], None, platform)
    for one in observers:
        snapshot = observe(snapshot, one)
    return Suite(file, cases, snapshot, registrations(snapshot)), errors


def run_suite(suite: Suite) -> Iterator[Result]:
    """Run the cases one after another."""
    for case, line in suite.cases:
        failures, note = run_case(case, suite)
        yield Result(suite.name, case.name, str(suite.file), line, failures, note)


def run_case(case: Case, suite: Suite) -> tuple[tuple[str, ...], str]:
    """Return what was not as expected, and what is odd about the case."""
    try:
        judgement = judge_case(case, suite)
    except BadReview as error:
        return (f"this is no request: {error}",), ""
    failures = tuple(differences(case.expect, judgement))
    has_policies = bool(suite.snapshot.policies or suite.snapshot.mutating_policies)
    is_idle = has_policies and not matched_policies(judgement.request, suite.snapshot)
    return failures, "no policy is about this request" if is_idle else ""


def judge_case(case: Case, suite: Suite) -> Judgement:
    """Judge the request of a case; raise BadReview when it is none."""
    request = request_about(
        case.object,
        case.old_object,
        operation=case.operation,
        user={key: one for key, one in case.user.model_dump(mode="json").items() if one},
        fields=case.request,
        kinds=suite.snapshot.actors.kinds,
    )
    answer = answers_from(_objects(case, request.namespace))
    return judge(request, suite.entries, suite.snapshot, answer)


def _objects(case: Case, namespace: str) -> list[Json]:
    """Return the objects that exist in a case, its Namespace among them."""
    held = [*case.params, *case.cluster]
    stored = case.old_object or {}
    if stored.get("kind") == "Namespace" and is_storable(stored):
        held.append(stored)
    if is_storable(case.namespace):
        held.append(case.namespace)
    elif case.namespace and namespace:
        plain = plain_namespace(namespace)
        labels = {**plain["metadata"]["labels"], **case.namespace}
        held.append({**plain, "metadata": {**plain["metadata"], "labels": labels}})
    return held
