"""Have the same requests judged without policies, natively and by Propylon; tell what differs.

The cluster holds all policies at once, each for its own namespace or label.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.e2e.api import TRY, Answer, Api, Call, collection
from tests.e2e.corpus import ADMISSION, OWN_NAME, Case, Group, Kind, plural_of
from tests.e2e.propylon import POLICIES, documents
from tests.e2e.waiting import NeverHappenedError, eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Answers = Mapping[str, Answer]

PLURALS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
}
SENTINEL = "parity-sentinel"
PIECE = 40
"""Documents in one ConfigMap."""

JUDGES = (
    re.compile(r'^[a-z0-9./-]+ "[^"]*" is forbidden: '),
    re.compile(r'^admission webhook "[a-z0-9.-]+\.propylon\.dev" denied the request: '),
)
LAGGING = re.compile(
    r"no params found for policy binding|failed to find resource referenced by paramKind|"
    r"not yet synced|is forbidden: User |not a kind that this cluster serves"
)
"""What a judge says as long as it has not seen a parameter, its kind or a right."""

ALLOWED = (
    (
        r"strict decoding error: unknown field",
        "section 7, strict decode of JSONPatch results: the server drops our unknown fields",
    ),
    (
        r"must be mounted as readOnly\.\n.*\.orValue\(.*resulted in error: no such overload$",
        "section 4: orValue of a plain value is an error; only the older CEL of 1.36 takes it",
    ),
    (
        r"doc is missing path: .*(annotations|limits)",
        "section 7, defaulting after each mutation: empty maps vanish between native mutations",
    ),
)
"""Differences that a webhook cannot avoid: what both engines say, and why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One case that was not answered alike; `allowed` is the reason, if there is one."""

    id: str
    fields: tuple[str, ...]
    native: Mapping[str, Any]
    own: Mapping[str, Any]
    allowed: str = ""

    def __str__(self) -> str:
        lines = [f"{self.id}: {self.allowed or 'differs'}"]
        for name in self.fields:
            lines += [
                f"  {name}, native: {self.native.get(name)}",
                f"  {name}, own: {self.own.get(name)}",
            ]
        return "\n".join(lines)


@dataclass(slots=True)
class Outcome:
    """What came out of the passes."""

    policies: int = 0
    documents: int = 0
    listed: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[Group, str]] = field(default_factory=dict)
    refused_natively_only: list[str] = field(default_factory=list)
    equal: list[str] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def count(self, everything: Sequence[Group], cases: Sequence[Case]) -> None:
        """Count the policies that judge at least one case."""
        left = {case.id for case in cases}
        groups = [one for one in everything if left & {case.id for case in one.cases}]
        self.policies, self.documents = len(groups), len({group.origin for group in groups})

    def summary(self) -> str:
        """Return the figures and the reasons, in lines."""
        compared = len(self.equal) + len(self.differences)
        reasons = Counter(map(_short, self.listed.values()))
        allowed = Counter(one.allowed or "NOT ALLOWED" for one in self.differences)
        return "\n".join(
            [
                f"parity: {compared} cases compared: {len(self.equal)} equal",
                f"  policy documents: {self.documents}, installed {self.policies} times",
                *(f"  natively {verdict}: {count}" for verdict, count in self.verdicts.items()),
                *(f"  different, {why}: {count}" for why, count in allowed.most_common()),
                f"  listed, refused without any policy: {len(self.listed)}",
                *(f"    {count:4} {reason}" for reason, count in reasons.most_common()),
            ]
        )


def prepare(api: Api, groups: Sequence[Group]) -> None:
    """Create kinds, namespaces, accounts, parameters and the objects that cases change."""
    _create_kinds(api, groups)
    spaces = [one for group in groups for one in group.namespaces]
    spaces.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SENTINEL}})
    api.create(collection("v1", "namespaces"), spaces)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    paths = [collection("v1", "serviceaccounts", one["metadata"]["name"]) for one in spaces]
    for answer in api.all(Call("POST", path, account) for path in paths):
        assert answer.ok or answer.code == 409, answer
    params = [one for group in groups for one in group.params]
    for answer in api.all(Call("POST", _place(one), one) for one in params):
        assert answer.ok or answer.code == 409, answer  # some cases name one twice
    _create_existing(api, [case.before for group in groups for case in group.cases if case.before])
    users = {case.call.user for group in groups for case in group.cases} - {""}
    api.create(
        collection("rbac.authorization.k8s.io/v1", "clusterrolebindings"), map(_right, users)
    )


def _create_existing(api: Api, calls: Sequence[Call]) -> None:
    """Create what cases change; what the server refuses is told by the case that is about it."""

    def create(call: Call) -> None:
        with contextlib.suppress(NeverHappenedError):
            # The server sees the ServiceAccounts of a new Namespace a moment later.
            eventually(lambda: api.call(call).code in {201, 409, 422}, what=call.path, within=3)

    api.map(create, calls)


def _right(user: str) -> Any:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"parity-{user.replace('@', '-')}"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }


def _place(document: Any) -> str:
    kind = document["kind"]
    plural = PLURALS.get(kind) or plural_of(kind)
    return collection(document["apiVersion"], plural, document["metadata"].get("namespace", ""))


def _create_kinds(api: Api, groups: Sequence[Group]) -> None:
    """Create a CustomResourceDefinition without a schema for each kind that is missing."""
    found = {kind for group in groups for kind in group.kinds}
    definitions = collection("apiextensions.k8s.io/v1", "customresourcedefinitions")
    api.create(definitions, map(_definition, found))
    for kind in found:
        call = Call("GET", collection(kind.api_version, kind.plural))
        eventually(partial(_is_served, api, call), what=f"{call.path} is served")


def _is_served(api: Api, call: Call) -> bool:
    return api.call(call).ok


def _definition(kind: Kind) -> Any:
    group, version = kind.api_version.split("/")
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {"kind": kind.name, "plural": kind.plural},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def grant(groups: Sequence[Group]) -> Any:
    """Return the ClusterRole that lets Propylon read every kind of parameter."""
    rules = [
        {"apiGroups": [kind.api_version.split("/")[0]], "resources": [kind.plural]}
        for kind in {kind for group in groups for kind in group.kinds}
    ]
    rules.append({"apiGroups": [""], "resources": ["configmaps"]})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "parity",
            "labels": {"propylon.dev/aggregate-to-propylon": "true"},
        },
        "rules": [{**rule, "verbs": ["get", "list", "watch"]} for rule in rules],
    }


def passing(api: Api, cases: Sequence[Case], outcome: Outcome) -> list[Case]:
    """Return the cases whose request passes without any policy; list the others."""
    answers = api.all(case.call for case in cases)
    for case, answer in zip(cases, answers, strict=True):
        if not answer.ok:
            outcome.listed[case.id] = f"{answer.code}: {answer.message}"
    return [case for case, answer in zip(cases, answers, strict=True) if answer.ok]


def judge(api: Api, cases: Sequence[Case]) -> dict[str, Answer]:
    """Send every case and return the answers by id."""

    def settled(case: Case) -> Answer:
        last: list[Answer] = []

        def look() -> bool:
            last[:] = [api.call(case.call)]
            return not LAGGING.search(last[0].message)

        with contextlib.suppress(NeverHappenedError):
            eventually(look, what=case.id, within=8, every=0.3)
        return last[0]

    return dict(zip((case.id for case in cases), api.map(settled, cases), strict=True))


def accepted(api: Api, groups: Sequence[Group], outcome: Outcome) -> list[Group]:
    """Return the groups whose documents the server takes; list the cases of the others."""
    taken = []
    for group in groups:
        refusals = _refusals(api, group)
        if not refusals:
            taken.append(group)
            continue
        outcome.refused[group.policy["metadata"]["name"]] = (group, refusals[0])
        outcome.listed |= {case.id: f"policy refused: {refusals[0]}" for case in group.cases}
    return taken


def _refusals(api: Api, group: Group) -> list[str]:
    calls = [
        Call("POST", f"{_place(one)}?dryRun=All", one) for one in (group.policy, group.binding)
    ]
    return [answer.message for answer in map(api.call, calls) if not answer.ok]


def accepted_by_propylon(api: Api, refused: Iterable[Group]) -> list[str]:
    """Return those policies that Propylon would take, although the server refuses them."""
    path = f"{collection('v1', 'configmaps', POLICIES)}?dryRun=All"
    taken = []
    for group in refused:
        name, text = group.policy["metadata"]["name"], _text(group)
        if api.call(Call("POST", path, documents("refused", {"refused.yaml": text}))).ok:
            taken.append(name)
    return taken


def install_natively(api: Api, groups: Sequence[Group]) -> None:
    """Install policies and bindings in the cluster itself and wait until they judge."""
    everything = [one for group in groups for one in (group.policy, group.binding)]
    for answer in api.all(Call("POST", _place(one), one) for one in everything):
        assert answer.ok, answer
    for one in sentinels():
        assert api.call(Call("POST", _place(one), one)).ok
    eventually(lambda: sentinels_judge(api) == {True}, what="the policies judge", within=60)


def remove_natively(api: Api, groups: Sequence[Group]) -> None:
    """Delete policies and bindings and wait until the server has forgotten them."""
    everything = [one for group in groups for one in (group.binding, group.policy)]
    names = [f"{_place(one)}/{one['metadata']['name']}" for one in everything]
    for answer in api.all(Call("DELETE", name) for name in names):
        assert answer.ok, answer
    for one in sentinels():
        assert api.call(Call("DELETE", f"{_place(one)}/{one['metadata']['name']}")).ok
    eventually(lambda: sentinels_judge(api) == {False}, what="they are forgotten", within=60)


def install_in_propylon(api: Api, groups: Sequence[Group]) -> None:
    """Write the same documents into ConfigMaps and wait until they judge."""
    texts = {f"{number:03}.yaml": _text(group) for number, group in enumerate(groups)}
    path = collection("v1", "configmaps", POLICIES)
    for piece, part in enumerate(_pieces(list(texts.items()))):
        answer = api.call(Call("POST", path, documents(f"parity-{piece}", dict(part))))
        assert answer.ok, answer
    text = "\n---\n".join(map(json.dumps, sentinels()))
    assert api.call(Call("POST", path, documents("sentinel", {"sentinel.yaml": text}))).ok
    eventually(lambda: sentinels_judge(api) == {True}, what="Propylon judges", within=120)


def _text(group: Group) -> str:
    return "\n---\n".join(map(json.dumps, (group.policy, group.binding)))


def _pieces(texts: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    return [texts[start : start + PIECE] for start in range(0, len(texts), PIECE)]


def sentinels() -> list[Any]:
    """Return the last documents: when they judge, the server has seen all before them."""
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["configmaps"],
    }
    only_here = {"matchLabels": {OWN_NAME: SENTINEL}}
    matching = {"namespaceSelector": only_here, "resourceRules": [rule]}
    validation = {"expression": 'object.metadata.name != "denied"'}
    label = 'Object{metadata: Object.metadata{labels: {"sentinel": "true"}}}'
    mutation = {
        "patchType": "ApplyConfiguration",
        "applyConfiguration": {"expression": label},
    }
    return [
        *_pair("Validating", matching, {"validations": [validation]}, validationActions=["Deny"]),
        *_pair("Mutating", matching, {"mutations": [mutation], "reinvocationPolicy": "Never"}),
    ]


def _pair(kind: str, matching: Any, spec: Any, **binding: Any) -> list[Any]:
    def document(suffix: str, content: Any) -> Any:
        return {
            "apiVersion": ADMISSION,
            "kind": f"{kind}AdmissionPolicy{suffix}",
            "metadata": {"name": SENTINEL},
            "spec": content,
        }

    policy = {"matchConstraints": matching, **spec}
    return [document("", policy), document("Binding", {"policyName": SENTINEL, **binding})]


def sentinels_judge(api: Api) -> set[bool]:
    """Return whether the sentinels deny and mutate: {True} or {False} when they agree."""
    path = f"{collection('v1', 'configmaps', SENTINEL)}?{TRY}"
    denied, changed = (
        api.call(
            Call(
                "POST", path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
            )
        )
        for name in ("denied", "changed")
    )
    return {not denied.ok, changed.ok and "labels" in changed.object["metadata"]}


def compare(cases: Sequence[Case], native: Answers, own: Answers, outcome: Outcome) -> None:
    """Compare the answers of both passes field by field."""
    for case in cases:
        expected, found = _fields(native[case.id]), _fields(own[case.id])
        outcome.verdicts[_verdict(native[case.id])] += 1
        names = expected | found
        differing = tuple(one for one in names if expected.get(one) != found.get(one))
        if not differing:
            outcome.equal.append(case.id)
            continue
        said = f"{native[case.id].message}\n{own[case.id].message}"
        reason = next((why for pattern, why in ALLOWED if re.search(pattern, said)), "")
        outcome.differences.append(Difference(case.id, differing, expected, found, reason))


def _verdict(answer: Answer) -> str:
    if not answer.ok:
        return f"denied with {answer.code}"
    return (
        "allowed with a warning of a policy"
        if any("AdmissionPolicy" in one for one in answer.warnings)
        else "allowed"
    )


def _fields(answer: Answer) -> dict[str, Any]:
    """Return what both judges have to say alike; who says it is left out."""
    if answer.ok:
        return {"code": answer.code, "warnings": answer.warnings, "object": _steady(answer.object)}
    message = _without_judge(answer.message)
    details = answer.object.get("details") or {}
    causes = [
        {**one, "message": _without_judge(one["message"])} for one in details.get("causes", ())
    ]
    return {
        "code": answer.code,
        "reason": answer.object.get("reason"),
        "message": message,
        "causes": causes,
        "warnings": answer.warnings,
    }


def _without_judge(message: str) -> str:
    for judge_words in JUDGES:
        message = judge_words.sub("", message, count=1)
    return message


def _steady(document: Any) -> Any:
    """Return an object without what is new each time, and without what controllers write."""
    uid = document.get("metadata", {}).get("uid") or "no uid"
    text = json.dumps(document).replace(uid, "UID")
    value = json.loads(re.sub(r"kube-api-access-[a-z0-9]{5}", "kube-api-access-xxxxx", text))
    value.pop("status", None)
    metadata = value.get("metadata", {})
    for name in ("creationTimestamp", "resourceVersion"):
        metadata.pop(name, None)
    fields = metadata.pop("managedFields", ())
    metadata["managedFields"] = [
        {**one, "time": ""} for one in fields if one["manager"] != "kube-controller-manager"
    ]
    if metadata.get("generateName"):
        metadata.pop("name", None)
    return value


def _short(reason: str) -> str:
    """Return the kind of a refusal: without names and values."""
    return re.sub(r'"[^"]*"|\[[^]]*\]|[^ ]*-\d+\b', "*", reason)[:110]
