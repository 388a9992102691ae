"""Where a process spends its time, sampled by Linux's perf and summed up by part, such as the SDK, TLS or the kernel."""

import re
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import contextmanager

# The parts. The first one that matches a function, or its library, counts.
PARTS = [
    ("Linux: network, timers, scheduling", r"^\[k\]"),
    ("the C library: memory that is taken, given back and copied", r"\blibc\.so"),
    ("TLS and its cryptography (rustls, ring, webpki)", r"rustls|webpki|\bring\b|ring_core|sha512|aes|gcm|x25519|p256|fe_"),
    ("signatures of requests (SigV4, SHA-256)", r"sigv4|sha2|hmac|sign_http"),
    ("the SDK's operations (orchestrator, retries, endpoints, types)", r"aws_|type_erasure|TypeErased|Interceptor"),
    ("HTTP (hyper)", r"hyper|\bhttp\b|http::|httparse|h1::|bytes::"),
    ("XML and JSON", r"xml|serde|json|minicbor"),
    ("the executor (tokio)", r"tokio|mio|futures"),
    ("the rotation itself: plan, journal, log, report", r"lambda::"),
]
OTHER = "the rest: formatting, hashing, and what the compiler has merged"


def available():
    return shutil.which("perf") is not None


@contextmanager
def taken(process, file):
    """Samples this process as long as the context is open."""
    command = ["perf", "record", "--quiet", "--freq", "5000", "--output", file, "--pid", str(process)]
    perf = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait()


def by_part(file):
    """The share of each part in the samples, in percent, largest first."""
    command = ["perf", "report", "--input", file, "--stdio", "--no-children", "--sort", "sym,dso"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    shares = Counter()
    for line in told.splitlines():
        if found := re.match(r" *([\d.]+)% +(\[.\].*)", line):
            shares[part(found[2])] += float(found[1])
    return shares.most_common()


def part(function):
    return next((name for name, pattern in PARTS if re.search(pattern, function)), OTHER)
