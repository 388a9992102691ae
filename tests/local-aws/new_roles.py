"""Makes Lambda refuse a role that is too young, as AWS does for some seconds: IAM is eventually consistent."""

import json
import os
from pathlib import Path

from ministack.services import lambda_svc

# A test writes here how often a configuration for asynchronous invocations is refused from now on.
REFUSALS = Path(os.environ["TMPDIR"], "refusals-of-new-roles")


def patch():
    emulators = lambda_svc._put_event_invoke_config

    def put(function, qualifier, data):
        left = int(REFUSALS.read_text()) if REFUSALS.exists() else 0
        if left == 0:
            return emulators(function, qualifier, data)
        REFUSALS.write_text(str(left - 1))
        queue = data["DestinationConfig"]["OnFailure"]["Destination"]
        message = f"The function's execution role does not have permissions to call SendMessage on {queue}"
        body = {"Type": "User", "__type": "InvalidParameterValueException", "message": message}
        return 400, {}, json.dumps(body).encode()

    lambda_svc._put_event_invoke_config = put
