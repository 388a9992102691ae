"""Waits for everything that a function has written before its response. On a busy machine, the emulator reads it too late, and
the lines become part of the next invocation."""

import array
import fcntl
import termios
import time

from ministack.core import lambda_runtime

PATIENCE_SECONDS = 5


def unread(pipe):
    """The number of bytes that wait in a pipe."""
    number = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, number)
    return number[0]


def patch():
    emulators = lambda_runtime.ProvidedWorker._drain_stderr_bounded

    def drain(worker, **waits):
        until = time.monotonic() + PATIENCE_SECONDS
        pipe = worker._proc and worker._proc.stdout
        while pipe and unread(pipe) and time.monotonic() < until:
            time.sleep(0.001)
        return emulators(worker, **waits)

    lambda_runtime.ProvidedWorker._drain_stderr_bounded = drain
