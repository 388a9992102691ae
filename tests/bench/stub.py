"""The stub of AWS in a process of its own, so that it answers while the candidates are waited for."""

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
        """A fresh account; see stub_aws.py."""
        self._ask(order)

    def calls(self):
        """The calls since it began, by operation, and the seconds that they took in all."""
        told = self._ask({})
        return Counter(told["calls"]), told["took"]

    def _ask(self, order):
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())
