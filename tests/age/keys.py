"""Key pairs and opening, by an implementation of age that shares no code with the handler's: PyPI's `age`.

Each line on standard input is a task in JSON, each line on standard output its answer. `{"make": KIND}` makes a key
pair; `{"open": BLOCK, "with": PRIVATE}` opens a block in ASCII armor, or says that the key does not. Blocks for
ssh-ed25519 are not opened: the package has a draft of that kind which nobody else reads.
"""

import io
import json
import sys

from age.exceptions import NoIdentity
from age.file import Decryptor
from age.keys.agekey import AgePrivateKey
from age.keys.rsa import RSAPrivateKey
from age.utils.asciiarmor import AGE_PEM_LABEL, read_ascii_armored
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


def open_block(block: str, private: str) -> dict:
    # Strict: one block and nothing around it, every line but the last of 64 characters.
    [(label, encrypted)] = read_ascii_armored(io.StringIO(block))
    assert label == AGE_PEM_LABEL, label
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
