"""One process of a candidate, from its start until it is killed, and the time and memory that it uses."""

import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from runtime_api import Failed
from stub_account import address, names


@dataclass
class Candidate:
    """A program that Lambda could run."""

    name: str
    command: list
    environment: dict
    rotates: bool = True
    finds: bool = False  # Whether it finds the account's users by itself. Otherwise each must be named.

    def users(self, fleet):
        """The value of USERS, which selects the users whose keys are rotated."""
        if not self.finds or fleet.users == 1:
            return " ".join(names(fleet.users))
        return " ".join(["/", *(f"{user};owner={address(user)}" for user in names(fleet.due))])


@dataclass
class Run:
    """The measurements of a process's first event."""

    ready: float  # Seconds to start.
    took: float  # Seconds for the event.
    busy: float  # Processor seconds for both.
    peak: float  # Peak memory in MB.
    calls: Counter  # The number of calls by operation. Throttled calls are counted separately.
    waited: float  # The sum of the seconds of all calls.


class Process:
    def __init__(self, candidate, fleet, api, log):
        self.name, self.api, self.log, self.ended, self.busy = candidate.name, api, log, False, 0
        environment = candidate.environment | {"AWS_LAMBDA_RUNTIME_API": api.address, "USERS": candidate.users(fleet)}
        to_log = (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        command = [str(word) for word in candidate.command]
        start = time.perf_counter()
        output = [to_log, (os.POSIX_SPAWN_DUP2, 1, 2)]
        self.id = os.posix_spawn(command[0], command, environment, file_actions=output)
        self.ready = self._told(lambda: api.wait(self.is_alive)) - start

    def event(self):
        """Sends an event. Returns the seconds until its response, after the process has asked for the next event."""
        took = self._told(lambda: self.api.invoke(b"{}", self.is_alive))
        self._told(lambda: self.api.wait(self.is_alive))
        return took

    def peak(self):
        """The peak memory in MB. The kernel counts it from the start of this program, so the memory of its parent does not count."""
        status = Path(f"/proc/{self.id}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def is_alive(self):
        self.ended = self.ended or os.waitpid(self.id, os.WNOHANG)[0] != 0
        return not self.ended

    def fail(self, why):
        """Ends the whole benchmark, because later measurements would be wrong."""
        sys.exit(f"{self.name} failed: {why}. What it said last:\n{Path(self.log).read_text()[-2000:]}")

    def _told(self, do):
        try:
            return do()
        except Failed as why:
            self.fail(why)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.is_alive():
            os.kill(self.id, signal.SIGKILL)
            _, _, usage = os.wait4(self.id, 0)
            self.busy = usage.ru_utime + usage.ru_stime
        self.api.forget()
