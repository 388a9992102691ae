"""The AWS CLI as a server. It is imported only once, because that takes longer than most commands.

Each command runs in a process that is forked from this one. Each connection to the socket on the command line is one
command: a JSON object with its arguments and its environment. The answer is its exit code and its output. Standard input
closes when the owner has finished or died. Then this process removes the socket's folder and ends.
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
    """One command in its own process, so it may change the environment and standard output."""

    def handle(self):
        request = json.load(self.rfile)
        os.environ.update(request["environment"])
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            try:
                code = create_clidriver().main(request["arguments"])
            except SystemExit as end:  # argparse ends so if an argument is wrong.
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
    create_clidriver()  # Imports the rest of the CLI.
    with Server(sys.argv[1], Command) as server:
        threading.Thread(target=end_with_owner, daemon=True).start()
        print("ok", flush=True)
        server.serve_forever()
