"""Runs a command at its own terminal, types an answer when the command asks, and prints everything that was shown.

The first argument is the text to type; `^C` means the key. The exit code is that of the command.
"""

import os
import pty
import sys

answer = "\x03" if sys.argv[1] == "^C" else sys.argv[1] + "\n"
seen = b""
asked = False

child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "xterm"  # The command runs at a terminal, even if this process does not.
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        some = os.read(terminal, 4096)
    except OSError:  # On Linux, this means that the other end was closed.
        break
    if not some:
        break
    seen += some
    if not asked and b"[y/N]" in seen:
        asked = True
        os.write(terminal, answer.encode())
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
