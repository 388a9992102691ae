"""Runs a command at a terminal of its own, types an answer once it is asked, and prints all that was to be seen.

The first argument is what is typed; `^C` is the key. Ends with what the command ends with.
"""

import os
import pty
import sys

answer = "\x03" if sys.argv[1] == "^C" else sys.argv[1] + "\n"
seen = b""
asked = False

child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        some = os.read(terminal, 4096)
    except OSError:  # Linux's word for the other end's close.
        break
    if not some:
        break
    seen += some
    if not asked and b"[y/N]" in seen:
        asked = True
        os.write(terminal, answer.encode())
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
