"""Runs moto's server, which has StackSets, on a free port of the loopback address, and prints the port.

It ends when its standard input is closed, as the other emulator does (server.py).
"""

import os
import sys
import threading
from unittest import mock

# moto's CloudFormation imports all its services. One of them, API Gateway, needs a validator with 18 packages, which our
# tests never call.
for name in ("openapi_spec_validator", "openapi_spec_validator.validation", "openapi_spec_validator.validation.exceptions"):
    sys.modules[name] = mock.MagicMock()

from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: E402  # only after the stand-ins
from werkzeug.serving import make_server  # noqa: E402


def end_with_standard_input() -> None:
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_standard_input, daemon=True).start()
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.port, flush=True)
server.serve_forever()
