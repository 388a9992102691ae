"""Limits a process to the share of a processor that Lambda gives a function with some memory. Uses a Linux control group."""

import os
from contextlib import contextmanager
from pathlib import Path

# At 1,769 MB, a function has the equivalent of one vCPU (Lambda Developer Guide, "Configure Lambda function memory").
ONE_PROCESSOR = 1769
# AWS publishes the share, but not the period over which it is distributed. A shorter period distributes it more evenly.
PERIOD = 20_000  # Microseconds.
GROUPS = Path("/sys/fs/cgroup")
NAME = f"access-key-rotation-bench-{os.getpid()}"


@contextmanager
def share(memory):
    """A function that limits a process from now on. None if this machine does not allow it."""
    quota = PERIOD * memory // ONE_PROCESSOR
    if (GROUPS / "cgroup.controllers").exists():
        group, limits = GROUPS / NAME, {"cpu.max": f"{quota} {PERIOD}"}
    else:
        group, limits = GROUPS / "cpu" / NAME, {"cpu.cfs_period_us": PERIOD, "cpu.cfs_quota_us": quota}
    try:
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        try:
            for name, limit in limits.items():
                (group / name).write_text(str(limit))
        except OSError:
            yield None
            return
        yield lambda process: (group / "cgroup.procs").write_text(str(process))
    finally:
        group.rmdir()
