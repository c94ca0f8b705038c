"""The facts that rule B needs: the Namespace, and ConfigMaps that `respectEnvFrom` reads.

All are asked for at once. Secrets are never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from webhook.model import NOTHING, AdmissionRequest, Facts, Get, Json, Lookup, NeedFacts
from webhook.objects.paths import Path, get
from webhook.rules.env.config import EnvRule
from webhook.rules.env.targets import Container, Target, with_namespace

Sources = Mapping[Path, Mapping[str, str]]
"""By container path: the names and values that its envFrom defines, as far as known."""


def with_facts(
    request: AdmissionRequest, targets: Sequence[Target], rules: Sequence[EnvRule], facts: Facts
) -> tuple[tuple[Target, ...], Sources]:
    """Return the targets with their Namespace, and what envFrom defines; may raise NeedFacts."""
    namespace = Get("v1", "Namespace", "", request.namespace)
    reads_sources = any(rule.respect_env_from for rule in rules)
    containers = [one for target in targets for one in target.containers if reads_sources]
    lookups: set[Lookup] = {namespace}
    lookups.update(lookup for one in containers for lookup, _ in _config_maps(request, one))
    missing = frozenset(lookup for lookup in lookups if lookup not in facts.known)
    if missing and not facts.is_sealed:
        raise NeedFacts(missing)
    answer = facts.look_up(namespace)
    sources = {one.path: _defined(request, one, facts) for one in containers}
    return tuple(with_namespace(target, answer) for target in targets), sources


def _config_maps(request: AdmissionRequest, container: Container) -> Iterator[tuple[Get, str]]:
    for element in container.env_from:
        name = get(element, ("configMapRef", "name"))
        if isinstance(name, str) and name:
            prefix = element.get("prefix") or ""
            yield Get("v1", "ConfigMap", request.namespace, name), str(prefix)


def _defined(request: AdmissionRequest, container: Container, facts: Facts) -> Mapping[str, str]:
    """Return the names that the ConfigMaps give, a later one winning; unreadable ones give none."""
    found: dict[str, str] = {}
    for lookup, prefix in _config_maps(request, container):
        data: Mapping[str, Json] = get(facts.look_up(lookup), ("data",)) or NOTHING
        found.update({prefix + key: str(value) for key, value in data.items()})
    return found
