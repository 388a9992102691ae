"""Runs a build and shows its progress.

    progress.py TITLE PACKAGES -- COMMAND...

PACKAGES are cargo's options that select the packages, such as "--workspace". They give the greatest number of crates. On a
terminal, one line shows the count. Elsewhere, and with PLAIN_PROGRESS, a line is printed every 30 seconds. Warnings,
errors and the exit code are those of the command.
"""

from __future__ import annotations  # For the old Python of macOS.

import os
import re
import shlex
import shutil
import subprocess
import sys
import time

INTERVAL = 30  # Seconds between two lines if there is no terminal.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
WORDS = (
    "Compiling|Checking|Fresh|Downloading|Downloaded|Updating|Locking|Installing|Installed|Replacing|Replaced|Finished|Executable"
)
STATUS = re.compile(rf" {{0,11}}({WORDS})\b ?(\S*)")


def crates(packages: list[str]) -> int:
    """The greatest number of crates in the build. Crates that are already built do not count while it runs."""
    cargo = shlex.split(os.environ.get("CARGO", "cargo"))
    options = ["--locked", "--edges", "normal,build,dev", "--prefix", "none", "--no-dedupe", "--format", "{p}"]
    listed = subprocess.run([*cargo, "tree", *options, *packages], capture_output=True, text=True, check=False)
    return len(set(listed.stdout.splitlines()))


def main() -> int:
    title, packages = sys.argv[1], sys.argv[2].split()
    command = sys.argv[sys.argv.index("--") + 1 :]
    terminal = sys.stderr.isatty() and not os.environ.get("PLAIN_PROGRESS")
    began = last = time.monotonic()
    total = built = 0
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
    for line in process.stderr:
        status = STATUS.match(COLOUR.sub("", line))
        if not status:
            sys.stderr.write(("\r\x1b[K" if terminal else "") + line)
            continue
        if status[1] not in ("Compiling", "Checking"):
            continue
        if not built and packages:
            total = crates(packages)
        built += 1
        now = time.monotonic()
        of = f" of at most {total}" if total else ""
        text = f"{title}: {built}{of} crates, {now - began:.0f} s, now {status[2]}"
        if terminal:
            sys.stderr.write("\r\x1b[K" + text[: shutil.get_terminal_size().columns - 1])
        elif built == 1 or now - last >= INTERVAL:
            last = now
            print(text, file=sys.stderr)
        sys.stderr.flush()
    code = process.wait()
    if terminal and built:
        sys.stderr.write("\r\x1b[K")
    if built and code == 0:
        print(f"{title}: done in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return code if code >= 0 else 128 - code  # The exit code for a signal, as in a shell.


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
