"""AWS on loopback over TLS, with a set delay for each answer: stub_aws.py SERVER_PEM.

Each service has its own port, as it has its own host in AWS: a client connects to each. The stub prints the ports. Then
it reads orders from standard input, one JSON object a line. It answers each with the number of calls and the sum of their
seconds, from the last byte of a request to the first byte of its answer. `{}` only asks. `{"users": 200, "due": 10,
"latency": 0.02, "rate": 20}` starts again with a fresh account. At most `rate` calls a second, of all services together,
are not throttled (null: no limit).
"""

import asyncio
import json
import re
import selectors
import ssl
import sys
from collections import Counter
from urllib.parse import parse_qsl

from stub_account import Account, Refused

SERVICES = ["IAM", "STS", "SNS", "SECRETS_MANAGER"]
SIGNER = re.compile(rb"Credential=([^/]+)/")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TARGET = re.compile(rb"\r\nx-amz-target: *secretsmanager\.(\w+)", re.IGNORECASE)


class Aws:
    """The account, its latency, and the number of calls that it accepts a second."""

    def begin(self, users=0, due=0, latency=0.0, rate=None):
        self.account, self.latency, self.rate = Account(users, due), latency, rate
        self.calls, self.tokens, self.filled = Counter(), rate or 0, asyncio.get_running_loop().time()
        self.took = 0.0

    def throttles(self):
        """A token bucket, full at first, to which `rate` tokens are added a second."""
        if self.rate is None:
            return False
        now = asyncio.get_running_loop().time()
        self.tokens = min(self.rate, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return True
        self.tokens -= 1
        return False

    def answer(self, head, body):
        """The whole HTTP response to one call of the API."""
        target, signer = TARGET.search(head), SIGNER.search(head)
        request = json.loads(body) if target else dict(parse_qsl(body.decode()))
        operation = target[1].decode() if target else request.get("Action", "?")
        if self.throttles():
            self.calls["throttled"] += 1
            return refusal(target, "ThrottlingException" if target else "Throttling", "Rate exceeded")
        self.calls[operation] += 1
        call = getattr(self.account, operation, None)
        if call is None:
            return refusal(target, "InvalidAction", f"The stub does not know {operation}; add it to stub_account.py")
        try:
            result = call(request, signer[1].decode() if signer else "")
        except Refused as refused:
            return refusal(target, *refused.args)
        if target:
            return response(200, json.dumps(result))
        result = f"<{operation}Result>{result}</{operation}Result>"
        return response(200, f"<{operation}Response>{result}</{operation}Response>")


def refusal(target, code, message):
    if target:
        return response(400, json.dumps({"__type": code, "message": message}))
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return response(400, f"<ErrorResponse>{error}<RequestId>bench</RequestId></ErrorResponse>")


def response(status, text):
    body = text.encode()
    kind = "application/x-amz-json-1.1" if text.startswith("{") else "text/xml"
    head = f"HTTP/1.1 {status} \r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One client's connection, kept alive: request, answer, request, …"""

    def __init__(self, aws):
        self.aws, self.received = aws, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        length = int(found[1]) if (found := LENGTH.search(head)) else 0
        if end and len(rest) >= length:
            self.received, loop = rest[length:], asyncio.get_running_loop()
            received = loop.time()
            answer = self.aws.answer(head, rest[:length])
            loop.call_at(received + self.aws.latency, self.send, answer, received)

    def send(self, answer, received):
        self.aws.took += asyncio.get_running_loop().time() - received
        self.transport.write(answer)


async def main(certificate):
    loop, aws, orders = asyncio.get_running_loop(), Aws(), asyncio.StreamReader()
    aws.begin()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    servers = [await loop.create_server(lambda: Connection(aws), "127.0.0.1", 0, ssl=tls) for _ in SERVICES]
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(json.dumps(dict(zip(SERVICES, (server.sockets[0].getsockname()[1] for server in servers)))), flush=True)
    while line := await orders.readline():
        print(json.dumps({"calls": aws.calls, "took": aws.took}), flush=True)
        if order := json.loads(line):
            aws.begin(**order)


# epoll, which asyncio takes by default, wakes up to a millisecond late.
with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
    runner.run(main(sys.argv[1]))
