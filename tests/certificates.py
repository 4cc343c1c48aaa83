"""Certificates for far ends on loopback: a good one, and what is wrong with others."""

import datetime as dt
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = trustme.CA()
"""The one that the tests' senders trust."""

DAY = dt.timedelta(days=1)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    leaf.configure_cert(tls)
    return tls


def good() -> ssl.SSLContext:
    return context(AUTHORITY.issue_cert("localhost", "127.0.0.1"))


def expired() -> ssl.SSLContext:
    past = dt.datetime.now(dt.UTC) - DAY
    return context(AUTHORITY.issue_cert("localhost", not_after=past))


def not_yet_valid() -> ssl.SSLContext:
    begin = dt.datetime.now(dt.UTC) + DAY
    return context(AUTHORITY.issue_cert("localhost", not_before=begin))


def misnamed() -> ssl.SSLContext:
    return context(AUTHORITY.issue_cert("other.example"))


def unknown() -> ssl.SSLContext:
    return context(trustme.CA().issue_cert("localhost"))


def self_signed() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    return _loaded(_certificate(key, signed_by=key), key)


def for_clients_only() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    return _loaded(_certificate(key, usage=ExtendedKeyUsageOID.CLIENT_AUTH), key)


def weak() -> ssl.SSLContext:
    """One of the authority, with a key that could be found out."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is its fault
    return _loaded(_certificate(key), key)


WRONG: dict[str, tuple[Callable[[], ssl.SSLContext], str]] = {
    "expired": (expired, "has expired"),
    "not yet valid": (not_yet_valid, "not yet valid"),
    "of another name": (misnamed, "for another name"),
    "of an unknown authority": (unknown, "unknown authority"),
    "signed by itself": (self_signed, "signed by itself"),
    "for clients only": (for_clients_only, "not meant for servers"),
    "with a weak key": (weak, "key that is too short"),
}
"""What can be wrong with a certificate, and how it is told."""


def _certificate(
    key: Key,
    *,
    signed_by: Key | None = None,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
) -> x509.Certificate:
    """Make a certificate for localhost, of the authority if no other signs."""
    authority = x509.load_pem_x509_certificate(AUTHORITY.cert_pem.bytes())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if signed_by else authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.ExtendedKeyUsage([usage]), False)
    )
    return builder.sign(signed_by or _authoritys_key(), hashes.SHA256())


def _authoritys_key() -> Key:
    pem = AUTHORITY.private_key_pem.bytes()
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _loaded(certificate: x509.Certificate, key: Key) -> ssl.SSLContext:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.set_ciphers("DEFAULT@SECLEVEL=0")  # or it would not serve a weak key
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem + certificate.public_bytes(serialization.Encoding.PEM))
        file.flush()
        tls.load_cert_chain(Path(file.name))
    return tls
