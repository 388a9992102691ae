"""The AWS CLI, imported once: each command runs in a process that is forked from this one.

Importing the CLI takes longer than most of its commands. Each connection to the socket that is named on the command line is
one command: a JSON object with its arguments and its environment. The answer is its exit code and what it printed. When
standard input closes (the owner is done, or dead), this process removes the socket's folder and ends.
"""

import json
import os
import shutil
import socketserver
import sys
import tempfile
import threading
import traceback

from awscli.clidriver import create_clidriver


class Command(socketserver.StreamRequestHandler):
    """One command, in a process of its own: it may change the environment and standard output."""

    def handle(self):
        request = json.load(self.rfile)
        os.environ.update(request["environment"])
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            try:
                code = create_clidriver().main(request["arguments"])
            except SystemExit as end:  # How argparse ends where an argument is wrong.
                code = end.code
            except BaseException:
                traceback.print_exc()
                code = 255
            sys.stdout.flush()
            sys.stderr.flush()
            texts = {}
            for name, file in (("out", out), ("err", err)):
                file.seek(0)
                texts[name] = file.read().decode()
            self.wfile.write(json.dumps({"code": code, **texts}).encode())


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 64
    max_children = 64


def end_with_owner():
    sys.stdin.read()
    shutil.rmtree(os.path.dirname(sys.argv[1]), ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    create_clidriver()  # Imports the rest of it.
    with Server(sys.argv[1], Command) as server:
        threading.Thread(target=end_with_owner, daemon=True).start()
        print("ok", flush=True)
        server.serve_forever()
