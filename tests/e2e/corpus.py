"""The public policy cases as requests to one cluster: each policy has a namespace of its own.

Names are made unique, and selectors keep the policies apart; the expressions are not touched.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.e2e.api import TRY, USER, Call, collection
from tests.e2e.propylon import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = ROOT.parent / "shared" / "corpus" / "policies-dev.jsonl"
LABEL = "example.com/parity"
OWN_NAME = "kubernetes.io/metadata.name"
ADMISSION = "admissionregistration.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Case:
    """One request; `before` creates the object that an UPDATE or DELETE is about."""

    id: str
    call: Call
    before: Call | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that the server lacks."""

    api_version: str
    name: str
    plural: str
    namespaced: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A policy, its binding, what it needs in the cluster, and the cases it alone judges."""

    policy: Any
    binding: Any
    params: tuple[Any, ...]
    namespaces: tuple[Any, ...]
    cases: tuple[Case, ...]
    kinds: frozenset[Kind]
    origin: str
    """The policy document before it got a name of its own."""


def read_groups() -> list[Group]:
    """Read all cases; those with the same documents and the same surroundings are one group."""
    found: dict[str, list[Any]] = defaultdict(list)
    with FILE.open() as lines:
        for line in lines:
            case = json.loads(line)
            found[_key(case)].append(case)
    return [_Builder(number, cases).group() for number, cases in enumerate(found.values(), 1)]


def _key(case: Any) -> str:
    request = case["request"]
    own = case["id"] if request["operation"] != "CREATE" else ""
    parts = [case[name] for name in ("policy", "binding", "params", "cluster")]
    return json.dumps([*parts, request["namespace"], own], sort_keys=True)


class _Builder:
    """Rewrites the cases of one group."""

    def __init__(self, number: int, cases: list[Any]) -> None:
        self.number = str(number)
        self.cases = cases
        self.first = cases[0]
        request = self.first["request"]
        # The request about a Namespace is said to be in it; its path is not.
        is_inside = request["resource"]["resource"] != "namespaces"
        self.namespace = request["namespace"] if is_inside else ""

    def group(self) -> Group:
        policy, binding = self._documents()
        namespaces = dict.fromkeys(
            [
                *([self.namespace] if self.namespace else []),
                *(one["metadata"].get("namespace", "") for one in self.first["params"]),
            ]
        )
        return Group(
            policy,
            binding,
            tuple(map(self._param, self.first["params"])),
            tuple(self._namespace_object(name) for name in namespaces if name),
            tuple(map(self._case, self.cases)),
            frozenset(self._kinds()),
            json.dumps(self.first["policy"], sort_keys=True),
        )

    def _kinds(self) -> Iterator[Kind]:
        """Return the kinds that no server has: of parameters, and of what is judged."""
        of_params = map(_kind_of_param, self.first["params"])
        yield from (kind for kind in [*of_params, *map(_kind_of, self.cases)] if kind)

    def _own(self, name: str) -> str:
        """Return a name that only this group has."""
        return f"{name[:50]}-{self.number}" if name else ""

    def _documents(self) -> tuple[Any, Any]:
        policy, binding = self._copy(self.first["policy"]), self._copy(self.first["binding"])
        for document in (policy, binding):
            document["apiVersion"] = ADMISSION
            document["metadata"]["name"] += f"-{self.number}"
        binding["spec"]["policyName"] = policy["metadata"]["name"]
        self._keep_apart(policy["spec"]["matchConstraints"])
        ref = binding["spec"].get("paramRef") or {}
        if ref.get("namespace"):
            ref["namespace"] = self._own(ref["namespace"])
        elif ref.get("name") and not any("namespace" in one["metadata"] for one in self._params()):
            ref["name"] += f"-{self.number}"
        return policy, binding

    def _params(self) -> list[Any]:
        params: list[Any] = self.first["params"]
        return params

    def _copy(self, document: Any) -> Any:
        """Return a copy in which selectors by a Namespace's name say the group's own name."""
        text = json.dumps(document)
        for name in {self.namespace, *(_namespaces(self.first))} - {""}:
            old = json.dumps({OWN_NAME: name})[1:-1]
            text = text.replace(old, json.dumps({OWN_NAME: self._own(name)})[1:-1])
        return json.loads(text)

    def _keep_apart(self, constraints: Any) -> None:
        if not self.namespace:
            _require(constraints, "objectSelector", LABEL, self.number)
            return
        _require(constraints, "namespaceSelector", OWN_NAME, self._own(self.namespace))
        for rule in constraints.get("resourceRules", ()):
            # Cluster-scoped objects pass every namespaceSelector.
            rule.setdefault("scope", "Namespaced")

    def _param(self, param: Any) -> Any:
        metadata = dict(param["metadata"])
        if "namespace" in metadata:
            metadata["namespace"] = self._own(metadata["namespace"])
        else:
            metadata["name"] += f"-{self.number}"
        return {**param, "metadata": metadata}

    def _namespace_object(self, name: str) -> Any:
        found = (one for one in self.first["cluster"] if one["metadata"]["name"] == name)
        labels = next((one["metadata"].get("labels") or {} for one in found), {})
        own = self._own(name)
        metadata = {"name": own, "labels": {**labels, OWN_NAME: own}}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}

    def _object(self, value: Any) -> Any:
        metadata = dict(value.get("metadata") or {})
        if metadata.get("namespace"):
            metadata["namespace"] = self._own(metadata["namespace"])
        if not self.namespace:
            metadata["labels"] = {**(metadata.get("labels") or {}), LABEL: self.number}
        if value.get("kind") == "Namespace":
            metadata["name"] = self._own(metadata["name"])
        return {**value, "metadata": metadata}

    def _case(self, case: Any) -> Case:
        request = case["request"]
        resource = request["resource"]
        version = "/".join(filter(None, (resource["group"], resource["version"])))
        path = collection(version, resource["resource"], self._own(self.namespace))
        call = Call("POST", f"{path}?{TRY}")
        body = self._object(request["object"]) if request["object"] else None
        before = None
        if request["operation"] != "CREATE":
            call, before = self._about_existing(request, path)
        user = request["userInfo"]
        if user["username"] != USER[0]:
            call = replace(call, user=user["username"], groups=tuple(user["groups"]))
        return Case(case["id"], replace(call, body=body), before)

    def _about_existing(self, request: Any, path: str) -> tuple[Call, Call | None]:
        rest = "/".join(filter(None, (request["name"], request["subResource"])))
        methods = {"UPDATE": "PUT", "DELETE": "DELETE", "CONNECT": "POST"}
        call = Call(methods[request["operation"]], f"{path}/{rest}?{TRY}")
        existing = request["oldObject"] or request["object"]  # some cases leave it out
        if request["operation"] == "CONNECT":
            return call, None
        return call, Call("POST", path, self._object(existing))


def _kind_of_param(param: Any) -> Kind | None:
    if "/" not in param["apiVersion"]:
        return None
    name = param["kind"]
    namespaced = "namespace" in param["metadata"]
    return Kind(param["apiVersion"], name, plural_of(name), namespaced)


def _kind_of(case: Any) -> Kind | None:
    request = case["request"]
    group = request["resource"]["group"]
    if "." not in group or group.endswith(".k8s.io"):
        return None
    version = f"{group}/{request['resource']['version']}"
    plural = request["resource"]["resource"]
    return Kind(version, request["kind"]["kind"], plural, bool(request["namespace"]))


def plural_of(kind: str) -> str:
    """Return the plural of a parameter's kind: these CRDs are ours to name."""
    return f"{kind.lower()}s"


def _namespaces(case: Any) -> list[str]:
    return [one["metadata"]["name"] for one in case["cluster"] if one["kind"] == "Namespace"]


def _require(constraints: Any, selector: str, key: str, value: str) -> None:
    """Add one requirement to a selector; requirements are joined by AND."""
    requirement = {"key": key, "operator": "In", "values": [value]}
    found = constraints.setdefault(selector, {})
    found["matchExpressions"] = [*found.get("matchExpressions", ()), requirement]
