"""Rule A under any objects: a fixed point, stable templates, order, no value told, input untouched."""

from __future__ import annotations

import copy
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import container, request
from tests.rules.hiding import config, mutate, plain, update, validate, web
from webhook.model import Action, Outcome
from webhook.objects.equality import same
from webhook.objects.patch import apply, diff
from webhook.rules.hide.view import Options, explain, view

SECRET = "hunter2"  # what no message may hold
QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

HIDE = config(
    infraContainers=["log-*"],
    infraVolumes=["log-*"],
    catalogue=[
        {"path": "$pod.os", "preset": "pin", "value": {"name": "linux"}},
        {"path": "$pod.hostname", "preset": "default-once", "value": "platform"},
        {"path": "$pod.subdomain", "update": "strip"},
        {"path": "$pod.volumes[?nfs]", "preset": "hide"},
    ],
    maxTerminationGracePeriodSeconds=60,
)
KEEPING = Options(keep_defaults=True)


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


containers = st.builds(
    lambda name, image, fields: container(name, image=image, **fields),
    st.sampled_from(("app", "b", "log-agent")),
    st.sampled_from(("web:1", "web:latest")),
    maybe(
        imagePullPolicy=st.sampled_from(("Always", "IfNotPresent", "Never")),
        terminationMessagePath=st.sampled_from(("/dev/termination-log", "/x")),
        env=st.just([{"name": "PASSWORD", "value": SECRET}]),
        securityContext=maybe(
            runAsUser=st.just(1), seccompProfile=st.sampled_from(({}, {"type": "RuntimeDefault"}))
        ),
        ports=st.just([{"containerPort": 80}]),
        volumeMounts=st.just([{"name": "n", "mountPath": "/n"}]),
    ),
)
volumes = st.sampled_from((
    {"name": "n", "nfs": {"path": "/"}},
    {"name": "m", "emptyDir": {"medium": "Memory"}},
    {"name": "log-dir", "emptyDir": {}},
    {"name": "c", "configMap": {"name": "c"}},
))  # fmt: skip
pods = maybe(
    nodeSelector=st.sampled_from(({}, {"pool": "web"}, {"pool": "gpu"})),
    priorityClassName=st.sampled_from(("gold", "silver")),
    tolerations=st.lists(st.sampled_from(({"key": "a"}, {"key": "b"})), max_size=2, unique_by=str),
    dnsPolicy=st.sampled_from(("ClusterFirst", "None")),
    os=st.sampled_from(({"name": "linux"}, {"name": "windows"})),
    hostname=st.just("mine"),
    subdomain=st.just("mine"),
    hostNetwork=st.booleans(),
    terminationGracePeriodSeconds=st.sampled_from((30, 900)),
    volumes=st.lists(volumes, max_size=3, unique_by=lambda one: str(one["name"])),
    securityContext=maybe(fsGroup=st.sampled_from((1, 2)), runAsUser=st.just(1)),
)


def workload(some: list[Any], fields: dict[str, Any], spec: dict[str, Any]) -> Any:
    return web(
        *some,
        spec=spec,
        metadata={"annotations": {"service.beta.kubernetes.io/key": SECRET, "a": SECRET}},
        **fields,
    )


workloads = st.builds(
    workload,
    st.lists(containers, min_size=1, max_size=3, unique_by=lambda one: str(one["name"])),
    pods,
    maybe(
        paused=st.booleans(),
        replicas=st.just(2),
        strategy=st.sampled_from(({}, {"type": "Recreate"})),
    ),
)
phases = st.sampled_from(("enforce", "warn", "audit"))


def treated(new: Any, old: Any | None) -> Outcome:
    return mutate(request(new) if old is None else update(old, new), HIDE)


def is_denied(outcome: Outcome) -> bool:
    return any(one.action is Action.DENY for one in outcome.violations)


stored = st.one_of(st.none(), workloads)


@QUICK
@given(workloads, stored)
def test_second_run_changes_nothing(new: Any, old: Any) -> None:
    first = treated(new, old)
    again = treated(first.object, old)
    assert again.object is first.object
    assert is_denied(again) is is_denied(first)


@QUICK
@given(workloads, stored)
def test_patch_leads_to_the_result_and_the_input_stays(new: Any, old: Any) -> None:
    received = copy.deepcopy((new, old))
    outcome = treated(new, old)
    assert (new, old) == received
    assert apply(diff(new, outcome.object), new) == outcome.object
    assert (outcome.object is new) is (outcome.mutated_by == ())
    assert treated(*copy.deepcopy((new, old))) == outcome


@QUICK
@given(workloads)
def test_an_echo_changes_nothing(old: Any) -> None:
    outcome = treated(copy.deepcopy(old), old)
    assert (outcome.object, outcome.warnings, outcome.violations) == (old, (), ())


@QUICK
@given(workloads)
def test_a_change_elsewhere_leaves_the_template(old: Any) -> None:
    new = copy.deepcopy(old)
    new["metadata"]["labels"] = {"team": "a"}
    outcome = treated(new, old)
    assert outcome.object["spec"]["template"] == old["spec"]["template"]
    assert outcome.warnings == ()


@QUICK
@given(workloads)
def test_sending_the_view_back_changes_nothing(old: Any) -> None:
    old["metadata"]["uid"] = "1"
    seen = view(old, HIDE, KEEPING)
    assert view(seen, HIDE, KEEPING) == seen
    assert explain(seen, HIDE) == []
    outcome = treated(seen, old)
    assert outcome.warnings == ()
    assert not is_denied(outcome)
    assert same(outcome.object["spec"]["template"], old["spec"]["template"])


@QUICK
@given(workloads, workloads, st.randoms(use_true_random=False))
def test_order_of_elements_does_not_matter(new: Any, old: Any, random: Any) -> None:
    shuffled = copy.deepcopy(old)
    spec = shuffled["spec"]["template"]["spec"]
    for name in ("containers", "volumes", "tolerations"):
        if name in spec:
            random.shuffle(spec[name])
    before, after = (
        treated(new, one).object["spec"]["template"]["spec"] for one in (old, shuffled)
    )
    for name in ("containers", "volumes", "tolerations"):
        assert _sorted(before.get(name)) == _sorted(after.get(name))


def _sorted(elements: list[Any] | None) -> list[bytes]:
    return sorted(orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for one in elements or [])


@QUICK
@given(workloads, stored)
def test_containers_stay_in_the_writers_order(new: Any, old: Any) -> None:
    names = [one["name"] for one in new["spec"]["template"]["spec"]["containers"]]
    after = treated(new, old).object["spec"]["template"]["spec"].get("containers", [])
    kept = [one["name"] for one in after if one["name"] in names]
    assert kept == [name for name in names if name in kept]


@QUICK
@given(workloads, stored, phases)
def test_no_value_is_told(new: Any, old: Any, phase: str) -> None:
    used = config(phase, infraContainers=["log-*"])
    outcome = mutate(request(new) if old is None else update(old, new), used)
    told = (
        [(one.message, one.found, one.path) for one in outcome.violations],
        outcome.warnings,
        dict(outcome.audit_annotations),
    )
    assert SECRET not in orjson.dumps(told).decode()
    assert len(outcome.warnings) <= 11
    assert all(len(text) <= 120 for text in outcome.warnings)
    assert phase == "enforce" or outcome.object is new


@QUICK
@given(workloads, stored)
def test_what_was_made_is_not_refused(new: Any, old: Any) -> None:
    asked = request(new) if old is None else update(old, new)
    outcome = mutate(asked, HIDE)
    judged = validate(asked.with_object(outcome.object), HIDE)
    assert bool(judged.violations) is is_denied(outcome)


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(("", "app"))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from((
                "metadata", "spec", "template", "containers", "volumes", "tolerations", "name",
                "securityContext", "hostPath", "ports", "affinity", "replicas", "annotations",
                "ownerReferences", "hostNetwork", "managedFields", "volumeMounts",
            )),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)  # fmt: skip
kinds = st.sampled_from((
    ("apps/v1", "Deployment"), ("v1", "Pod"), ("apps.kruise.io/v1beta1", "CloneSet"),
    ("batch/v1", "Job"), ("v1", "Service"), ("networking.k8s.io/v1", "Ingress"),
    ("v1", "PersistentVolumeClaim"), ("apps.kruise.io/v1beta1", "UnitedDeployment"),
))  # fmt: skip


@QUICK
@given(kinds, junk, junk, st.booleans())
def test_malformed_objects_do_no_harm(kind: tuple[str, str], one: Any, two: Any, bad: bool) -> None:
    new, old = (plain(kind[1], part, kind[0]) for part in (one, two))
    if bad:
        new, old = ({**value, "metadata": part} for value, part in ((new, two), (old, one)))
    asked = (
        request(new, old=old, operation="UPDATE", name="web", namespace="shop")
        if isinstance(new["metadata"], dict) and isinstance(old["metadata"], dict)
        else None
    )
    for outcome in [mutate(asked, HIDE), validate(asked, HIDE)] if asked else []:
        assert apply(diff(new, outcome.object), new) == outcome.object
    view(new, HIDE)
