"""Rule E's rate guard (platform-rules E.9): who may delete how much, and what is never refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.documents import item
from tests.rules.protection import BREAKGLASS, a_pod, config, delete, system, thing, update, web
from webhook.model import Deletions, Facts, NeedFacts, Outcome
from webhook.rules.protect import RULE, limit_deletions
from webhook.rules.protect.intercepting import protect_entries

GUARD = {"massDelete": {"max": 3}}
ALICE = Deletions("alice", 60.0)
GRANT = {
    "who": {"users": ["alice"]},
    "target": {"kind": "Deployment", "namespace": "shop", "name": "*"},
    "reason": "moving away",
    "expires": "2999-01-01T00:00:00Z",
    "createdBy": "bob",
}


def limited(asked: Any, count: Any = 3, grants: Any = None, **spec: Any) -> Outcome:
    built = config({**GUARD, **spec}, grants)
    asking = Deletions(
        asked.user_info.username, built.mass_delete.seconds if built.mass_delete else 0
    )
    return limit_deletions(asked, built, Facts({asking: count}))


def test_too_many_deletions_are_refused_with_instructions() -> None:
    (violation,) = limited(delete(web())).violations
    assert (violation.code, violation.reason) == (429, "TooManyRequests")
    assert violation.message == (
        "protect: Deployment shop/web is not deleted: alice deleted 3 objects within 1m,"
        " 3 may be. Look at what you delete, wait, or ask the platform team."
    )
    assert violation.details is not None
    assert violation.details["causes"][0]["reason"] == "RateLimit"


ALLOWED: dict[str, Outcome] = {
    "one less": limited(delete(web()), 2),
    "nobody counts": limited(delete(web()), "unavailable"),
    "not a deletion": limited(update(web(), web())),
    "a Pod": limited(delete(a_pod())),
    "a kind that is not named": limited(
        delete(web()), massDelete={"max": 3, "kinds": ["ConfigMap"]}
    ),
    "a component": limited(delete(web(), **system("generic-garbage-collector"))),
    "a service account": limited(delete(web(), user="system:serviceaccount:cd:deployer")),
    "a controller, for everybody": limited(
        delete(web(), **system("generic-garbage-collector")),
        massDelete={"max": 3, "actors": "everybody"},
    ),
    "on its way out": limited(
        delete({**web(), "metadata": {**web()["metadata"], "deletionTimestamp": "x"}})
    ),
    "off": limited(delete(web()), massDelete=None),
}


@pytest.mark.parametrize("outcome", ALLOWED.values(), ids=ALLOWED)
def test_let_through(outcome: Outcome) -> None:
    assert outcome.violations == ()


REFUSED: dict[str, Outcome] = {
    "a dry run": limited(delete(web(), dry_run=True)),
    "a named kind": limited(
        delete(thing("ConfigMap")), massDelete={"max": 3, "kinds": ["ConfigMap"]}
    ),
    "a service account, for everybody": limited(
        delete(web(), user="system:serviceaccount:cd:deployer"),
        massDelete={"max": 3, "actors": "everybody"},
    ),
    "another span": limited(delete(web()), massDelete={"max": 3, "per": "30s"}),
}


@pytest.mark.parametrize("outcome", REFUSED.values(), ids=REFUSED)
def test_refused(outcome: Outcome) -> None:
    assert [one.code for one in outcome.violations] == [429]


def test_replicas_share_the_limit_and_say_so() -> None:
    outcome = limited(delete(web()), 2, massDelete={"max": 3, "replicas": 2})
    assert "2 may be by each of 2 replicas" in outcome.violations[0].message


def test_who_may_override_is_let_through_and_recorded() -> None:
    broken = limited(delete(web(), groups=BREAKGLASS))
    assert broken.overridden_by == ("breakglass",)
    granted = limited(delete(web()), grants={"move": GRANT})
    assert granted.overridden_by == ("DeletionGrant/move",)


def test_phase_warn_only_warns() -> None:
    outcome = limited(delete(web()), phase="warn")
    assert [str(one.action) for one in outcome.violations] == ["Warn"]


def test_the_number_is_asked_for() -> None:
    with pytest.raises(NeedFacts) as asked:
        limit_deletions(delete(web()), config(GUARD), Facts())
    assert asked.value.lookups == frozenset((ALICE,))
    assert limit_deletions(delete(web()), config(GUARD), Facts().sealed()).violations == ()


def test_entry_takes_deletions_of_people() -> None:
    (entry,) = (one for one in protect_entries(config(GUARD)) if one.path == "protect-deletes")
    assert (entry.failure_policy, entry.stages) == ("Ignore", ("protect-deletes",))
    assert {op for rule in entry.rules for op in rule["operations"]} == {"DELETE"}
    resources = {(rule["apiGroups"][0], one) for rule in entry.rules for one in rule["resources"]}
    assert ("", "namespaces") in resources
    assert ("apps", "deployments") in resources
    assert ("", "pods") not in resources
    assert [one["name"] for one in entry.match_conditions] == ["by-people"]


def test_entry_for_everybody_and_named_kinds() -> None:
    guard = {"max": 1, "kinds": ["ConfigMap", "Pod"], "actors": "everybody"}
    built = config({"massDelete": guard})
    (entry,) = (one for one in protect_entries(built) if one.path == "protect-deletes")
    assert [rule["resources"] for rule in entry.rules] == [["configmaps", "pods"]]
    assert entry.match_conditions == ()


def test_without_the_setting_there_is_no_entry() -> None:
    assert "protect-deletes" not in {one.path for one in protect_entries(config())}


BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "no span": ({"max": 3, "per": "often"}, "spec.massDelete.per", "must be a span up to 1h"),
    "too long": ({"max": 3, "per": "2h"}, "spec.massDelete.per", "must be a span up to 1h"),
    "none": ({"max": 0}, "spec.massDelete.max", "1"),
    "unknown kind": ({"max": 3, "kinds": ["Nonsense"]}, "spec.massDelete.kinds[0]", "unknown"),
}


@pytest.mark.parametrize(("guard", "path", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_settings(guard: dict[str, Any], path: str, message: str) -> None:
    one = item("DeletionProtection", "main", {"massDelete": guard})
    errors = RULE.parse(one)
    assert [error.path for error in errors] == [path]
    assert message in errors[0].message
