"""The CA and what it signs, checked by the library that made it and by OpenSSL's own eyes."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from webhook.tls.authority import (
    AUTHORITY_LIFETIME,
    SERVING_LIFETIME,
    CertificateError,
    KeyPair,
    Material,
    check_material,
    check_pair,
    covers,
    expiry,
    is_due,
    make_authority,
    make_material,
    make_serving,
    renew,
    service_names,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = service_names("propylon", "propylon-system")
MATERIAL = make_material(NAMES, NOW)
OTHER = make_material(NAMES, NOW)


def load(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def test_authority_signs_serving_certificates_only() -> None:
    certificate = load(MATERIAL.ca_bundle)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert (usage.key_cert_sign, usage.digital_signature) == (True, False)
    assert certificate.subject == certificate.issuer


def test_serving_certificate_has_names_and_addresses() -> None:
    certificate = load(MATERIAL.serving.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        "propylon.propylon-system.svc",
        "propylon.propylon-system",
        "propylon.propylon-system.svc.cluster.local",
        "localhost",
    ]
    addresses = names.get_values_for_type(x509.IPAddress)
    assert addresses == [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.parametrize("key", [MATERIAL.ca_key, MATERIAL.serving.key], ids=["ca", "serving"])
def test_keys_are_p256(key: bytes) -> None:
    loaded = serialization.load_pem_private_key(key, None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    assert loaded.curve.name == "secp256r1"


def test_lifetimes() -> None:
    assert expiry(MATERIAL.ca_bundle) == NOW + AUTHORITY_LIFETIME
    assert expiry(MATERIAL.serving.certificate) == NOW + SERVING_LIFETIME
    assert load(MATERIAL.serving.certificate).not_valid_before_utc == NOW - timedelta(hours=1)


def test_openssl_accepts_them(tmp_path: Path) -> None:
    for file, content in {
        "ca": MATERIAL.ca_bundle,
        "crt": MATERIAL.serving.certificate,
        "key": MATERIAL.serving.key,
    }.items():
        (tmp_path / file).write_bytes(content)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    client = ssl.create_default_context(cafile=tmp_path / "ca")
    assert client.cert_store_stats()["x509_ca"] == 1


DUE = {
    "new": (timedelta(0), False),
    "two thirds minus a day": (SERVING_LIFETIME * 2 / 3 - timedelta(days=1), False),
    "two thirds plus a day": (SERVING_LIFETIME * 2 / 3 + timedelta(days=1), True),
    "expired": (SERVING_LIFETIME * 2, True),
}


@pytest.mark.parametrize(("age", "expected"), DUE.values(), ids=DUE)
def test_due_before_the_last_third(age: timedelta, expected: bool) -> None:
    assert is_due(MATERIAL.serving.certificate, NOW + age) is expected


class TestRenewal:
    def test_nothing_is_due(self) -> None:
        assert renew(MATERIAL, NAMES, NOW) is MATERIAL

    def test_serving_certificate_is_made_anew_by_the_same_authority(self) -> None:
        later = NOW + timedelta(days=70)
        renewed = renew(MATERIAL, NAMES, later)
        assert renewed.ca_bundle == MATERIAL.ca_bundle
        assert renewed.serving.key != MATERIAL.serving.key
        assert expiry(renewed.serving.certificate) == later + SERVING_LIFETIME
        check_material(renewed)

    def test_another_name_is_a_reason(self) -> None:
        renewed = renew(MATERIAL, (*NAMES, "webhook.example.com"), NOW)
        assert covers(renewed.serving.certificate, ["webhook.example.com"])

    def test_new_authority_joins_the_old_one(self) -> None:
        """Callers learn the new bundle while the old serving certificate is still in use."""
        late = NOW + timedelta(days=3000)
        young = replace(
            MATERIAL,
            serving=make_serving(KeyPair(MATERIAL.ca_bundle, MATERIAL.ca_key), NAMES, late),
        )
        first = renew(young, NAMES, late)
        assert first.serving == young.serving
        assert first.ca_bundle.endswith(MATERIAL.ca_bundle)
        assert len(x509.load_pem_x509_certificates(first.ca_bundle)) == 2
        check_material(first)
        second = renew(first, NAMES, late + timedelta(days=70))
        assert second.ca_bundle == first.ca_bundle
        assert second.serving != first.serving
        check_material(second)

    def test_what_others_sign_is_left_alone(self) -> None:
        foreign = replace(MATERIAL, ca_key=b"")
        assert renew(foreign, NAMES, NOW + timedelta(days=9999)) is foreign


BAD_MATERIAL = {
    "not PEM": (replace(MATERIAL, ca_bundle=b"?"), "not a PEM certificate"),
    "empty": (Material(b"", b"", KeyPair(b"", b"")), "not a PEM certificate"),
    "key is not PEM": (
        replace(MATERIAL, serving=KeyPair(MATERIAL.serving.certificate, b"?")),
        "not an unencrypted PEM private key",
    ),
    "key of another": (
        replace(MATERIAL, serving=KeyPair(MATERIAL.serving.certificate, OTHER.serving.key)),
        "does not belong to the certificate",
    ),
    "signed by another": (replace(MATERIAL, serving=OTHER.serving), "not signed by the CA"),
    "CA key of another": (
        replace(MATERIAL, ca_key=OTHER.ca_key),
        "CA's private key does not belong",
    ),
}


@pytest.mark.parametrize(("material", "text"), BAD_MATERIAL.values(), ids=BAD_MATERIAL)
def test_what_does_not_fit_is_named(material: Material, text: str) -> None:
    with pytest.raises(CertificateError, match=text):
        check_material(material)


def test_good_material_is_good() -> None:
    check_material(MATERIAL)
    check_pair(MATERIAL.serving)


def test_names_that_cannot_be_in_a_certificate() -> None:
    with pytest.raises(CertificateError, match="'bücher' cannot be in a certificate"):
        make_serving(make_authority(NOW), ["bücher"], NOW)


def _rsa_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


SIGNING_KEYS = {"RSA": _rsa_key, "rubbish": lambda: b"-----BEGIN"}


@pytest.mark.parametrize("key", SIGNING_KEYS.values(), ids=SIGNING_KEYS)
def test_only_elliptic_curves_sign(key: object) -> None:
    assert callable(key)
    with pytest.raises(CertificateError, match="key"):
        make_serving(KeyPair(MATERIAL.ca_bundle, key()), NAMES, NOW)


def test_certificate_without_names_covers_nothing() -> None:
    assert not covers(MATERIAL.ca_bundle, ["localhost"])
    assert covers(MATERIAL.ca_bundle, [])
