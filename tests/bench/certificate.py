"""A certificate for 127.0.0.1, made at run time, and the bundle of authorities that trusts it."""

import datetime
import ipaddress
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


def make(folder):
    """Writes the server's key and certificate, and the bundle. Returns the paths of the two files."""
    ours, authority_key, key = name("bench authority"), *(ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    is_authority = x509.BasicConstraints(ca=True, path_length=0)
    authority = builder(ours, ours, authority_key).add_extension(is_authority, critical=True)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = builder(name("127.0.0.1"), ours, key).add_extension(here, critical=False)

    def signed(certificate):
        return certificate.sign(authority_key, hashes.SHA256()).public_bytes(PEM)

    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server, bundle = folder / "server.pem", folder / "authorities.pem"
    server.write_bytes(private + signed(leaf))
    # With the authorities that a function finds in Lambda, because reading them all is part of a first event.
    bundle.write_bytes(Path(certifi.where()).read_bytes() + signed(authority))
    return server, bundle


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def builder(subject, issuer, key):
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
