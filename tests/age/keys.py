"""Makes key pairs and decrypts blocks with PyPI's `age`, which shares no code with the handler's implementation.

Each line on standard input is a task in JSON, and each line on standard output is its answer. `{"make": KIND}` makes a key
pair. `{"open": BLOCK, "with": PRIVATE}` decrypts a block in ASCII armor; the text is null if the key does not fit. Blocks
for ssh-ed25519 are not supported, because the package implements only a draft that no other program reads.
"""

import io
import json
import sys

import age.file
from age.exceptions import NoIdentity
from age.file import Decryptor
from age.keys.agekey import AgePrivateKey
from age.keys.rsa import RSAPrivateKey
from age.recipients.ssh_rsa import SSHRSARecipient
from age.utils.asciiarmor import AGE_PEM_LABEL, read_ascii_armored
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)


def make(kind: str) -> dict:
    if kind == "x25519":
        key = AgePrivateKey.generate()
        return {"public": key.public_key().public_string(), "private": key.private_string()}
    if kind == "ssh-ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = rsa.generate_private_key(65537, int(kind.removeprefix("ssh-rsa-")))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return {"public": f"{public} somebody@somewhere", "private": private}


decrypt_rsa = SSHRSARecipient.decrypt


def decrypt_or_pass_on(recipient: SSHRSARecipient, key: RSAPrivateKey) -> bytes:
    """Skips the entry of another RSA key. The package itself would stop there."""
    try:
        return decrypt_rsa(recipient, key)
    except ValueError as error:
        raise InvalidTag from error


SSHRSARecipient.decrypt = decrypt_or_pass_on


def open_block(block: str, private: str) -> dict:
    # Strict: only one block and nothing around it, with 64 characters in every line except the last.
    [(label, encrypted)] = read_ascii_armored(io.StringIO(block))
    assert label == AGE_PEM_LABEL, label
    # The package calculates the MAC of the header over its own copy, which lacks the empty line after a body of full
    # lines. So it gets the header exactly as it is in the block.
    header, _, _ = encrypted.partition(b"\n--- ")
    age.file.dump_header = lambda _header, stream, mac: stream.write(header + b"\n---")
    if private.startswith("AGE-SECRET-KEY-"):
        key = AgePrivateKey.from_private_string(private)
    else:
        key = RSAPrivateKey(load_ssh_private_key(private.encode(), None))
    try:
        with Decryptor([key], io.BytesIO(encrypted)) as decryptor:
            return {"text": decryptor.read().decode()}
    except NoIdentity:
        return {"text": None}


for line in sys.stdin:
    task = json.loads(line)
    answer = make(task["make"]) if "make" in task else open_block(task["open"], task["with"])
    print(json.dumps(answer), flush=True)
