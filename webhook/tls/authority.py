"""Make and check the certificate authority and the serving certificate; ECDSA P-256, PEM bytes.

No files, no Secrets, no clock: times come in as arguments.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=3650)
SERVING_LIFETIME = timedelta(days=90)
RENEWAL_SHARE = 3
"""A certificate is renewed when less than a third of its life is left."""

CLOCK_SKEW = timedelta(hours=1)
"""Certificates begin earlier by this much: the API server's clock may be behind ours."""

AUTHORITY_NAME = "Propylon CA"
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

NO_ENCRYPTION = serialization.NoEncryption()


class CertificateError(Exception):
    """Certificates or keys that cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate (or chain, leaf first) and its private key, both PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Material:
    """Everything TLS needs.

    `ca_bundle` is what callers trust: the current authority first, then a former one while
    certificates of it may be in use. `ca_key` belongs to the first; b"" when somebody else signs.
    """

    ca_bundle: bytes
    ca_key: bytes
    serving: KeyPair


def service_names(service: str, namespace: str) -> tuple[str, ...]:
    """Return the names that a serving certificate needs: those of the Service, and loopback."""
    names = (f"{service}.{namespace}.svc", f"{service}.{namespace}")
    return (*names, f"{service}.{namespace}.svc.cluster.local", *LOCAL_NAMES)


def make_material(names: Sequence[str], now: datetime) -> Material:
    """Make a new authority and a serving certificate of it for these names and addresses."""
    authority = make_authority(now)
    serving = make_serving(authority, names, now)
    return Material(authority.certificate, authority.key, serving)


def make_authority(now: datetime) -> KeyPair:
    """Make a self-signed certificate authority that signs serving certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY_NAME)])
    builder = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return KeyPair(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))


def make_serving(authority: KeyPair, names: Sequence[str], now: datetime) -> KeyPair:
    """Make a serving certificate for these names; an IP address becomes an IP entry."""
    issuer, issuer_key = _first_certificate(authority.certificate), _load_key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    # No common name: it may hold at most 64 characters, and TLS clients look at the names only.
    builder = (
        _builder(x509.Name([]), issuer.subject, key.public_key(), now, SERVING_LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    return KeyPair(_pem(builder.sign(issuer_key, hashes.SHA256())), _key_pem(key))


def renew(material: Material, names: Sequence[str], now: datetime) -> Material:
    """Return the same material, or one in which what comes to its end is made anew.

    A new authority only joins the bundle: the serving certificate of the old one stays until its
    own renewal, so that callers have learned the new bundle by then.
    """
    if not material.ca_key:
        return material
    if is_due(material.ca_bundle, now):
        authority = make_authority(now)
        former = _pem(_first_certificate(material.ca_bundle))
        return replace(material, ca_bundle=authority.certificate + former, ca_key=authority.key)
    serving = material.serving
    if not is_due(serving.certificate, now) and covers(serving.certificate, names):
        return material
    signer = KeyPair(material.ca_bundle, material.ca_key)
    return replace(material, serving=make_serving(signer, names, now))


def is_due(certificate: bytes, now: datetime) -> bool:
    """Tell whether less than a third of the (first) certificate's life is left."""
    loaded = _first_certificate(certificate)
    life = loaded.not_valid_after_utc - loaded.not_valid_before_utc
    return loaded.not_valid_after_utc - now < life / RENEWAL_SHARE


def expiry(certificate: bytes) -> datetime:
    """Return the time after which the (first) certificate is no longer valid."""
    return _first_certificate(certificate).not_valid_after_utc


def covers(certificate: bytes, names: Sequence[str]) -> bool:
    """Tell whether the certificate is good for all these names and addresses."""
    return {_name(one) for one in names} <= set(_alternative_names(certificate))


def check_material(material: Material) -> None:
    """Raise CertificateError unless keys, certificates and authority belong together."""
    check_pair(material.serving)
    leaf = _first_certificate(material.serving.certificate)
    authorities = _load_certificates(material.ca_bundle)
    if not any(_is_signed_by(leaf, one) for one in authorities):
        raise CertificateError("the serving certificate is not signed by the CA beside it")
    if material.ca_key and not _is_pair(authorities[0], material.ca_key):
        raise CertificateError("the CA's private key does not belong to its certificate")


def check_pair(pair: KeyPair) -> None:
    """Raise CertificateError unless the key belongs to the certificate."""
    if not _is_pair(_first_certificate(pair.certificate), pair.key):
        raise CertificateError("the private key does not belong to the certificate")


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return x509.DNSName(text)
    except ValueError as error:
        raise CertificateError(f"{text!r} cannot be in a certificate: {error}") from error


def _alternative_names(certificate: bytes) -> Sequence[x509.GeneralName]:
    extensions = _first_certificate(certificate).extensions
    try:
        return list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return ()


def _first_certificate(pem: bytes) -> x509.Certificate:
    return _load_certificates(pem)[0]


def _load_certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateError(f"not a PEM certificate: {error}") from error


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"not an unencrypted PEM private key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError("the CA's private key is not an elliptic curve key")
    return key


def _is_pair(certificate: x509.Certificate, key_pem: bytes) -> bool:
    try:
        key = serialization.load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"not an unencrypted PEM private key: {error}") from error
    return key.public_key() == certificate.public_key()


def _is_signed_by(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, NO_ENCRYPTION
    )
