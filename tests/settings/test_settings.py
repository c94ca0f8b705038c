"""Flags, environment and what does not fit together."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from webhook.model import Platform
from webhook.settings import RegistrationMode, Settings


@pytest.fixture(autouse=True)
def _outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def test_defaults_of_embedded_use(tmp_path: Path) -> None:
    settings = Settings(policies=tmp_path)
    assert (settings.host, settings.port, settings.health_port) == ("127.0.0.1", 9443, 8081)
    assert settings.registration is RegistrationMode.DYNAMIC
    assert settings.platform == Platform()
    assert settings.identity


def test_flag_wins_over_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROPYLON_PORT", "1234")
    monkeypatch.setenv("PROPYLON_HEALTH_PORT", "1235")
    settings = Settings(policies=tmp_path, port=4321)
    assert (settings.port, settings.health_port) == (4321, 1235)


def test_pod_needs_no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("PROPYLON_NAMESPACE", "guard")
    settings = Settings()
    assert settings.policies is None
    assert settings.platform.own_namespace == "guard"


def test_settings_do_not_change(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(policies=tmp_path).port = 1  # type: ignore[misc]  # that is what is tested


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "nothing says where policies come from"),
    "missing directory": ({"policies": "/no/such"}, "/no/such does not exist"),
    "certificate without key": ({"policies": "/", "tls_cert": "/"}, "go together"),
    "key without certificate": ({"policies": "/", "tls_key": "/"}, "go together"),
    "objects without policies": ({"objects": "/", "kubeconfig": "/"}, "objects needs policies"),
    "port": ({"policies": "/", "port": 70000}, "less than or equal to 65535"),
    "plain HTTP": ({"policies": "/", "webhook_url": "http://x"}, "https://"),
    "version": ({"policies": "/", "kubernetes_version": "v1.30.1"}, "match pattern"),
    "token with slash": ({"policies": "/", "token": "a/b"}, "match pattern"),
    "ledger of an unknown kind": ({"policies": "/", "ledger": "nonsense://x"}, "match pattern"),
    "file for a directory": ({"policies": __file__}, "is a file; give the directory"),
    "unknown": ({"policies": "/", "prot": 1}, "Extra inputs are not permitted"),
}


@pytest.mark.parametrize(("values", "text"), WRONG.values(), ids=WRONG)
def test_wrong_settings_are_refused(values: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text.replace("(", r"\(")):
        Settings(**values)
