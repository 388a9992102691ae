"""The stub of AWS in its own process, so that it answers while this process waits for the candidates."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

SERVER = Path(__file__).with_name("stub_aws.py")


class Stub:
    def __init__(self, certificate):
        command = [sys.executable, SERVER, certificate]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ports = json.loads(self.process.stdout.readline())

    def begin(self, **order):
        """Starts with a fresh account; see stub_aws.py."""
        self._ask(order)

    def calls(self):
        """The number of calls since the start, by operation, and the sum of their seconds."""
        told = self._ask({})
        return Counter(told["calls"]), told["took"]

    def _ask(self, order):
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())
