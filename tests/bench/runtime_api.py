"""Lambda's Runtime API for one process at a time. It measures when the process asks for an event, and how long it takes."""

import re
import selectors
import socket
import time

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TIMEOUT = 600  # The time limit that the process is given, in seconds, as in rotation.yaml.
PATIENCE = 900  # Seconds: the longest that any function may run.


class Failed(Exception):
    """The process ended, reported an error, or took too long."""


class RuntimeApi:
    def __init__(self):
        self.sockets = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.sockets.register(self.listener, selectors.EVENT_READ)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.asking, self.received = None, {}

    def wait(self, is_alive):
        """Waits until the process asks for an event. Returns the time."""
        at, self.asking = self._request("GET", is_alive)
        return at

    def invoke(self, event, is_alive):
        """Gives the waiting process an event. Returns the seconds until its response."""
        headers = {
            "lambda-runtime-aws-request-id": "bench",
            "lambda-runtime-deadline-ms": int(time.time() + TIMEOUT) * 1000,
            "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:123456789012:function:bench",
        }
        start = time.perf_counter()
        reply(self.asking, "200 OK", event, headers)
        at, process = self._request("POST", is_alive)
        reply(process, "202 Accepted", b"", {})
        return at - start

    def forget(self):
        """Closes the connections of a process that has ended."""
        for process in self.received:
            self.sockets.unregister(process)
            process.close()
        self.asking, self.received = None, {}

    def _request(self, method, is_alive):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ready = self.sockets.select(1)
            if not ready and not is_alive():
                raise Failed("it ended by itself")
            for key, _ in ready:
                if key.fileobj is self.listener:
                    process, _ = self.listener.accept()
                    process.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.received[process] = b""
                    self.sockets.register(process, selectors.EVENT_READ)
                elif found := self._read(key.fileobj, method):
                    return found
        raise Failed(f"it did not {method} anything for {PATIENCE} seconds")

    def _read(self, process, method):
        """The time when a request was complete, and its process. None as long as it is not complete."""
        data, at = process.recv(1 << 20), time.perf_counter()
        if not data:
            self.sockets.unregister(process)
            del self.received[process]
            return None
        self.received[process] += data
        head, end, body = self.received[process].partition(b"\r\n\r\n")
        length = int(found[1]) if (found := LENGTH.search(head)) else 0
        if not end or len(body) < length:
            return None
        self.received[process] = b""
        asked, path = head.split()[:2]
        if path.endswith(b"/error"):
            raise Failed(body.decode(errors="replace"))
        return (at, process) if asked == method.encode() else None


def reply(process, status, body, headers):
    fields = {"Content-Length": len(body)} | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    process.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)
