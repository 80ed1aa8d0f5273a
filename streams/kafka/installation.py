"""The secrets of a whole installation, as files: a signing key and a password for each role, and certificates for the broker.

What is there already is kept, so that a second call adds only what is missing. Files can be read by all, and their folder by its owner
alone: so a container reads the single files that are mounted into it, whoever it runs as, and nobody else of the machine does.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from schemas.roles import RIGHTS, Role
from streams.kafka.keys import allow, load_allowed, make_key, write_secret

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ALLOWED = "allowed-keys.json"
AUTHORITY, BROKER, ADMIN = "ca", "broker", "admin"
"""Names of certificates: who signs the others, the broker's own, and that of its super user."""
PASSWORD_BYTES = 24
BACKDATED = datetime.timedelta(hours=1)
"""How long before now a certificate begins, for machines whose clocks are behind."""


def make_installation(folder: Path, hosts: list[str], others: list[str], days: int) -> list[str]:
    """Make what is missing in `folder`, and give the names of what was made.

    Args:
        folder: made where it is missing, for its owner alone.
        hosts: names and addresses by which clients reach the broker.
        others: what else needs a password (`grafana`).
        days: how long certificates hold.

    Raises:
        ConfigError: the folder cannot be written, or holds something else under one of the names.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        made = [*_signing_keys(folder), *_passwords(folder, others), *_certificates(folder, hosts, days)]
        for name in made:
            (folder / name).chmod(0o444)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror})") from None
    return made


def password_of(folder: Path, role: Role) -> str:
    """The password that `make_installation` made for a role.

    Raises:
        ConfigError: there is none.
    """
    path = folder / f"{role.value}.password"
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); `pelton keys all` makes it") from None


def _signing_keys(folder: Path) -> Iterator[str]:
    allowed = folder / ALLOWED
    for role in (role for role in Role if RIGHTS[role].writes):
        path = folder / f"{role.value}.key.json"
        known = load_allowed(allowed) if allowed.exists() else {}
        if path.exists() and role.value in known:
            continue
        if path.exists() or role.value in known:
            where = path if path.exists() else allowed
            raise ConfigError(f"{where} has the key {role.value!r}, and its other half is missing: put that back, or remove this one")
        jwk = make_key(role.value)
        write_secret(path, jwk)
        allow(allowed, jwk, [role])
        allowed.chmod(0o444)
        yield path.name


def _passwords(folder: Path, others: list[str]) -> Iterator[str]:
    for name in (*(role.value for role in Role), *others):
        path = folder / f"{name}.password"
        if not path.exists():
            _write(path, secrets.token_urlsafe(PASSWORD_BYTES).encode())
            yield path.name


def _certificates(folder: Path, hosts: list[str], days: int) -> Iterator[str]:
    """`ca.pem`, and by it `broker.pem` and `admin.pem`, each with its key in front; the authority's own key is thrown away."""
    names = [f"{name}.pem" for name in (AUTHORITY, BROKER, ADMIN)]
    there = [name for name in names if (folder / name).exists()]
    if len(there) == len(names):
        return
    if there:
        raise ConfigError(f"{folder} has {' and '.join(there)} of {', '.join(names)}: they belong together; remove these, and all are made")
    from cryptography.hazmat.primitives.asymmetric import ec

    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(AUTHORITY, authority_key, None, authority_key, [], days)
    _write(folder / names[0], _as_pem(authority))
    for name, its_hosts in ((BROKER, hosts), (ADMIN, [])):
        key = ec.generate_private_key(ec.SECP256R1())
        signed = _certificate(name, key, authority, authority_key, its_hosts, days)
        _write(folder / f"{name}.pem", _key_pem(key) + _as_pem(signed))
    yield from names


def _certificate(
    name: str, key: EllipticCurvePrivateKey, issuer: x509.Certificate | None, signer: EllipticCurvePrivateKey, hosts: list[str], days: int
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=0 if issuer is None else None), critical=True)
        .add_extension(_usage(issuer is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if hosts:
        made = made.add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
    return made.sign(signer, hashes.SHA256())


def _usage(authority: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _alternative(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _as_pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444), "wb") as file:
        file.write(content)
